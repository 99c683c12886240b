"""Headers of mail: sent by a program, one list, and an id that stays when the mail is repeated.

Apprise gives each mail a Message-ID of its own, and a second one if it is told one. It offers no
hook for that, so its function that makes mails is wrapped: pyproject.toml bounds the release,
tests/workers/test_mail.py looks at what arrives.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_string
from functools import cache
from typing import Any
from urllib.parse import quote

from models.rules.limits import MIB

_SCHEMES = ("mailto", "mailtos")
_MESSAGE_ID = "Message-ID"


def is_mail(address: str) -> bool:
    """Return whether this is the address of a mail server."""
    return address.partition(":")[0].lower() in _SCHEMES


def add_mail_headers(service: Any, message: str) -> None:
    """Give the mails of a service the headers of an automatic notice; `message` is its id.

    By them no out-of-office reply comes back (RFC 3834), a repeat is the same mail to a mail
    server, and recipients can file notices (RFC 2919). A header of the address stands.
    """
    _keep_one_message_id()
    domain = service.from_addr[1].rpartition("@")[2]
    headers = {
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "List-Id": f"12345 <hotline.{domain}>",
    }
    service.headers = headers | service.headers
    service.headers[_MESSAGE_ID] = f"<{quote(message, safe='+')}@{domain}>"
    # the parts of a mail that is sent in parts would have one id
    service.body_maxlen = MIB


@cache
def _keep_one_message_id() -> None:
    """Make Apprise leave out its own Message-ID where there is one already."""
    from apprise.plugins.email.base import NotifyEmail  # noqa: PLC0415

    prepare: Callable[..., Iterator[Any]] = NotifyEmail.prepare_emails

    def prepare_emails(**values: Any) -> Iterator[Any]:
        for mail in prepare(**values):
            message = message_from_string(mail.body)
            first, *_others = message.get_all(_MESSAGE_ID, [])
            del message[_MESSAGE_ID]
            message[_MESSAGE_ID] = first
            yield replace(mail, body=message.as_string())

    plugin: Any = NotifyEmail
    plugin.prepare_emails = staticmethod(prepare_emails)
