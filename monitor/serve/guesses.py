"""Log-ins that fail: how often an address may, and how few lines of the log they take."""

from collections import Counter
from ipaddress import IPv6Address, ip_address
from math import ceil

from models.rules.limits import KNOWN_ADDRESSES, LOG_IN_PAUSE, LOG_IN_TRIES

_LOGGED_EVERY = 60.0
_LOGGED_ADDRESSES = 5
_PAUSE = LOG_IN_PAUSE.total_seconds()
_IPV6_SITE = 64
"""The bits of an IPv6 address that belong to one site, which has all addresses with them."""


class FailedLogIns:
    """Counts log-ins that failed, by address; `now` is always in seconds that only go forward."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        self._unlogged: Counter[str] = Counter()
        self._logged_at = float("-inf")

    def pause(self, address: str, now: float) -> int:
        """Return the seconds for which this address has to wait, 0 where it may try."""
        left = self._tries(address, now)
        return 0 if left >= 1 else ceil((1 - left) * _PAUSE)

    def add(self, address: str, now: float) -> None:
        """Count one more log-in that failed."""
        site = _site(address)
        left = max(0.0, self._tries(address, now) - 1)
        # put at the end, so that those that are forgotten first failed longest ago
        self._left.pop(site, None)
        self._left[site] = left, now
        if len(self._left) > KNOWN_ADDRESSES:
            del self._left[next(iter(self._left))]
        known = address in self._unlogged or len(self._unlogged) < _LOGGED_ADDRESSES
        self._unlogged[address if known else ""] += 1

    def to_log(self, now: float) -> tuple[list[str], int] | None:
        """Return what is to be logged in one line: addresses, and how many log-ins failed.

        That is at most once a minute, so that guesses cannot fill the disk.
        """
        if not self._unlogged or now < self._logged_at + _LOGGED_EVERY:
            return None
        addresses = sorted(address for address in self._unlogged if address)
        count = self._unlogged.total()
        self._unlogged.clear()
        self._logged_at = now
        return addresses, count

    def _tries(self, address: str, now: float) -> float:
        left, at = self._left.get(_site(address), (float(LOG_IN_TRIES), now))
        return min(float(LOG_IN_TRIES), left + (now - at) / _PAUSE)


def _site(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(int(ip) >> _IPV6_SITE)
    return str(getattr(ip, "ipv4_mapped", None) or ip)
