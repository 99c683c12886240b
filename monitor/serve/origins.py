"""Origins: whether a request comes from a page of this server, by whatever address it was reached.

Requests arrive directly, through a proxy that ends TLS and may change the path and the Host header,
or through an SSH tunnel from `localhost`. Origins are compared as origins: scheme, host and port,
with the default port left out or written, in any case.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The origin of a page: scheme, host and port."""

    scheme: str
    host: str
    port: int


def parse_origin(url: str) -> Origin | None:
    """Return the origin of an http or https address; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return Origin(parts.scheme, _host(parts.hostname), port or _PORTS[parts.scheme])


def is_own_page(origin: str, host: str, public: Origin | None) -> bool:
    """Return whether the page with this Origin header is ours.

    It is if it has the public address, or if the browser sent the request to where the page came
    from, by the request's Host header. Under the public host only the public scheme will do: an
    http page of the same name may be anybody's who is on the network.
    """
    page = parse_origin(origin)
    if page is None:
        return False
    if page == public:
        return True
    if public is not None and page.host == public.host and page.scheme != public.scheme:
        return False
    return page == parse_origin(f"{page.scheme}://{host}")


def _host(name: str) -> str:
    """Return a host's name as browsers send it: in ASCII, without the dot of the root."""
    try:
        return name.rstrip(".").encode("idna").decode() if not name.isascii() else name.rstrip(".")
    except UnicodeError:
        return name
