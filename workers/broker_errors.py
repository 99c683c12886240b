"""Why the broker cannot be used, told without its address, user or password."""

import socket
import ssl
from collections.abc import Iterator

import redis

from models.errors import HotlineError
from models.i18n import LazyText, _, lazy

_EXPIRED = 10
_WRONG_NAMES = (62, 64)
"""OpenSSL's codes: the certificate has ended; it is for another name, or another address."""

_AWAY = lazy("it does not answer: start `hotline up` or the server of HOTLINE_BROKER_URL")
_HANG_UP = lazy(
    "it hangs up: a server of TLS wants rediss://, and some want a client's certificate "
    "(ssl_certfile, ssl_keyfile)"
)


class BrokerUrlUnusable(HotlineError):
    """HOTLINE_BROKER_URL has an option that the client does not know, or a wrong value."""

    def __init__(self) -> None:
        super().__init__(_("HOTLINE_BROKER_URL: an option after ? is unknown or has a wrong value"))


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
    if isinstance(error, redis.exceptions.ResponseError):
        return lazy("it refuses what it is asked: its version, or the number of the database")
    return _connection_fault(causes, with_tls=with_tls)


def _certificate_fault(code: int) -> LazyText:
    if code in _WRONG_NAMES:
        return lazy("its certificate is for another name than that in HOTLINE_BROKER_URL")
    if code == _EXPIRED:
        return lazy("its certificate has ended")
    return lazy("its certificate is not of an authority that is known here: see ssl_ca_certs")


def _connection_fault(causes: list[BaseException], *, with_tls: bool) -> LazyText:
    for cause in causes:
        match cause:
            case FileNotFoundError() | IsADirectoryError() if with_tls:
                return lazy("the file of ssl_ca_certs, ssl_certfile or ssl_keyfile is missing")
            case ssl.SSLEOFError() | ConnectionResetError() | BrokenPipeError():
                return _HANG_UP
            case ssl.SSLError() as fault if "CERTIFICATE_REQUIRED" in str(fault):
                return _HANG_UP
            case TimeoutError() if with_tls:
                return lazy("it does not answer with TLS: a server without TLS wants redis://")
            case ssl.SSLError():
                return lazy("it speaks no TLS, or no version of it that is allowed here")
            case PermissionError():
                return lazy("this user may not open its socket")
            case socket.gaierror():
                return lazy("the name of its host is not known")
    return _AWAY


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
