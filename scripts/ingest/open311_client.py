"""Poll an Open311 GeoReport v2 endpoint for what is new or has changed, page by page.

The standard only knows when a request was made (`start_date`). That one was closed or edited is
asked for by `updated_after`, which many cities know. One that does not know it answers with all
that it lists; then it is asked only once a day.
"""

import hashlib
import random
import re
import socket
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import httpx
import msgspec

from models.i18n import _
from models.private_files import make_private_folder, write_private
from models.rules.limits import LONGEST_PAUSE, PAGE_BYTES, PAGE_TIME, PAGES, REDIRECTS, TRIES
from models.rules.text import one_line
from scripts.ingest.public_addresses import is_public
from scripts.ingest.records import FeedUnreadable

PAGE_SIZE = 100
"""Requests asked for on a page; a server may send fewer on each."""

_IN_MEMORY = 1 << 22
_CHUNK = 1 << 16
_OVERLAP = timedelta(days=1)
"""The time that is asked for again: the city's clock may differ, and its queue may lag."""

_LISTED_AGAIN = timedelta(days=1)
"""The time between two looks at all requests of a city that cannot say which have changed."""

_NEW, _CHANGED = "start_date", "updated_after"
"""The parameters that ask for requests made or changed since a moment."""

_UPDATED = re.compile(rb"""updated_datetime["']?\s*[:>]\s*["']?([0-9T:.+Z-]{10,35})""")
_NO_SUCH_PAGE = (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND)
_RETRIED = (408, 425, 429, 500, 502, 503, 504)

FeedPage = Callable[[IO[bytes], str], int]
"""Feeds one page under a name; returns how many records it had."""


class Listing(msgspec.Struct):
    """One question to an endpoint: since when it is answered, and by which version of page 1."""

    since: datetime | None = None
    etag: str = ""
    modified: str = ""


class PollState(Listing):
    """The state of an endpoint between two polls: the question for new requests, and more.

    `changes` is the question for changed ones. `lists_all` is true where the city does not
    understand it, and answers with all its requests.
    """

    changes: Listing = msgspec.field(default_factory=Listing)
    lists_all: bool = False


