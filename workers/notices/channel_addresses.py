"""Check the address of a channel, without ever repeating it: it may hold a password."""

import re

from models.i18n import _
from workers.notices.apprise_services import make_service
from workers.notices.mail_headers import is_mail

TO = "{to}"
"""The place of the recipient in an address."""

_ON_A_SERVER = ("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
"""Schemes whose addresses name a server, as in `scheme://USER:PASSWORD@HOST:PORT`."""


def usable_address(url: str) -> str:
    """Return the address if a service takes it, with a mail address or a number in it.

    Raises ValueError with what is wrong.
    """
    if _breaks_off(url):
        raise ValueError(
            _(
                "a character of the user name, the password or a value ends it too early; in these "
                "write @ as %40, : as %3A, ; as %3B, / as %2F, ? as %3F, # as %23, % as %25"
            )
        )
    services = [
        make_service(url.replace(TO, recipient).replace("{id}", "1"))
        for recipient in ("someone%40example.cn", "13800000000")
    ]
    if all(service is None for service in services):
        raise ValueError(
            _(
                "no service takes this address; write it as in docs/channels.md: mailtos://, "
                "wecombot://, dingtalk://, feishu://, json:// ..."
            )
        )
    if is_mail(url) and not all(s is None or _is_ascii(s.user, s.password) for s in services):
        raise ValueError(_("a mail server takes only ASCII in a user name and a password"))
    return url


def _is_ascii(*texts: str | None) -> bool:
    return all(text is None or text.isascii() for text in texts)


def _breaks_off(url: str) -> bool:
    """Return whether a user name or password holds a character that ends it.

    Apprise would take the rest for the server, or leave it out, and not say so.
    """
    scheme, _sign, rest = url.partition("://")
    server = re.split("[/?#]", rest, maxsplit=1)[0]
    after = rest[len(server) :]
    if ";" in after.partition("?")[2]:
        return True
    credentials, at, _host = server.rpartition("@")
    if at:
        return "@" in credentials or credentials.count(":") > 1
    # a slash, a question mark or a number sign may have ended them before their @
    port = "" if server.startswith("[") else server.partition(":")[2]
    is_port = not port or port.isdecimal()
    return scheme.lower() in _ON_A_SERVER and not is_port and "@" in after
