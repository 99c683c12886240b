"""Apprise's services, made from addresses without a word: an address may hold a password.

Robots are asked for more than Apprise does: they answer a message that they refuse, as one that
comes too soon, by HTTP 200 with the reason in the body, and count in bytes how long it may be.
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
"""Of Chinese; the rarer ones of four are made up for by digits and letters."""
_BETWEEN_PIECES = 3.0
"""Seconds: robots take twenty messages a minute, and a long one is sent in pieces."""
_making = threading.local()


def _outside_of_making(_record: logging.LogRecord) -> bool:
    return not getattr(_making, "now", False)


# what it cannot read it would log, whole
logging.getLogger("apprise").addFilter(_outside_of_making)


def make_service(address: str) -> Any:
    """The service that an address names, or None where there is none."""
    # Apprise loads a hundred services; without a channels file nobody waits for it
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415

    robot = address.partition(":")[0].lower() in _ROBOTS
    if robot:
        _have_robots_heard()
    asset = AppriseAsset(async_mode=False, app_id="hotline", app_desc="12345", app_url="")
    _making.now = True
    try:
        made = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    finally:
        _making.now = False
    if robot and made is not None:
        made.body_maxlen //= _BYTES_IN_A_CHARACTER
        made.request_rate_per_sec = _BETWEEN_PIECES
    return made


@cache
def _have_robots_heard() -> None:
    """Have what the robots' plugins ask with look into the answers."""
    from apprise.plugins import dingtalk, feishu, lark, wecombot  # noqa: PLC0415

    for plugin in (dingtalk, feishu, lark, wecombot):
        module: Any = plugin
        module.requests = _Listening(module.requests)


class _Listening:
    """`requests` as a plugin uses it; an answer that refuses the message becomes a failed one."""

    def __init__(self, requests: ModuleType) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *where: Any, **what: Any) -> "Response":
        """Post, and say to the log why the robot refused."""
        answer: Response = self._requests.post(*where, **what)
        if answer.ok and (why := _refusal(answer)) is not None:
            logging.getLogger("apprise").warning("the robot refused: %s", clean(why))
            answer.status_code = self._requests.codes.bad_gateway
        return answer


def _refusal(answer: "Response") -> str | None:
    """Why a robot did not take a message; None where it says that it did."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return "it does not answer as a robot does"
    for code, why in (("errcode", "errmsg"), ("code", "msg"), ("StatusCode", "StatusMessage")):
        if code in said:
            return None if said[code] == 0 else f"{said[code]} {said.get(why, '')}"
    return "it does not say that it took the message"
