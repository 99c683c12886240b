"""The reasons why a request fails: a status, a code for programs, a text for people."""

from typing import NamedTuple

from models.i18n import N_


class ProblemKind(NamedTuple):
    """A reason why a request fails; `retry_after` are the seconds after which it may succeed."""

    status: int
    code: str
    text: str
    retry_after: int | None = None


BAD_REQUEST = ProblemKind(400, "bad_request", N_("This request cannot be read."))
EMPTY = ProblemKind(400, "empty", N_("The body is empty: send a message, a list, or lines."))
BAD_GZIP = ProblemKind(
    400, "bad_gzip", N_("The body says that it is gzip, and is not, or not all.")
)
NO_TOKEN = ProblemKind(
    401, "no_token", N_("Say who sends it, by a token: `Authorization: Bearer TOKEN`.")
)
TOKEN_REFUSED = ProblemKind(
    401, "token_refused", N_("This token is not known, has ended, or was revoked.")
)
NOT_ALLOWED = ProblemKind(
    403, "not_allowed", N_("{name} ({role}) may not send messages; a feeder may, and a supervisor.")
)
RESERVED = ProblemKind(
    403, "reserved", N_("The source {name} is the service's own: issue a token of another name.")
)
NOT_FOUND = ProblemKind(404, "not_found", N_("There is no such page."))
WRONG_METHOD = ProblemKind(405, "wrong_method", N_("Messages are sent by POST."))
TOO_SLOW = ProblemKind(408, "too_slow", N_("The body did not come in time."))
TOO_LARGE = ProblemKind(
    413, "too_large", N_("More than {limit} bytes: send parts, or a message a line.")
)
TOO_MANY = ProblemKind(
    413, "too_many", N_("More than {limit} messages in a list: send parts, or a message a line.")
)
PACKED_TOO_TIGHT = ProblemKind(
    413, "packed_too_tight", N_("The body unpacks to more than {ratio} times its bytes.")
)
WRONG_TYPE = ProblemKind(
    415,
    "wrong_type",
    N_("Send a message or a list as application/json, a message a line as application/x-ndjson."),
)
WRONG_CODING = ProblemKind(415, "wrong_coding", N_("Send it as UTF-8, as it is or packed by gzip."))
REFUSED = ProblemKind(422, "refused", N_("Nothing was taken; each result says why."))
TOO_MANY_REQUESTS = ProblemKind(
    429, "too_many_requests", N_("Too many requests. Try again in {seconds} seconds.")
)
TOO_MANY_TRIES = ProblemKind(
    429, "too_many_tries", N_("Too many log-ins. Try again in {seconds} seconds.")
)
FAILED = ProblemKind(
    500, "failed", N_("This failed, which should not happen; the service's log says more.")
)
STORE_AWAY = ProblemKind(
    503, "store_away", N_("The store cannot be reached. Try again soon."), retry_after=5
)
OVERLOADED = ProblemKind(
    503, "overloaded", N_("Too much comes in at one time. Try again soon."), retry_after=5
)
STOPPING = ProblemKind(
    503, "stopping", N_("The service stops. Try again when it is back."), retry_after=10
)

PROBLEMS: tuple[ProblemKind, ...] = tuple(
    kind for kind in list(globals().values()) if isinstance(kind, ProblemKind)
)
"""All of them, by status."""


class Problem(Exception):
    """A request fails, for a reason of this kind; `values` stand in its text."""

    def __init__(
        self, kind: ProblemKind, *, retry_after: int | None = None, **values: object
    ) -> None:
        super().__init__(kind.code)
        self.kind, self.values = kind, values
        self.retry_after = kind.retry_after if retry_after is None else retry_after
