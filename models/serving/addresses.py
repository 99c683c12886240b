"""The address of a visitor, by the word of a proxy where there is one."""

from contextlib import suppress
from ipaddress import ip_address

from aiohttp.web import BaseRequest


def visitor_address(request: BaseRequest, *, has_proxy: bool) -> str:
    """Return the address of whoever asks; a proxy says it in X-Forwarded-For, last in its list."""
    if has_proxy:
        forwarded = request.headers.get("X-Forwarded-For", "")
        with suppress(ValueError):
            return str(ip_address(forwarded.rpartition(",")[2].strip()))
    return request.remote or ""
