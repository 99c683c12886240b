"""Real receivers of notices on loopback: mail, a web server that can misbehave, a proxy."""

import email
import email.policy
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class MailServer:
    """Takes mail; keeps each message as it came, its recipients, and what it refused."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refusing = False
        self.refused: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Keep a mail, or refuse it for now."""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        if self.refusing:
            self.refused.append(mail)
            return "451 try again later"
        self.recipients.append(list(envelope.rcpt_tos))
        self.mails.append(mail)
        return "250 OK"

    @property
    def texts(self) -> list[str]:
        """The texts of the mails."""
        return [_body(mail) for mail in self.mails]


def _body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain", "html"))
    assert part is not None
    return str(part.get_content())


@contextmanager
def mail_server(user: str = "", password: str = "") -> Iterator[tuple[MailServer, int]]:
    """Run a mail server, with a password if one is given; yields it and its port."""
    server = MailServer()

    def authenticator(*parts: Any) -> AuthResult:
        given = parts[-1]
        return AuthResult(
            success=(given.login, given.password) == (user.encode(), password.encode()),
            # else it refuses without an answer
            handled=False,
        )

    log_in: dict[str, Any] = {
        "authenticator": authenticator,
        "auth_required": True,
        "auth_require_tls": False,
    }
    # it connects to its own port to see whether it is up, and so has to know it beforehand
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port, **(log_in if user else {}))
    controller.start()
    try:
        yield server, port
    finally:
        controller.stop()


@dataclass
class WebServer:
    """Takes posts; `answer` says how: a status, `hang`, `slow`, or `cut` after it has been taken.

    A slow one is taken as soon as `turns` lets it.
    """

    answer: int | str = 200
    posts: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def ids(self) -> list[str]:
        """The names of the messages taken, in order."""
        return [post["id"] for post in self.posts]


@contextmanager
def web_server() -> Iterator[tuple[WebServer, int]]:
    """Run a web server; yields it and its port."""
    state = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.asked += 1
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if state.answer == "hang":
                state.go_on.wait(30)
                self.close_connection = True
                return
            if state.answer == "slow":
                state.turns.acquire(timeout=30)
            if state.answer in (200, "slow", "cut"):
                state.posts.append(
                    {
                        "id": self.headers["X-Hotline-Notice-Id"],
                        "path": self.path,
                        "title": body["title"],
                        "text": body["message"],
                    }
                )
            if state.answer == "cut":
                self.close_connection = True
                return
            self.send_response(200 if state.answer == "slow" else int(state.answer))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing: tests look at what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state, server.server_address[1]
    finally:
        state.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Request:
    """A request to a host on the internet."""

    host: str
    path: str
    query: dict[str, list[str]]
    body: str


@dataclass
class Internet:
    """The hosts of a test, by HTTPS: `answers` by host is a status and a body."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def to(self, host: str) -> list[str]:
        """Return the bodies that a host got, in order."""
        return [request.body for request in self.requests if request.host == host]


@contextmanager
def internet(folder: Path, hosts: list[str]) -> Iterator[Internet]:
    """Run a proxy that this process has to use, and that answers for these hosts, by TLS."""
    state, authority = Internet(), trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(tls)
    authority.cert_pem.write_to_path(str(folder / "internet.pem"))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            self.host = self.path.partition(":")[0]
            self.send_response_only(200, "Connection established")
            self.end_headers()
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.requests.append(Request(self.host, url.path, parse_qs(url.query), body))
            status, content = state.answers[self.host]
            text = content if isinstance(content, str) else json.dumps(content)
            answer = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Log nothing: tests look at what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings = {
        "HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}",
        "REQUESTS_CA_BUNDLE": str(folder / "internet.pem"),
        "NO_PROXY": "",
    }
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in settings.items():
                environment.setenv(name, value)
                environment.delenv(name.lower(), raising=False)
            yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
