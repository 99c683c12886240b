"""An Open311 endpoint on a real server: pages, conditions, pauses, and where it may not lead."""

import json
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts.ingest import open311_client
from scripts.ingest.open311_client import Open311Client
from scripts.ingest.public_addresses import is_public
from scripts.ingest.records import FeedUnreadable
from tests.scripts.hotline_process import HotlineProcess

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


class City(ThreadingHTTPServer):
    """A city that answers as a test has told it to, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.records = [_request(n) for n in range(250)]
        self.etag = '"v1"'
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.location = ""
        self.body: bytes | None = None
        self.encoding = ""
        self.drips: tuple[bytes, float] | None = None
        self.most = 1_000
        self.knows_changes = True
        self.ends_by_error = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2/requests.json"


class _Handler(BaseHTTPRequestHandler):
    server: City

    def do_GET(self) -> None:
        if self.server.drips is not None:
            self._drip(*self.server.drips)
            return
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        self.server.requests.append({"path": self.path, "query": query, **self.headers})
        if self.server.failures:
            code, headers = self.server.failures.pop(0)
            self._answer(code, b"", headers)
        elif self.server.location and not self.path.startswith("/moved"):
            self._answer(302, b"", {"Location": self.server.location})
        elif self.server.etag and self.headers.get("If-None-Match") == self.server.etag:
            self._answer(304, b"", {})
        else:
            page, size = int(query["page"]), min(int(query["page_size"]), self.server.most)
            chosen = [r for r in self.server.records if self._is_asked_for(r, query)]
            records = chosen[(page - 1) * size : page * size]
            body = self.server.body or json.dumps(records).encode()
            packed = {"Content-Encoding": self.server.encoding} if self.server.encoding else {}
            if page > 1 and not records and self.server.ends_by_error:
                self._answer(404, b"", {})
            else:
                self._answer(200, body, {"ETag": self.server.etag} | packed)

    def _is_asked_for(self, record: dict[str, Any], query: dict[str, str]) -> bool:
        fields = [("start_date", "requested_datetime")]
        if self.server.knows_changes:
            fields.append(("updated_after", "updated_datetime"))
        moments = [(query[p], record[name]) for p, name in fields if p in query]
        return all(datetime.fromisoformat(m) >= _moment(asked) for asked, m in moments)

    def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, beginning: bytes, pause: float) -> None:
        """Send a byte at a time, each soon enough for itself, until the other end is gone."""
        try:
            self.wfile.write(beginning)
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what matters."""


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _request(number: int, made: str = "2026-05-09T19:02:21-05:00") -> dict[str, Any]:
    return {
        "service_request_id": f"14-{number}",
        "status": "open",
        "service_name": "Pothole",
        "requested_datetime": made,
        "updated_datetime": made,
    }


@pytest.fixture
def city() -> Iterator[City]:
    with City() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Taken(list[list[Any]]):
    """The pages that were taken."""

    def __call__(self, file: IO[bytes], _name: str) -> int:
        self.append(json.load(file))
        return len(self[-1])


def poll(
    city: City, home: Path, *, url: str = "", private: bool = True, now: datetime = NOW
) -> tuple[Taken, list[float]]:
    taken, slept = Taken(), list[float]()
    endpoint = Open311Client(url or city.url, home, private=private, sleep=slept.append)
    try:
        endpoint.poll(now, taken)
    finally:
        endpoint.close()
    return taken, slept


def test_all_pages_are_taken_and_the_next_poll_asks_for_what_is_new(
    city: City, tmp_path: Path
) -> None:
    taken, slept = poll(city, tmp_path)
    assert [len(page) for page in taken] == [100, 100, 50, 0]
    assert slept == []
    assert "start_date" not in city.requests[0]["query"]
    again, _slept = poll(city, tmp_path)
    assert again == [[]], "nothing has changed"
    new, changed = city.requests[-2:]
    assert new["If-None-Match"] == '"v1"'
    assert new["query"]["start_date"] == "2026-11-23T02:00:00+00:00"
    assert changed["query"]["updated_after"] == "2026-11-23T02:00:00+00:00"


