"""Settings from the environment or the home's `.env` file; the only place that reads either."""

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.i18n import LANGUAGES, _
from models.setting_values import InvalidSetting, one_of, read_secret, server_url, why_unreadable

SETTINGS = (
    "HOTLINE_HOME",
    "HOTLINE_DATABASE_URL",
    "HOTLINE_DATABASE_PASSWORD_FILE",
    "HOTLINE_BROKER_URL",
    "HOTLINE_BROKER_PASSWORD_FILE",
    "HOTLINE_POLICY",
    "HOTLINE_LANG",
    "HOTLINE_KEY_FILE",
    "HOTLINE_KEY",
    "HOTLINE_TOKEN",
    "HOTLINE_TOKEN_FILE",
    "HOTLINE_OPERATOR",
    "HOTLINE_CHANNELS",
    "HOTLINE_ANCHORS",
    "HOTLINE_LOG",
    "HOTLINE_PAGER",
)
"""The variables that are read; no other one is."""

PREFIX, _OF_TESTS = "HOTLINE_", "HOTLINE_TEST_"
_HOME = "~/.local/share/hotline"
_STATE = "~/.local/state"
NO_ANCHORS = "none"
_PAGER = "less"
_DATABASES = ("sqlite:", "postgresql:", "postgresql+psycopg:")
_LOGS = ("text", "json")
_BROKERS = ("redis:", "rediss:", "unix:")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an installation; each variable is `HOTLINE_` and the name in capitals.

    `anchors` is the folder that anchors are copied to, None where they are not; `home_named` says
    whether HOTLINE_HOME names the home, which is the usual one otherwise. `pager`, `in_colour`:
    what people get at a terminal.
    """

    home: Path
    database_url: str | None = field(default=None, repr=False)
    broker_url: str | None = field(default=None, repr=False)
    policy: Path | None = None
    lang: str = "zh"
    key_file: Path | None = None
    operator: str | None = None
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    log: str = "text"
    channels: Path | None = None
    anchors: Path | None = None
    home_named: bool = False
    pager: str = ""
    in_colour: bool = True

    @property
    def store_url(self) -> str:
        """The URL of the database: the given one, or SQLite in the home."""
        return self.database_url or f"sqlite:///{self.home / 'hotline.db'}"

    @property
    def sqlite_path(self) -> Path | None:
        """The file of a SQLite store; None for a store on a server."""
        scheme, _sep, path = self.store_url.partition(":///")
        return Path(path.partition("?")[0]) if scheme.startswith("sqlite") and path else None

    @property
    def key_path(self) -> Path:
        """The file with the keys of encrypted columns."""
        return self.key_file or self.home / "hotline.key"

    @property
    def channels_path(self) -> Path:
        """The file that says where notices go; without it they go to a file in the home."""
        return self.channels or self.home / "channels.toml"


def load_settings(overriding: Mapping[str, str] | None = None) -> Settings:
    """Load the settings of this process; the environment wins over `.env`, `overriding` over both.

    Raises InvalidSetting with the variable's name and what is allowed.
    """
    home = home_setting(overriding)
    variables = _variables(home, overriding)

    def get(name: str) -> str | None:
        variable = f"{PREFIX}{name}"
        assert variable in SETTINGS, variable
        return variables.get(variable) or None

    def path(name: str) -> Path | None:
        text = get(name)
        return Path(text).expanduser().absolute() if text else None

    def url(name: str, schemes: tuple[str, ...]) -> str | None:
        address = get(f"{name}_URL")
        return address and server_url(name, address, get(f"{name}_PASSWORD_FILE"), schemes)

    lang = one_of("LANG", get("LANG"), LANGUAGES)
    log = one_of("LOG", get("LOG"), _LOGS)
    settings = Settings(
        home=home,
        database_url=url("DATABASE", _DATABASES),
        broker_url=url("BROKER", _BROKERS),
        policy=path("POLICY"),
        lang=lang,
        key_file=path("KEY_FILE"),
        operator=get("OPERATOR"),
        key=get("KEY"),
        token=_token(get),
        log=log,
        channels=path("CHANNELS"),
        home_named=_named_home(overriding) is not None,
        pager=_pager(variables),
        in_colour=not variables.get("NO_COLOR") and variables.get("TERM") != "dumb",
    )
    if get("ANCHORS") == NO_ANCHORS:
        return settings
    return replace(settings, anchors=path("ANCHORS") or _anchors_of(settings.store_url))


def unknown_settings(overriding: Mapping[str, str] | None = None) -> list[str]:
    """Return the variables that look like settings and are none, as misspelt ones.

    Raises InvalidSetting.
    """
    names = _variables(home_setting(overriding), overriding).keys() - set(SETTINGS)
    return sorted(n for n in names if n.startswith(PREFIX) and not n.startswith(_OF_TESTS))


def _anchors_of(store_url: str) -> Path:
    """Return the folder for the anchors of a store: not in its home, and one for each store."""
    _scheme, _sep, rest = store_url.partition("://")
    # whoever connects, and how, does not matter
    where = rest.rpartition("@")[2].partition("?")[0]
    name = Path(where).stem or "store"
    digest = hashlib.sha256(where.encode()).hexdigest()[:8]
    state = os.environ.get("XDG_STATE_HOME") or _STATE
    return (Path(state) / "hotline" / f"{name}-{digest}").expanduser().absolute()


def language_setting() -> str:
    """Return the language that is set, even where other settings are invalid."""
    try:
        lang = _variables(home_setting()).get("HOTLINE_LANG")
    except InvalidSetting:
        lang = os.environ.get("HOTLINE_LANG")
    return lang if lang in LANGUAGES else LANGUAGES[0]


def log_setting() -> str:
    """Return the form of the log that is set, even where other settings are invalid."""
    try:
        form = _variables(home_setting()).get("HOTLINE_LOG")
    except InvalidSetting:
        form = os.environ.get("HOTLINE_LOG")
    return form if form in _LOGS else _LOGS[0]


def home_setting(overriding: Mapping[str, str] | None = None) -> Path:
    """Return the home, which the environment alone can set: its `.env` file lies in it."""
    return Path(_named_home(overriding) or _HOME).expanduser().absolute()


def _named_home(overriding: Mapping[str, str] | None) -> str | None:
    return {**os.environ, **(overriding or {})}.get("HOTLINE_HOME") or None


def _variables(home: Path, overriding: Mapping[str, str] | None = None) -> Mapping[str, str | None]:
    return {**_dotenv(home / ".env"), **os.environ, **(overriding or {})}


def _dotenv(file: Path) -> Mapping[str, str | None]:
    """Read the variables that the home's `.env` file sets, if there is one.

    It can name another database and other keys, so it must be this user's or root's, and nobody
    else may write it. Raises InvalidSetting.
    """
    try:
        status = file.stat()
    except FileNotFoundError as error:
        if not file.is_symlink():
            return {}
        text = _("{path}: a link to a file that is not there: mend the link, or remove it")
        raise InvalidSetting(text.format(path=file)) from error
    except OSError:  # a home that is closed to this user, which is said elsewhere
        return {}
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others or status.st_uid not in (0, os.geteuid()) or not stat.S_ISREG(status.st_mode):
        text = _("{path}: must be a file of this user that nobody else can write to")
        raise InvalidSetting(text.format(path=file))
    # imported here: most installations have no such file, and every command begins here
    from dotenv import dotenv_values  # noqa: PLC0415

    try:
        return dotenv_values(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{file}: {why_unreadable(error)}") from error


def _pager(variables: Mapping[str, str | None]) -> str:
    for name in ("HOTLINE_PAGER", "PAGER"):
        if (pager := variables.get(name)) is not None:
            return pager
    return _PAGER


def _token(get: Callable[[str], str | None]) -> str | None:
    """Return the token, which is better kept in a file than in the environment."""
    file = get("TOKEN_FILE")
    return get("TOKEN") or (read_secret("HOTLINE_TOKEN_FILE", file) if file else None)
