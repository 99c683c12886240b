"""Plates of vehicles, mail addresses and accounts of messengers in a text."""

import re
from collections.abc import Iterator

from models.rules.personal.places import PersonalKind, Place

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(
    rf"[{_PROVINCES}] ?[A-HJ-NP-Z][ .·•・\u2010-\u2015-]?"
    r"(?:(?=(?:[A-Z]?\d){4})[A-HJ-NP-Z0-9]{6}|(?=(?:[A-Z]{0,2}\d){3})[A-HJ-NP-Z0-9]{5}"
    r"|(?=(?:[A-Z]?\d){3})[A-HJ-NP-Z0-9]{4}[挂学警港澳使领])(?![A-Z0-9])",
    re.IGNORECASE,
)
"""Six signs for new energy (新能源), five, or four before a word (trailer, school, police)."""

_BARE_PLATE = re.compile(
    r"车牌(?:号码?)?[是为:： ]{0,2}((?=[A-Z]{0,2}\d)[A-HJ-NP-Z0-9]{5,7})(?![A-Z0-9])", re.IGNORECASE
)

_MAIL = re.compile(
    r"[A-Za-z0-9][\w.+-]{0,63}"
    r"(?: ?@ ?(?=[\w-]{1,63}\.)|#(?=(?:163|126|139|189|qq|sina|gmail|foxmail)\.))"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}",
    re.ASCII,
)

_MESSENGER = re.compile(
    "微信|威信|薇信|加V|加v|\\+V|\\+v|加微|扣扣|企鹅|抖音|快手|钉钉|QQ|qq|Qq|Q|q|V信|v信|VX|vx|Vx|WX|wx|Wx"
    "|wechat|WeChat|Wechat|weixin"
)
_ACCOUNT = re.compile(
    r"(?P<label>(?:群|账号|帐号|号码?|同号|[Ii][Dd]|名)?[\s是为:：(]{0,4})"
    r"(?P<account>wxid_[A-Za-z0-9]+|[A-Za-z][A-Za-z0-9_-]{4,19}|[1-9]\d{4,9})(?![A-Za-z0-9_-])"
)
_WECHAT_ID = re.compile(r"wxid_[A-Za-z0-9]+")
_AMOUNT = re.compile(r"\s*(?:元|万|亿|块|人|户|个|次|条|%)")


def locate_accounts(plain: str) -> Iterator[Place]:
    """Yield the plates and accounts in a text whose signs are ASCII."""
    for match in _PLATE.finditer(plain):
        yield Place(*match.span(), PersonalKind.PLATE)
    for match in _BARE_PLATE.finditer(plain):
        yield Place(*match.span(1), PersonalKind.PLATE)
    if "@" in plain or "#" in plain:
        for match in _MAIL.finditer(plain):
            yield Place(*match.span(), PersonalKind.MAIL)
    for messenger in _MESSENGER.finditer(plain):
        account = _ACCOUNT.match(plain, messenger.end())
        if account is not None and _is_account(plain, messenger, account):
            yield Place(*account.span("account"), PersonalKind.CHAT)
    for match in _WECHAT_ID.finditer(plain):
        yield Place(*match.span(), PersonalKind.CHAT)


def _is_account(plain: str, messenger: re.Match[str], account: re.Match[str]) -> bool:
    """Return whether what stands behind a messenger's name is an account, not any other word."""
    before = plain[max(messenger.start() - 1, 0) : messenger.start()]
    if messenger.group().isascii() and before.isascii() and before.isalpha():
        return False
    if _AMOUNT.match(plain, account.end()):
        return False
    if messenger.group() in ("Q", "q"):
        return account["account"].isdecimal()
    says_so = account["label"].strip() != ""
    return says_so or any(not c.isalpha() for c in account["account"])
