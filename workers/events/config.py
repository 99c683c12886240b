"""A channel of events in the channels file."""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from models.i18n import _
from models.queries.event_feed import PageLimits
from models.rules.toml_files import TomlModel
from models.rules.vocabulary import EventName
from workers.events.signature import secret_key


def _http_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(c.isspace() for c in url):
        raise ValueError(_("write an address as https://HOST/PATH"))
    return url


def _usable_secret(secret: str) -> str:
    secret_key(secret)
    return secret


_Secret = Annotated[str, AfterValidator(_usable_secret)]


class EventsChannelConfig(TomlModel):
    """A channel that gets the logs of all tickets by HTTP POST, a page of events at a time.

    A page is signed with `secret`, and also with the `former_secret` while a receiver changes over.
    `units` and `types` are the events that are wanted, all where they are left out. With `reveal`
    texts are in clear where a supervisor has given the channel a role for it. `timeout` is in
    seconds; a new channel begins with the first event of the store, or `start` now.
    """

    kind: Literal["events"]
    url: Annotated[str, AfterValidator(_http_address)]
    secret: _Secret
    former_secret: _Secret | None = None
    units: tuple[str, ...] = ()
    types: tuple[EventName, ...] = ()
    page: int = Field(default=PageLimits.events, ge=1, le=2_000)
    timeout: float = Field(default=10, gt=0, le=60)
    reveal: bool = False
    start: Literal["beginning", "now"] = "beginning"

    @property
    def secrets(self) -> list[str]:
        """Return the secrets that pages are signed with."""
        return [secret for secret in (self.secret, self.former_secret) if secret is not None]

    @property
    def is_private(self) -> bool:
        """Return whether nobody on the way can read what is sent: by TLS, or inside this host."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        try:
            inside = ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = host == "localhost"
        return parts.scheme == "https" or inside
