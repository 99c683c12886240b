"""Why PostgreSQL cannot be connected to, told without its address, user or password.

The client library gives no code for it, and repeats the address in its words, so these are
recognised by their English parts; what is not recognised has no reason here.
"""

from models.i18n import LazyText, lazy

FULL = lazy("the database has too many connections: raise max_connections there, or use fewer")
_NO_PRIMARY = lazy("no server that is named takes changes: all are away or replicas")

_PASSING: tuple[tuple[str, LazyText], ...] = (
    ("session is read-only", _NO_PRIMARY),
    ("server is in hot standby mode", _NO_PRIMARY),
    ("too many c", FULL),
    ("connection slots", FULL),
    ("starting up", lazy("it is just starting")),
    ("not yet accepting connections", lazy("it is just starting")),
    ("in recovery mode", lazy("it is just starting")),
    ("shutting down", lazy("it is just ending")),
)
"""Faults that end by themselves: a full server, one that begins or ends, another primary."""

_NO_CERTIFICATE = lazy("it wants a client's certificate: the files of sslcert and sslkey")
_FOREIGN = lazy("it does not take this client's certificate: have sslcert issued by its authority")

_WRONG_VALUE = lazy("an option after ? has a wrong value")

_LASTING: tuple[tuple[str, LazyText], ...] = (
    (
        "unsupported startup parameter",
        lazy("a pooler stands before it (PgBouncer): name the server itself, see the manual"),
    ),
    ("password authentication failed", lazy("it refuses this user or this password")),
    ("no password supplied", lazy("it wants a password")),
    ("no pg_hba.conf entry", lazy("its pg_hba.conf lets this user or this machine not in")),
    ("pg_hba.conf rejects", lazy("its pg_hba.conf lets this user or this machine not in")),
    ("does not match host name", lazy("its certificate is for another name")),
    ("alert unknown ca", _FOREIGN),
    ("alert bad certificate", _FOREIGN),
    ("alert certificate unknown", _FOREIGN),
    ("alert certificate expired", lazy("this client's certificate has ended: renew sslcert")),
    (
        "certificate verify failed",
        lazy("its certificate has ended, or is not of the authority in sslrootcert"),
    ),
    ("root certificate file", lazy("the file of sslrootcert is missing or cannot be read")),
    ("private key file", lazy("the file of sslkey must exist, fit sslcert and have mode 600")),
    ("certificate file", lazy("the file of sslcert is missing or cannot be read")),
    ("valid client certificate", _NO_CERTIFICATE),
    ("certificate required", _NO_CERTIFICATE),
    ("closed the connection", lazy("it hangs up: it ends, or wants TLS (sslmode=verify-full)")),
    ("server does not support SSL", lazy("it speaks no TLS: set ssl = on there")),
    ('database "', lazy("it has no such database: create it, see the manual of installation")),
    ('role "', lazy("it has no such user: create it, see the manual of installation")),
    ("invalid connection option", lazy("an option after ? does not exist")),
    ("bad value for", _WRONG_VALUE),
    ("invalid integer value", _WRONG_VALUE),
    ("invalid sslmode", lazy("sslmode has no such value")),
    ('value: "', _WRONG_VALUE),
    ("invalid port number", _WRONG_VALUE),
    ("resolve host", lazy("the name of its host is not known")),
    ("translate host name", lazy("the name of its host is not known")),
    ("Connection refused", lazy("nobody listens there: start it, or mend host and port")),
    ("No such file or directory", lazy("nobody listens there: start it, or mend host and port")),
)
"""Faults that somebody has to mend; in both tables the more special stand first."""


def connection_reason(words: str) -> LazyText | None:
    """Return the reason that the client library's words name, if it is known."""
    return next((reason for part, reason in (*_PASSING, *_LASTING) if part in words), None)


def is_passing(words: str) -> bool:
    """Return whether the library's words name a fault that ends by itself."""
    return any(part in words for part, _reason in _PASSING)
