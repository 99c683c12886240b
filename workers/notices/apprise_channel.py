"""Send a message by Apprise: mail, chat robots, webhooks, SMS gateways."""

import logging
import threading

from workers.notices.apprise_services import make_service
from workers.notices.channels import ChannelConfig
from workers.notices.mail_headers import add_mail_headers, is_mail

_HEADER = "X-Hotline-Notice-Id"
_WITH_HEADERS = ("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
_LONGEST_ERROR = 200


def send_message(
    channel: ChannelConfig, to: str, message: str, subject: str, text: str
) -> str | None:
    """Send one message within the channel's timeout; returns None, or why it could not be sent.

    `message` is its id; where the service can carry headers it goes with it in
    `X-Hotline-Notice-Id`.
    """
    url = channel.url_for(to, message)
    options = {"cto": channel.timeout, "rto": channel.timeout, "overflow": "split"}
    query = "&".join(f"{k}={v}" for k, v in options.items())
    if url.partition(":")[0].lower() in _WITH_HEADERS:
        query += f"&%2B{_HEADER}={message.replace('+', '%2B')}"
    url += ("&" if "?" in url else "?") + query
    if (service := make_service(url)) is None:
        return "the address does not fit this service"
    if is_mail(url):
        add_mail_headers(service, message)
    with _Warnings() as warnings:
        sent = service.notify(body=text, title=subject, body_format="text")
    return None if sent else warnings.first or "the service did not take the message"


class _Warnings(logging.Handler):
    """Keeps the first warning of Apprise in this thread; warnings hold no secrets.

    It is the only place where Apprise says why a message could not be sent.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of the first record, on one line."""
        if record.thread == self._thread and not self.first:
            self.first = " ".join(record.getMessage().split())[:_LONGEST_ERROR]

    def __enter__(self) -> "_Warnings":
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
