"""An Open311 GeoReport v2 endpoint, asked for what is new, page by page and politely."""

import hashlib
import ipaddress
import random
import socket
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import httpx
import msgspec

from models.i18n import _
from scripts.ingest.records import FeedUnreadable

PAGE = 100
"""Requests on a page."""

_MOST_BYTES = 64 << 20
_IN_MEMORY = 1 << 22
_MOST_PAGES = 10_000
_REDIRECTS = 5
_TRIES = 5
_LONGEST_WAIT = timedelta(minutes=5)
_OVERLAP = timedelta(days=1)
"""So much of what has been seen is asked for again: a city's clock and its queue are its own."""

_AGAIN = (408, 425, 429, 500, 502, 503, 504)

Take = Callable[[IO[bytes], str], int]
"""Feeds one page under a name; how many records it had."""


class Mark(msgspec.Struct):
    """What is remembered of an endpoint between two polls."""

    since: datetime | None = None
    etag: str = ""
    modified: str = ""


class Open311Client:
    """One endpoint. It is never followed to another host, nor into a private network.

    Its query may hold a key, so that only what comes before is ever shown.
    """

    def __init__(
        self, url: str, home: Path, *, private: bool, sleep: Callable[[float], None]
    ) -> None:
        self._url = httpx.URL(url)
        self.name = str(self._url.copy_with(query=None, fragment=None, username="", password=""))
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._file = home / "endpoints" / f"{name}.json"
        self._private = private
        self._sleep = sleep
        # neither proxies nor passwords of whoever runs this
        self._client = httpx.Client(trust_env=False, timeout=30, follow_redirects=False)

    def poll(self, now: datetime, take: Take) -> None:
        """Take what is new. Raises FeedUnreadable; what was taken before that stays, and the next
        poll begins where the last whole one did.
        """
        mark = self._mark()
        after = Mark(since=now)
        previous = b""
        for page in range(1, _MOST_PAGES + 1):
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
                found = self._get(page, mark, file)
                if found.status_code == httpx.codes.NOT_MODIFIED:
                    return
                if page == 1:
                    after.etag = found.headers.get("etag", "")
                    after.modified = found.headers.get("last-modified", "")
                digest = _digest(file)
                # a server that knows no pages gives the same one again
                if digest == previous or take(file, f"{self.name} ({page})") < PAGE:
                    break
                previous = digest
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(after))
        draft.replace(self._file)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _mark(self) -> Mark:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Mark)
        except FileNotFoundError:
            return Mark()
        except msgspec.MsgspecError as problem:
            raise FeedUnreadable(str(self._file), _("is damaged; remove it")) from problem

    def _get(self, page: int, mark: Mark, file: IO[bytes]) -> httpx.Response:
        """One page into a file, tried again with growing pauses, as long as the server asks for."""
        for attempt in range(1, _TRIES + 1):
            try:
                found = self._follow(self._asked(page, mark), page, mark, file)
            except httpx.TransportError as problem:
                if attempt == _TRIES:
                    raise FeedUnreadable(self.name, _("cannot be reached")) from problem
                self._sleep(_pause(attempt, None))
                continue
            if found.status_code not in _AGAIN:
                break
            if attempt < _TRIES:
                self._sleep(_pause(attempt, found.headers.get("retry-after")))
        if found.is_success or found.status_code == httpx.codes.NOT_MODIFIED:
            return found
        raise FeedUnreadable(self.name, _("answers {code}").format(code=found.status_code))

    def _asked(self, page: int, mark: Mark) -> httpx.URL:
        url = self._url.copy_merge_params({"page": page, "page_size": PAGE})
        if mark.since is not None:
            # the standard knows only when a request was made; some cities also when it changed
            name = "updated_after" if "updated_after" in url.params else "start_date"
            url = url.copy_set_param(name, (mark.since - _OVERLAP).isoformat(timespec="seconds"))
        return url

    def _follow(self, url: httpx.URL, page: int, mark: Mark, file: IO[bytes]) -> httpx.Response:
        conditions = {}
        if page == 1 and mark.etag:
            conditions["If-None-Match"] = mark.etag
        if page == 1 and mark.modified:
            conditions["If-Modified-Since"] = mark.modified
        for _hop in range(_REDIRECTS):
            found = self._fetch(url, conditions, file)
            if not found.is_redirect or found.status_code == httpx.codes.NOT_MODIFIED:
                return found
            target = url.join(found.headers.get("location", ""))
            if not self._is_mine(target):
                raise FeedUnreadable(
                    self.name,
                    _(
                        "sends to another host, {host}, and is not followed; give its own address"
                    ).format(host=target.host),
                )
            url = target
        raise FeedUnreadable(self.name, _("sends on and on"))

    def _is_mine(self, target: httpx.URL) -> bool:
        """Whether an address is this endpoint's server, be it by TLS where it was not before."""
        there = (target.scheme, target.port)
        same = there in ((self._url.scheme, self._url.port), ("https", None))
        return target.host == self._url.host and same

    def _fetch(self, url: httpx.URL, conditions: dict[str, str], file: IO[bytes]) -> httpx.Response:
        """One answer, from the very address that was looked at: a name may mean another soon."""
        address = self._address(url)
        request = self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode("ascii"), **conditions},
            extensions={"sni_hostname": url.host},
        )
        found = self._client.send(request, stream=True)
        try:
            file.seek(0)
            file.truncate()
            size = 0
            for chunk in found.iter_bytes(1 << 16):
                size += len(chunk)
                if size > _MOST_BYTES:
                    raise FeedUnreadable(self.name, _("sends more than a page may have"))
                file.write(chunk)
            file.seek(0)
        finally:
            found.close()
        return found

    def _address(self, url: httpx.URL) -> str:
        try:
            found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise FeedUnreadable(self.name, _("is at no known host")) from problem
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        if not self._private and not all(ipaddress.ip_address(a).is_global for a in addresses):
            raise FeedUnreadable(
                self.name, _("lies in a private network; if that is meant, give --allow-private")
            )
        return addresses[0]


def _digest(file: IO[bytes]) -> bytes:
    digest = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
    file.seek(0)
    return digest


def _pause(attempt: int, asked: Any) -> float:
    """Seconds to wait: what the server asks for, or longer each time, never all at once."""
    longest = _LONGEST_WAIT.total_seconds()
    if isinstance(asked, str) and asked.isascii() and asked.isdecimal():
        return min(float(asked), longest)
    return min(2.0 ** (attempt - 1) * random.uniform(0.75, 1.25), longest)