@pytest.mark.parametrize("ends_by_error", [False, True])
def test_a_server_that_caps_its_pages_loses_nothing(
    city: City, tmp_path: Path, ends_by_error: bool
) -> None:
    """A short page is not the last: what follows an empty, repeated or missing one is nothing."""
    city.most, city.records, city.ends_by_error = 50, city.records[:130], ends_by_error
    taken, _slept = poll(city, tmp_path)
    assert [len(page) for page in taken if page] == [50, 50, 30]


def test_what_is_closed_or_edited_later_is_seen(city: City, tmp_path: Path) -> None:
    """A city that knows `updated_after` is asked for it with every poll."""
    city.etag = ""
    poll(city, tmp_path)
    city.records[7] |= {"status": "closed", "updated_datetime": "2026-11-24T09:00:00+08:00"}
    city.records.append(_request(250, made="2026-11-24T09:30:00+08:00"))
    taken, _slept = poll(city, tmp_path)
    assert [[r["service_request_id"] for r in page] for page in taken if page] == [
        ["14-250"],
        ["14-7", "14-250"],
    ]


def test_a_city_that_knows_no_changes_is_listed_once_a_day(city: City, tmp_path: Path) -> None:
    """It answers with all that it has: closures are in it, but not at every poll."""
    city.etag, city.knows_changes, city.records = "", False, city.records[:30]
    poll(city, tmp_path)
    city.records[7] |= {"status": "closed"}

    def seen(hours: int) -> bool:
        taken, _slept = poll(city, tmp_path, now=NOW + timedelta(hours=hours))
        return any(r["status"] == "closed" for page in taken for r in page)

    assert [seen(hours) for hours in (1, 2, 24, 26, 48)] == [True, False, False, True, False]


def test_a_city_that_knows_when_requests_changed_is_asked_so(city: City, tmp_path: Path) -> None:
    url = city.url + "?updated_after=2020-01-01&api_key=secret"
    poll(city, tmp_path, url=url)
    poll(city, tmp_path, url=url)
    assert city.requests[0]["query"]["updated_after"] == "2020-01-01"
    assert city.requests[-1]["query"]["updated_after"] == "2026-11-23T02:00:00+00:00"
    assert city.requests[-1]["query"]["api_key"] == "secret"


def test_a_server_that_knows_no_pages_is_asked_twice_at_most(city: City, tmp_path: Path) -> None:
    city.body = json.dumps(city.records[:100]).encode()
    taken, _slept = poll(city, tmp_path)
    assert [len(page) for page in taken] == [100]
    assert len(city.requests) == 2, "the same page came again"


def test_a_busy_server_is_given_time(city: City, tmp_path: Path) -> None:
    city.failures = [(429, {"Retry-After": "7"}), (503, {}), (500, {"Retry-After": "9999999"})]
    taken, slept = poll(city, tmp_path)
    assert len(taken) == 4
    assert slept[0] == 7
    assert 1 < slept[1] < 4
    assert slept[2] == 300


def test_a_poll_that_fails_is_begun_again_where_it_began(city: City, tmp_path: Path) -> None:
    city.failures = [(503, {})] * 5
    with pytest.raises(FeedUnreadable, match="503"):
        poll(city, tmp_path)
    city.failures = [(404, {})]
    with pytest.raises(FeedUnreadable, match="404"):
        poll(city, tmp_path)
    poll(city, tmp_path)
    assert "start_date" not in city.requests[-1]["query"]


def test_nobody_there(city: City, tmp_path: Path) -> None:
    city.server_close()
    with pytest.raises(FeedUnreadable, match="cannot be reached"):
        poll(city, tmp_path)


@pytest.mark.parametrize(
    "location", ["http://localhost:{port}/moved", "http://127.0.0.1:1/moved", "file:///etc/passwd"]
)
def test_another_host_is_not_followed(city: City, location: str, tmp_path: Path) -> None:
    city.location = location.format(port=city.server_address[1])
    with pytest.raises(FeedUnreadable, match="not followed"):
        poll(city, tmp_path)
    assert len(city.requests) == 1


def test_the_same_host_is_followed_but_not_for_ever(city: City, tmp_path: Path) -> None:
    city.location = "/moved?page=1&page_size=1000"
    city.records = city.records[:3]
    taken, _slept = poll(city, tmp_path)
    assert len(taken[0]) == 3
    city.location = "/v2/on"
    with pytest.raises(FeedUnreadable, match="on and on"):
        poll(city, tmp_path / "other")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "169.254.169.254"])
