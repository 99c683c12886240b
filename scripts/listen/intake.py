"""Take the messages of requests in the same way as those of a feed; this waits for the store."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from models.clock import Now
from models.database import Store
from models.i18n import lazy
from models.queries.tokens import is_token_valid
from models.rulebook import RulebookCache
from models.rules.limits import LISTEN_LIST, RECORD_BYTES
from models.security.tokens import Token
from scripts.ingest.feed_reader import records_of_tickets
from scripts.ingest.pipeline import IngestPipeline
from scripts.ingest.readers import json_stream
from scripts.ingest.readers.json_messages import messages_of
from scripts.ingest.readers.json_values import RawRecord, parse
from scripts.ingest.records import FeedRecord
from scripts.listen.answer import Answer
from scripts.listen.problems import TOKEN_REFUSED, TOO_LARGE, TOO_MANY, Problem


def records_of_lines(content: bytes, before: int = 0) -> Iterator[FeedRecord]:
    """Yield the messages of whole lines; `before` lines came before them."""
    for raw in json_stream.of_lines(BytesIO(content)):
        raw.line += before
        yield from _records(raw)


def records_of_document(content: bytes) -> Iterator[FeedRecord]:
    """Yield the messages of one JSON document: an object, or a list. Raises Problem.

    The messages of a list are numbered by their place in it.
    """
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        if len(content) > RECORD_BYTES:
            raise Problem(TOO_LARGE, limit=RECORD_BYTES)
        yield from _records(parse(1, content, content.decode("utf-8", "backslashreplace")))
        return
    place = 0
    try:
        for place, raw in enumerate(json_stream.of_whole(BytesIO(content), _is_wanted), 1):
            raw.line = place
            yield from _records(raw)
    except json_stream.ListsUnknown:
        why = lazy("behind the list stands another that is no list of messages: send one list")
        yield FeedRecord(place + 1, "", None, why, "")


def _is_wanted(_value: object) -> bool:
    return True


def _records(raw: RawRecord) -> Iterator[FeedRecord]:
    for record in messages_of(iter((raw,))):
        yield from records_of_tickets(record)


class Intake:
    """Takes messages into a store; of what lies before the day `quiet_before` nobody is told.

    Its methods wait for the store, so they belong into threads. They raise the store's error where
    it is away: what they were to take is then not taken.
    """

    def __init__(
        self, store: Store, now: Now, refused: Path, quiet_before: date | None = None
    ) -> None:
        self._store, self._now, self._refused = store, now, refused
        self._quiet_before = quiet_before
        self._rulebooks = RulebookCache()

    def begin(self, holder: Token, request: str, answer: Answer) -> "RequestIntake":
        """Begin to take the messages of a request of whoever has this token."""
        pipeline = IngestPipeline(
            self._store,
            self._refused,
            quiet_before=self._quiet_before,
            sender=holder.actor,
            now=self._now,
            rulebooks=self._rulebooks,
        )
        return RequestIntake(self._store, pipeline, holder, request, answer)


class RequestIntake:
    """Takes the messages of one request, whose source is the name of the token."""

    def __init__(
        self, store: Store, pipeline: IngestPipeline, holder: Token, request: str, answer: Answer
    ) -> None:
        self._store, self._pipeline, self._holder = store, pipeline, holder
        self._answer = answer
        pipeline.begin(f"listen {request}")

    def take_lines(self, content: bytes, before: int) -> None:
        """Take whole lines, before which so many came, in a transaction for so many messages."""
        records = records_of_lines(content, before)
        while batch := list(islice(records, LISTEN_LIST)):
            self._take(batch)

    def take_document(self, content: bytes) -> None:
        """Take a message, or a list of them in one transaction. Raises Problem."""
        records = list(islice(records_of_document(content), LISTEN_LIST + 1))
        if len(records) > LISTEN_LIST:
            raise Problem(TOO_MANY, limit=LISTEN_LIST)
        self._take(records)

    def _take(self, records: list[FeedRecord]) -> None:
        self._require_valid()
        source = self._holder.name
        of_source = [replace(record, source=source) for record in records]
        self._answer.add(self._pipeline.take(of_source))

    def _require_valid(self) -> None:
        """Raise Problem where the token has ended, or was revoked, since the request began."""
        holder = self._holder
        with self._store.reading() as session:
            valid = is_token_valid(session, holder.name, holder.issued_at, self._pipeline.now())
        if not valid:
            raise Problem(TOKEN_REFUSED)
