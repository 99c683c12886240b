"""An Open311 endpoint on a real server: pages, conditions, pauses, and where it may not lead."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts.ingest import open311_client
from scripts.ingest.open311_client import Open311Client
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
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.location = ""
        self.body: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2/requests.json"


class _Handler(BaseHTTPRequestHandler):
    server: City

    def do_GET(self) -> None:
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        self.server.requests.append({"path": self.path, "query": query, **self.headers})
        if self.server.failures:
            code, headers = self.server.failures.pop(0)
            self._answer(code, b"", headers)
        elif self.server.location and not self.path.startswith("/moved"):
            self._answer(302, b"", {"Location": self.server.location})
        elif self.headers.get("If-None-Match") == '"v1"':
            self._answer(304, b"", {})
        else:
            page, size = int(query["page"]), int(query["page_size"])
            records = self.server.records[(page - 1) * size : page * size]
            body = self.server.body or json.dumps(records).encode()
            self._answer(200, body, {"ETag": '"v1"'})

    def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what matters."""


def _request(number: int) -> dict[str, object]:
    return {
        "service_request_id": f"14-{number}",
        "status": "open",
        "service_name": "Pothole",
        "requested_datetime": "2026-05-09T19:02:21-05:00",
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
    city: City, home: Path, *, url: str = "", private: bool = True
) -> tuple[Taken, list[float]]:
    taken, slept = Taken(), list[float]()
    endpoint = Open311Client(url or city.url, home, private=private, sleep=slept.append)
    try:
        endpoint.poll(NOW, taken)
    finally:
        endpoint.close()
    return taken, slept


def test_all_pages_are_taken_and_the_next_poll_asks_for_what_is_new(
    city: City, tmp_path: Path
) -> None:
    taken, slept = poll(city, tmp_path)
    assert [len(page) for page in taken] == [100, 100, 50]
    assert slept == []
    assert "start_date" not in city.requests[0]["query"]
    again, _slept = poll(city, tmp_path)
    assert again == [], "nothing has changed"
    asked = city.requests[-1]
    assert asked["If-None-Match"] == '"v1"'
    assert asked["query"]["start_date"] == "2026-11-23T02:00:00+00:00"


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
    assert len(city.requests) == 2


def test_a_busy_server_is_given_time(city: City, tmp_path: Path) -> None:
    city.failures = [(429, {"Retry-After": "7"}), (503, {}), (500, {"Retry-After": "9999999"})]
    taken, slept = poll(city, tmp_path)
    assert len(taken) == 3
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
    monkeypatch.setattr(open311_client, "_MAX_BYTES", 1_000)
    with pytest.raises(FeedUnreadable, match="more than a page"):
        poll(city, tmp_path)


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
