"""Responses in JSON, with the id of the request, in time."""

import re
import secrets
from collections.abc import Mapping

import msgspec
from aiohttp import web

from models.i18n import speaking
from models.rules.limits import MIB
from models.serving.connections import Connections
from scripts.listen.answer import Answer, error_of
from scripts.listen.problems import NO_TOKEN, REFUSED, TOKEN_REFUSED, Problem

REQUEST_ID = web.RequestKey("request_id", str)
LANGUAGE = web.RequestKey("language", str)
"""A request's id, and the language of whoever sent it."""

_JSON = "application/json"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    # the releases of libraries concern nobody
    "Server": "hotline",
}


def request_id(request: web.Request) -> str:
    """Return the id of a request: its sender's, where he gives one that can be written anywhere."""
    wanted = request.headers.get("X-Request-ID", "")
    return wanted if _ID.fullmatch(wanted) else secrets.token_hex(8)


class Responses:
    """Makes the responses of a server."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def plain(
        self, request: web.Request, content: Mapping[str, object], status: int = 200
    ) -> web.Response:
        """Return a short response."""
        body = msgspec.json.encode(content) + b"\n"
        headers = _HEADERS | {"X-Request-ID": request[REQUEST_ID]}
        return web.Response(status=status, body=body, content_type=_JSON, headers=headers)

    def problem(self, request: web.Request, problem: Problem) -> web.Response:
        """Return the response for a request of which nothing was read."""
        with speaking(request[LANGUAGE]):
            content = {"request": request[REQUEST_ID], "error": error_of(problem)}
        response = self.plain(request, content, problem.kind.status)
        response.headers.update(_headers_of(problem))
        _close_unread(request, response)
        return response

    async def answer(
        self, request: web.Request, answer: Answer, problem: Problem | None
    ) -> web.StreamResponse:
        """Send what became of the messages; where it is long, in pieces that each have a time."""
        if problem is None and answer.is_refused():
            problem = Problem(REFUSED)
        status = answer.status(problem)
        headers = _HEADERS | {"X-Request-ID": request[REQUEST_ID]} | _headers_of(problem)
        if answer.size < MIB:
            body = b"".join(answer.pieces(problem))
            short = web.Response(status=status, body=body, content_type=_JSON, headers=headers)
            _close_unread(request, short)
            return short
        response = web.StreamResponse(status=status, headers=headers)
        response.content_type = _JSON
        _close_unread(request, response)
        await response.prepare(request)
        for piece in answer.pieces(problem):
            self._connections.request_began(request.transport)
            await response.write(piece)
        await response.write_eof()
        return response


def _headers_of(problem: Problem | None) -> dict[str, str]:
    if problem is None:
        return {}
    headers = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.kind in (NO_TOKEN, TOKEN_REFUSED):
        headers["WWW-Authenticate"] = 'Bearer realm="hotline"'
    return headers


def _close_unread(request: web.Request, response: web.StreamResponse) -> None:
    """Have the connection closed where the body was not read to its end: nobody will read it."""
    if request.can_read_body and not request.content.at_eof():
        response.force_close()