class Open311Client:
    """One endpoint. It is followed neither to another host nor into a private network.

    The query of its address may hold a key, so only what comes before is ever shown.
    """

    def __init__(
        self, url: str, home: Path, *, private: bool, sleep: Callable[[float], None]
    ) -> None:
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise FeedUnreadable(one_line(url.partition("?")[0]), _("is no address")) from error
        self.name = str(self._url.copy_with(query=None, fragment=None, username="", password=""))
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._state_file = home / "endpoints" / f"{name}.json"
        self._private = private
        self._sleep = sleep
        self._socket: socket.socket | None = None
        # without the proxies and passwords of whoever runs this
        self._client = httpx.Client(trust_env=False, timeout=30, follow_redirects=False)

    def poll(self, now: datetime, feed_page: FeedPage) -> None:
        """Feed what is new.

        Raises FeedUnreadable: what was fed before that stays, and the next poll begins where the
        last complete one did.
        """
        state = self._load_state()
        # an address with updated_after in it says itself what is to be asked
        changes_only = "updated_after" in self._url.params
        if not changes_only:
            first = state.since is None
            new, _lists_all = self._read_pages(_NEW, state, now, feed_page)
            state.since, state.etag, state.modified = new.since, new.etag, new.modified
            if first:
                # all that there is has just come
                state.changes.since = now
                self._save_state(state)
                return
        changes = state.changes
        if changes.since is None:
            # from a state that knew no changes
            changes.since = state.since
        if not state.lists_all or changes.since is None or now - changes.since >= _LISTED_AGAIN:
            state.changes, state.lists_all = self._read_pages(_CHANGED, changes, now, feed_page)
        self._save_state(state)

    def _read_pages(
        self, parameter: str, asked: Listing, now: datetime, feed_page: FeedPage
    ) -> tuple[Listing, bool]:
        """Feed what came since the listing was asked for; returns the listing to ask for next.

        Also returns whether there was something older on its first page. A short page need not be
        the last: some servers send fewer than they are asked for. The last one is empty, or comes
        again, or what follows it does not exist.
        """
        listing, lists_all = Listing(now), False
        digests: set[bytes] = set()
        for page in range(1, PAGES + 1):
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
                response = self._get_page(page, parameter, asked, file)
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return asked, False
                if response.status_code in _NO_SUCH_PAGE:
                    break
                if page == 1:
                    listing.etag = response.headers.get("etag", "")
                    listing.modified = response.headers.get("last-modified", "")
                    lists_all = _has_older(file, asked.since)
                digest = _digest(file)
                if digest in digests or not feed_page(file, f"{self.name} ({page})"):
                    break
                digests.add(digest)
        return listing, lists_all

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _load_state(self) -> PollState:
        try:
            return msgspec.json.decode(self._state_file.read_bytes(), type=PollState)
        except FileNotFoundError:
            return PollState()
        except msgspec.MsgspecError as error:
            raise FeedUnreadable(str(self._state_file), _("is damaged; remove it")) from error

    def _save_state(self, state: PollState) -> None:
        make_private_folder(self._state_file.parent)
        write_private(self._state_file, msgspec.json.encode(state))

    def _get_page(
        self, page: int, parameter: str, asked: Listing, file: IO[bytes]
    ) -> httpx.Response:
        """Download a page, retried with growing pauses or with those that the server asks for."""
        url = self._page_url(page, parameter, asked)
        for attempt in range(1, TRIES + 1):
            try:
                with self._in_time():
                    response = self._follow(url, page, asked, file)
            except httpx.RequestError as error:
                if attempt == TRIES:
                    raise FeedUnreadable(self.name, _("cannot be reached")) from error
                self._sleep(_pause(attempt, None))
                continue
            if response.status_code not in _RETRIED:
                break
            if attempt < TRIES:
                self._sleep(_pause(attempt, response.headers.get("retry-after")))
        is_end = page > 1 and response.status_code in _NO_SUCH_PAGE
        if response.is_success or is_end or response.status_code == httpx.codes.NOT_MODIFIED:
            return response
        raise FeedUnreadable(self.name, _("answers {code}").format(code=response.status_code))

    def _page_url(self, page: int, parameter: str, asked: Listing) -> httpx.URL:
        url = self._url.copy_merge_params({"page": page, "page_size": PAGE_SIZE})
        if asked.since is not None:
            moment = (asked.since - _OVERLAP).isoformat(timespec="seconds")
            url = url.copy_set_param(parameter, moment)
        return url

    def _follow(self, url: httpx.URL, page: int, asked: Listing, file: IO[bytes]) -> httpx.Response:
        """Download from an address, and follow redirects that stay on the endpoint's server."""
        conditions = {}
        if page == 1 and asked.etag:
            conditions["If-None-Match"] = asked.etag
        if page == 1 and asked.modified:
            conditions["If-Modified-Since"] = asked.modified
        for _redirect in range(REDIRECTS):
            response = self._download(url, conditions, file)
            if not response.is_redirect or response.status_code == httpx.codes.NOT_MODIFIED:
                return response
            target = url.join(response.headers.get("location", ""))
            if not self._is_same_server(target):
                raise FeedUnreadable(
                    self.name,
                    _(
                        "sends to another host, {host}, and is not followed; give its own address"
                    ).format(host=one_line(target.host)),
                )
            url = target
        raise FeedUnreadable(self.name, _("sends on and on"))

    def _is_same_server(self, target: httpx.URL) -> bool:
        """Return whether an address is this endpoint's server, or its default port for TLS."""
        server = (target.scheme, target.port)
        same = server in ((self._url.scheme, self._url.port), ("https", None))
        return target.host == self._url.host and same

    def _download(
        self, url: httpx.URL, conditions: dict[str, str], file: IO[bytes]
    ) -> httpx.Response:
        """Download from the very IP address that was checked: the name may soon mean another.

        The answer is unpacked here, within the limits: the library would unpack a packed packing
        whole, 8.5 GB from 13 KB.
        """
        address = self._checked_address(url)
        request = self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={
                "Host": url.netloc.decode("ascii"),
                "Accept-Encoding": "gzip",
                **conditions,
            },
            extensions={"sni_hostname": url.host, "trace": self._keep_socket},
        )
        response = self._client.send(request, stream=True)
        try:
            file.seek(0)
            file.truncate()
            encoding = response.headers.get("content-encoding", "identity").strip().lower()
            unpack = _UNPACKERS.get(encoding)
            if unpack is None:
                raise FeedUnreadable(
                    self.name, _("packs its answer in a way that was not asked for")
                )
            size = 0
            for chunk in unpack(response.iter_raw()):
                size += len(chunk)
                if size > PAGE_BYTES:
                    raise FeedUnreadable(self.name, _("sends more than a page may have"))
                file.write(chunk)
            file.seek(0)
        except zlib.error as error:
            raise FeedUnreadable(self.name, _("sends a damaged answer")) from error
        finally:
            response.close()
        return response

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Cut the connection when a page has taken too long: every read alone may be in time."""
        cut = threading.Event()

        def cut_off() -> None:
            cut.set()
            if self._socket is not None:
                with suppress(OSError):  # it may be closed by now
                    self._socket.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(PAGE_TIME.total_seconds(), cut_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        except httpx.InvalidURL as error:
            raise FeedUnreadable(self.name, _("sends to an address that is none")) from error
        except httpx.RequestError as error:
            if cut.is_set():
                raise FeedUnreadable(self.name, _("takes too long to send a page")) from error
            raise
        finally:
            timer.cancel()

    def _keep_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the socket of a connection that the client has opened."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")

    def _checked_address(self, url: httpx.URL) -> str:
        """The IP address of a host; raises FeedUnreadable for a private one, unless allowed."""
        try:
            entries = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FeedUnreadable(self.name, _("is at no known host")) from error
        addresses = [str(entry[4][0]).partition("%")[0] for entry in entries]
        if not self._private and not all(map(is_public, addresses)):
            raise FeedUnreadable(
                self.name, _("lies in a private network; if that is meant, give --allow-private")
            )
        return addresses[0]


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip piece by piece: no piece is larger than a chunk, whatever it was packed from."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for packed in chunks:
        rest = packed
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, _CHUNK)
            rest = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise zlib.error


_UNPACKERS: Mapping[str, Callable[[Iterable[bytes]], Iterable[bytes]]] = {
    "identity": iter,
    "": iter,
    "gzip": _gunzip,
    "x-gzip": _gunzip,
}


def _has_older(file: IO[bytes], since: datetime | None) -> bool:
    """Return whether a page has requests that did not change since then."""
    if since is None:
        return False
    page = file.read()
    file.seek(0)
    for written in _UPDATED.findall(page):
        try:
            changed = datetime.fromisoformat(written.decode())
        except ValueError:
            continue
        if changed.tzinfo is not None and changed < since - 2 * _OVERLAP:
            return True
    return False


def _digest(file: IO[bytes]) -> bytes:
    digest = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
    file.seek(0)
    return digest


def _pause(attempt: int, retry_after: Any) -> float:
    """Seconds to wait: what the server asks for, else longer each time and randomised."""
    longest = LONGEST_PAUSE.total_seconds()
    if isinstance(retry_after, str) and retry_after.isascii() and retry_after.isdecimal():
        return min(float(retry_after), longest)
    return min(2.0 ** (attempt - 1) * random.uniform(0.75, 1.25), longest)
