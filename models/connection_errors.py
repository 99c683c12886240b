"""Why PostgreSQL cannot be connected to, told without its address, user or password.

The client library gives no code for it, and repeats the address in its words, so these are
recognised by their English parts; what is not recognised has no reason here.
"""

from models.i18n import LazyText, lazy

_REASONS: tuple[tuple[str, LazyText], ...] = (
    ("password authentication failed", lazy("it refuses this user or this password")),
    ("no password supplied", lazy("it wants a password")),
    ("no pg_hba.conf entry", lazy("its pg_hba.conf lets this user or this machine not in")),
    ("pg_hba.conf rejects", lazy("its pg_hba.conf lets this user or this machine not in")),
    ("does not match host name", lazy("its certificate is for another name")),
    ("certificate verify failed", lazy("its certificate is not of the authority in sslrootcert")),
    ("root certificate file", lazy("the file of sslrootcert is missing or cannot be read")),
    ("certificate file", lazy("the file of sslcert is missing or cannot be read")),
    ("private key file", lazy("the file of sslkey cannot be used; its mode must be 600")),
    ("valid client certificate", lazy("it wants a client's certificate: sslcert and sslkey")),
    ("certificate required", lazy("it wants a client's certificate: sslcert and sslkey")),
    ("server does not support SSL", lazy("it speaks no TLS: set ssl = on there")),
    ('database "', lazy("it has no such database: create it, see the manual of installation")),
    ('role "', lazy("it has no such user: create it, see the manual of installation")),
    ("invalid connection option", lazy("an option after ? does not exist")),
    ("invalid sslmode", lazy("sslmode has no such value")),
    ("resolve host", lazy("the name of its host is not known")),
    ("translate host name", lazy("the name of its host is not known")),
    ("Connection refused", lazy("nobody listens there: start it, or mend host and port")),
    ("No such file or directory", lazy("nobody listens there: start it, or mend host and port")),
    ("too many c", lazy("the database has too many connections")),
    ("connection slots", lazy("the database has too many connections")),
    ("starting up", lazy("it is just starting")),
    ("shutting down", lazy("it is just ending")),
)
"""Parts of the library's words with their reasons, the more special first."""


def connection_reason(words: str) -> LazyText | None:
    """Return the reason that the client library's words name, if it is known."""
    return next((reason for part, reason in _REASONS if part in words), None)