def test_a_private_network_is_asked_nothing_unless_that_is_meant(
    city: City, host: str, tmp_path: Path
) -> None:
    url = city.url.replace("127.0.0.1", host)
    with pytest.raises(FeedUnreadable, match="private network"):
        poll(city, tmp_path, url=url, private=False)
    assert city.requests == []


def test_a_page_without_end_is_not_taken(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open311_client, "PAGE_BYTES", 1_000)
    with pytest.raises(FeedUnreadable, match="more than a page"):
        poll(city, tmp_path)


def _gzipped(data: bytes, times: int = 1) -> bytes:
    for _time in range(times):
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        data = packer.compress(data) + packer.flush()
    return data


def test_a_packed_page_is_unpacked(city: City, tmp_path: Path) -> None:
    city.encoding = "gzip"
    city.body = _gzipped(json.dumps(city.records[:7]).encode())
    taken, _slept = poll(city, tmp_path)
    assert [len(page) for page in taken] == [7]
    assert city.requests[0]["Accept-Encoding"] == "gzip"


def test_a_page_that_unpacks_to_gigabytes_takes_no_memory(city: City, tmp_path: Path) -> None:
    """13 KB unpacked to 8.5 GB: a packing in a packing is refused, one alone is read piecewise."""
    city.encoding = "gzip, gzip"
    city.body = _gzipped(b" " * (64 << 20), times=2)
    with pytest.raises(FeedUnreadable, match="was not asked for"):
        poll(city, tmp_path)
    city.encoding, city.body = "gzip", _gzipped(b" " * (200 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(FeedUnreadable, match="more than a page"):
            poll(city, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("body", [b"no gzip", _gzipped(b"[1, 2, 3]" * 1_000)[:-20]])
def test_a_damaged_packing_is_no_page(city: City, body: bytes, tmp_path: Path) -> None:
    city.encoding, city.body = "gzip", body
    with pytest.raises(FeedUnreadable, match="damaged"):
        poll(city, tmp_path)


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow:",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
    ],
    ids=["headers", "body", "chunks"],
)
def test_a_server_that_drips_is_cut_off(
    city: City, beginning: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte came within the time-out of a read, and the poll never ended."""
    monkeypatch.setattr(open311_client, "PAGE_TIME", timedelta(seconds=0.5))
    city.drips = (beginning, 0.05)
    with pytest.raises(FeedUnreadable, match="too long"):
        poll(city, tmp_path)


@pytest.mark.parametrize(
    "location", ["http:\\\\x", "http://[", "http://a:99999999/", "http://x\x00y/", "//\x7f@:0"]
)
def test_a_redirect_to_no_address_is_an_error_of_the_endpoint(
    city: City, location: str, tmp_path: Path
) -> None:
    city.location = location
    with pytest.raises(FeedUnreadable):
        poll(city, tmp_path)


def test_an_address_that_is_none_is_said_so(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    error = hotline("feed", "http://a:b/x?key=secret", code=1).stderr
    assert "is no address" in error
    assert "secret" not in error


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::808:808", False),
        ("2002:7f00:1::", False),
        ("2002:808:808::", True),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("fd00::1", False),
        ("224.0.0.1", False),
        ("ff0e::1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_an_address_that_leads_inside_is_private(address: str, public: bool) -> None:
    """An IPv6 address with an IPv4 one in it leads a translator to that one."""
    assert is_public(address) is public


def test_the_command_polls_an_endpoint(city: City, tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    url = city.url + "?api_key=secret"
    refused = hotline("feed", url, code=1)
    assert "--allow-private" in refused.stderr
    assert "secret" not in refused.stderr
    first = hotline.json("feed", url, "--allow-private")
    assert first == {"read": 250, "enqueued": 250, "duplicate": 0, "refused": 0}
    city.records.append(_request(250))
    (tmp_path / "home" / "endpoints").rename(tmp_path / "forgotten")
    again = hotline.json("feed", url, "--allow-private")
    assert again == {"read": 251, "enqueued": 1, "duplicate": 250, "refused": 0}
