"""The manual's page about settings, made of the names that the code reads."""

from typing import NamedTuple

from models.settings import SETTINGS

_PROCESSES = "every command 各命令"
_BEGIN = """\
# Settings 设置

<!-- Made of the code by `make reference`; do not edit. -->

Settings come from the environment or from a `.env` file in the home; the environment wins. `HOTLINE_HOME`
comes from the environment only. An error names the setting that is wrong, and repeats no address or key.
A variable that looks like a setting and is none is named on standard error. [Install](administrators/install.md#settings)
says where they are written.

设置取自环境变量，或数据目录中的 `.env` 文件，环境变量优先；`HOTLINE_HOME` 只取自环境变量。设置有误的，
提示变量名称，不显示地址和密钥。以 `HOTLINE_` 开头而不在下表中的变量，运行时予以提示。

| setting 变量 | is 含义 | default 默认 | read by 由谁读取 |
|---|---|---|---|
"""
_END = """
Nothing else is read from the environment but what every program on the system reads: `XDG_STATE_HOME` for the
default of `HOTLINE_ANCHORS`, `LANG`, `TERM`, `PAGER` and `NO_COLOR` for the terminal.

除此之外，只读取各程序通用的变量：`XDG_STATE_HOME` 决定 `HOTLINE_ANCHORS` 的默认位置，`LANG`、`TERM`、`PAGER`、`NO_COLOR` 用于终端。
"""


class SettingWords(NamedTuple):
    """The words about a setting, in English and Chinese."""

    meaning: str
    default: str
    read_by: str = _PROCESSES


SETTING_WORDS = {
    "HOTLINE_HOME": SettingWords(
        "the [folder](administrators/home.md) of everything that is kept 数据目录",
        "`~/.local/share/hotline`",
    ),
    "HOTLINE_DATABASE_URL": SettingWords(
        "`postgresql+psycopg://…` or `sqlite:///…` 数据库地址",
        "SQLite in the home 数据目录中的 SQLite",
    ),
    "HOTLINE_DATABASE_PASSWORD_FILE": SettingWords(
        "a file with the database's password 存放数据库口令的文件",
        "the password in the URL 地址中的口令",
    ),
    "HOTLINE_BROKER_URL": SettingWords(
        "`redis://`, `rediss://` or `unix://` 消息代理地址",
        "the embedded server 内置服务器",
        "up, worker, timekeeper, monitor, doctor, metrics",
    ),
    "HOTLINE_BROKER_PASSWORD_FILE": SettingWords(
        "a file with the broker's password 存放消息代理口令的文件",
        "the password in the URL 地址中的口令",
        "up, worker, timekeeper, monitor, doctor, metrics",
    ),
    "HOTLINE_POLICY": SettingWords(
        "the [policy](administrators/policies.md) file that a new store begins with 新建数据库采用的制度文件",
        "the policy of 濠江区, which is included 内置的濠江区制度",
        "whatever makes a store; due, calendar show, replay without one "
        "新建数据库的命令；没有数据库时的 due、calendar show、replay",
    ),
    "HOTLINE_LANG": SettingWords("`zh` or `en` 界面语言", "`zh`"),
    "HOTLINE_KEY_FILE": SettingWords(
        "the [key file](administrators/secrets.md) 密钥文件", "`hotline.key` in the home 数据目录中"
    ),
    "HOTLINE_KEY": SettingWords("the keys themselves, instead of a file 密钥内容，代替文件", "—"),
    "HOTLINE_TOKEN": SettingWords(
        "the [token](administrators/secrets.md#tokens) of a person or a machine 个人或机器的令牌",
        "the operating system's user 操作系统用户",
    ),
    "HOTLINE_TOKEN_FILE": SettingWords(
        "a file with the token 存放令牌的文件", "the operating system's user 操作系统用户"
    ),
    "HOTLINE_OPERATOR": SettingWords(
        "the person's name, while nobody has a [role](administrators/secrets.md#roles) "
        "值班员姓名，仅在尚未授予任何角色时有效",
        "the monitor asks 启动时询问",
        "monitor, up",
    ),
    "HOTLINE_CHANNELS": SettingWords(
        "the [channels file](channels.md) 渠道文件",
        "`channels.toml` in the home, if it exists 数据目录中，有则用之",
        "up, worker, channels, doctor, backup",
    ),
    "HOTLINE_ANCHORS": SettingWords(
        "the folder that [anchors](administrators/secrets.md#anchors) are copied to; `none` for no copy "
        "锚点副本的存放位置；`none` 为不存",
        "`~/.local/state/hotline/` and the store's name 以及数据库名称",
        "up, worker, log --verify, anchors, restore, doctor",
    ),
    "HOTLINE_LOG": SettingWords("`text` or `json` 日志格式", "`text`", "every process 各进程"),
    "HOTLINE_PAGER": SettingWords(
        "the program that long results go through at a terminal; empty or `cat` for none "
        "在终端上分页显示较长结果的程序；空或 `cat` 为不分页",
        "`PAGER`, else `less` `PAGER`，否则 `less`",
        "every command 各命令",
    ),
}


def settings_page() -> str:
    """Return the page. Raises KeyError for a setting that has no words."""
    words = {name: SETTING_WORDS[name] for name in SETTINGS}
    rows = (
        f"| `{name}` | {w.meaning} | {w.default} | {w.read_by} |\n" for name, w in words.items()
    )
    return _BEGIN + "".join(rows) + _END
