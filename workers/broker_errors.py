"""Why the broker cannot be used, answer without its address, user or password."""

import socket
import ssl
from collections.abc import Iterator

import redis

from models.errors import HotlineError
from models.i18n import LazyText, _, lazy, render

_EXPIRED = 10
_WRONG_NAMES = (62, 64)
"""OpenSSL's codes: the certificate has ended; it is for another name, or another address."""

_MODES = {
    "cluster": lazy(
        "it is a node of a cluster, which spreads the bells: name a server of its own, "
        "cluster-enabled no"
    ),
    "sentinel": lazy("it is a sentinel, which keeps no bells: name the server that it watches"),
}
"""Servers that answer, and hold no queues; by the mode that they tell."""

_OF_CLUSTERS = (
    redis.exceptions.AskError,
    redis.exceptions.ClusterError,
    redis.exceptions.ClusterCrossSlotError,
)
"""Errors that only a node of a cluster answers with; a redirection is one of them."""

_UNSAVED = "MISCONF"
"""The beginning of the answer of a server that cannot write its files, and so takes no change."""

_REFUSALS = (_UNSAVED, "DB index is out of range")
"""Parts of answers for which the client has no class of its own."""

_OF_SERVERS = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.exceptions.NoPermissionError,
    redis.exceptions.OutOfMemoryError,
)
"""Errors of a server that cannot be reached, or takes no change from this client."""

_CLOSED = "Connection closed by server"
"""The client's words where a server ends a connection in order."""

_AWAY = lazy("it does not answer: start `hotline up` or the server of HOTLINE_BROKER_URL")
_HANG_UP = lazy(
    "it hangs up: a server of TLS wants rediss://, and some want a client's certificate "
    "(ssl_certfile, ssl_keyfile)"
)
_ALERTS = {
    "CERTIFICATE_REQUIRED": lazy(
        "it wants a client's certificate: the files of ssl_certfile and ssl_keyfile, or "
        "tls-auth-clients no there"
    ),
    "ALERT_UNKNOWN_CA": lazy(
        "it does not take this client's certificate: have ssl_certfile issued by its authority"
    ),
    "ALERT_CERTIFICATE_EXPIRED": lazy("this client's certificate has ended: renew ssl_certfile"),
    "KEY_VALUES_MISMATCH": lazy("the key of ssl_keyfile does not fit the file of ssl_certfile"),
}
"""What a server refuses a client for, and what OpenSSL does, by their names in its words."""


class BrokerUrlUnusable(HotlineError):
    """HOTLINE_BROKER_URL has an option that the client does not know, or a wrong value."""

    def __init__(self) -> None:
        super().__init__(_("HOTLINE_BROKER_URL: an option after ? is unknown or has a wrong value"))


class BrokerUnsuitable(HotlineError):
    """The server of HOTLINE_BROKER_URL is of a kind that holds no queues."""

    def __init__(self, why: LazyText) -> None:
        super().__init__(f"HOTLINE_BROKER_URL: {render(why)}")


def require_queues(client: redis.Redis) -> None:
    """Raise BrokerUnsuitable for a node of a cluster and for a sentinel, or redis.RedisError.

    A replica is a redis.ReadOnlyError: it may be the first server later.
    """
    answer = client.info("server")
    # Valkey and Redis name it otherwise
    mode = str(answer.get("server_mode") or answer.get("redis_mode"))
    if (why := _MODES.get(mode)) is not None:
        raise BrokerUnsuitable(why)
    if client.info("replication").get("slave_read_only"):
        raise redis.ReadOnlyError


def is_refusal(error: redis.RedisError) -> bool:
    """Return whether the server itself is not as it should be, not what a command found there."""
    return isinstance(error, _OF_SERVERS) or any(words in str(error) for words in _REFUSALS)


def broker_fault(error: redis.RedisError, *, with_tls: bool) -> LazyText:
    """Return what is wrong where the broker cannot be used, and what to do."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_fault(cause.verify_code)
    if isinstance(error, redis.AuthenticationError):
        return lazy("it refuses the user or the password, or wants one")
    if isinstance(error, redis.exceptions.NoPermissionError):
        return lazy("its user may not do that there: allow it ~hotline:* and all commands")
    if isinstance(error, redis.ReadOnlyError):
        return lazy("it is a replica and can only be read: name the first server")
    if isinstance(error, _OF_CLUSTERS):
        return _MODES["cluster"]
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return lazy("its memory is full: give it more maxmemory")
    if _UNSAVED in str(error):
        return lazy("it cannot save and takes nothing: its disk is full or cannot be written")
    if isinstance(error, redis.exceptions.ResponseError):
        return lazy("it refuses what it is asked: its version, or the number of the database")
    return _connection_fault(causes, with_tls=with_tls)


def _certificate_fault(code: int) -> LazyText:
    if code in _WRONG_NAMES:
        return lazy("its certificate is for another name than that in HOTLINE_BROKER_URL")
    if code == _EXPIRED:
        return lazy("its certificate has ended: renew it there")
    return lazy("its certificate is not of an authority that is known here: see ssl_ca_certs")


def _connection_fault(causes: list[BaseException], *, with_tls: bool) -> LazyText:
    for cause in causes:
        match cause:
            case FileNotFoundError() | IsADirectoryError() if with_tls:
                return lazy("the file of ssl_ca_certs, ssl_certfile or ssl_keyfile is missing")
            case ssl.SSLEOFError() | ConnectionResetError() | BrokenPipeError():
                return _HANG_UP
            case redis.ConnectionError() if _CLOSED in str(cause):
                return _HANG_UP
            case ssl.SSLError() as fault if known := _alert(fault):
                return known
            case TimeoutError() if with_tls:
                return lazy("it does not answer with TLS: a server without TLS wants redis://")
            case ssl.SSLError():
                return lazy("it speaks no TLS, or no version of it that is allowed here")
            case PermissionError():
                return lazy("this user may not open its socket")
            case socket.gaierror():
                return lazy("the name of its host is not known")
    return _AWAY


def _alert(fault: ssl.SSLError) -> LazyText | None:
    return next((reason for name, reason in _ALERTS.items() if name in str(fault)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
