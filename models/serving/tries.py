"""Log-ins within limits: how many are tried, and how few lines of the log failed ones take."""

from collections import Counter
from ipaddress import IPv6Address, ip_address
from math import ceil

from models.rules.limits import KNOWN_ADDRESSES, LOG_IN_PAUSE, LOG_IN_TRIES

_LOGGED_EVERY = 60.0
_LOGGED_ADDRESSES = 5
_PAUSE = LOG_IN_PAUSE.total_seconds()
_IPV6_SITE = 64
"""The bits of an IPv6 address that belong to one site, which has all addresses with them."""


class Tries:
    """Counts tries of each of many; after `most` of them each further one waits `pause` seconds.

    `now` is always in seconds that only go forward.
    """

    def __init__(self, most: int = LOG_IN_TRIES, pause: float = _PAUSE) -> None:
        self._most, self._pause = most, pause
        self._paid_at: dict[str, float] = {}
        """When all tries of somebody will be paid for, at a pause each."""

    def pause(self, who: str, now: float) -> int:
        """Return the seconds to wait, 0 where one may try."""
        return max(0, ceil(self._paid_at.get(who, now) - now - (self._most - 1) * self._pause))

    def add(self, who: str, now: float) -> None:
        """Count one more try; those that come at the same time cost no more than one pause."""
        paid_at = max(self._paid_at.pop(who, now), now) + self._pause
        # put at the end, so that those are forgotten first that tried longest ago
        self._paid_at[who] = min(paid_at, now + self._most * self._pause)
        if len(self._paid_at) > KNOWN_ADDRESSES:
            del self._paid_at[next(iter(self._paid_at))]


class FailedLogIns:
    """Counts log-ins that failed, by address."""

    def __init__(self) -> None:
        self._tries = Tries()
        self._unlogged: Counter[str] = Counter()
        self._logged_at = float("-inf")

    def pause(self, address: str, now: float) -> int:
        """Return the seconds for which this address has to wait, 0 where it may try."""
        return self._tries.pause(_site(address), now)

    def add(self, address: str, now: float) -> None:
        """Count one more log-in that failed."""
        self._tries.add(_site(address), now)
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


def _site(address: str) -> str:
    """Return what an address stands for: with IPv6 somebody has many."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or int(ip) >> _IPV6_SITE)
