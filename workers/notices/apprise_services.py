"""Apprise's services, made from addresses without logging them: an address may hold a password.

Chat robots need more than Apprise does for them. They answer a message that they refuse, for
example one that comes too soon, by HTTP 200 with the reason in the body, and they limit its length
in bytes. Apprise offers no hook between a plugin and its HTTP library, so `requests` is replaced in
the modules of these plugins: pyproject.toml bounds the release, tests/test_libraries.py checks the
plugins.
"""

import logging
import threading
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from models.rules.text import clean

if TYPE_CHECKING:
    from requests import Response

_ROBOTS = ("wecombot", "dingtalk", "feishu", "lark")
_BYTES_IN_A_CHARACTER = 3
"""Of Chinese; digits and letters make up for the rare characters of four bytes."""
_BETWEEN_PIECES = 3.0
"""Seconds: robots take twenty messages a minute, and a long one is sent in pieces."""
_instantiating = threading.local()


def _is_loggable(_record: logging.LogRecord) -> bool:
    # Apprise logs an address that it cannot read.
    return not getattr(_instantiating, "now", False)


logging.getLogger("apprise").addFilter(_is_loggable)


def make_service(address: str) -> Any:
    """Return the service that an address names, or None where there is none."""
    # Apprise loads a hundred services: only a channels file needs it.
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415

    robot = address.partition(":")[0].lower() in _ROBOTS
    if robot:
        _check_robots_answers()
    asset = AppriseAsset(async_mode=False, app_id="hotline", app_desc="12345", app_url="")
    _instantiating.now = True
    try:
        service = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    finally:
        _instantiating.now = False
    if robot and service is not None:
        service.body_maxlen //= _BYTES_IN_A_CHARACTER
        service.request_rate_per_sec = _BETWEEN_PIECES
    return service


@cache
def _check_robots_answers() -> None:
    """Make the robots' plugins treat an answer that refuses a message as a failed request."""
    from apprise.plugins import dingtalk, feishu, lark, wecombot  # noqa: PLC0415

    for plugin in (dingtalk, feishu, lark, wecombot):
        module: Any = plugin
        module.requests = _CheckingRequests(module.requests)


class _CheckingRequests:
    """`requests` for a plugin; an answer that refuses the message gets the status 502."""

    def __init__(self, requests: ModuleType) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *args: Any, **kwargs: Any) -> "Response":
        """Post, and log why the robot refused."""
        answer: Response = self._requests.post(*args, **kwargs)
        if answer.ok and (why := _refusal(answer)) is not None:
            logging.getLogger("apprise").warning("the robot refused: %s", clean(why))
            answer.status_code = self._requests.codes.bad_gateway
        return answer


def _refusal(answer: "Response") -> str | None:
    """Return why a robot refused a message, or None where it accepted it."""
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return "it does not answer as a robot does"
    for code, why in (("errcode", "errmsg"), ("code", "msg"), ("StatusCode", "StatusMessage")):
        if code in content:
            return None if content[code] == 0 else f"{content[code]} {content.get(why, '')}"
    return "it does not say that it took the message"
