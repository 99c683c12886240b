"""Read a city's feed, whatever its format, as records for the inbox."""

import io
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, cast

from msgspec.structs import replace

from models.i18n import _
from models.rules.messages import Refusal, for_each_ticket
from models.rules.vocabulary import MessageType
from scripts.ingest.mapping import load_mapping, requires_unit, shipped_mappings
from scripts.ingest.readers.formats import Format, choose_format
from scripts.ingest.rebase import rebase
from scripts.ingest.records import FeedRecord, FeedUnreadable

_HEAD = 1 << 16
_IN_MEMORY = 1 << 26


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Options of a feed; what is left out is recognised.

    `mapping` is the only one tried; `source` overrides the mapping's; `unit` is the unit of every
    ticket that names none; `start` plays the feed as if it had begun on that day (+08:00). Of what
    lies before the day `quiet_before` nobody is told.
    """

    format: str | None = None
    mapping: Path | None = None
    source: str | None = None
    unit: str | None = None
    start: date | None = None
    quiet_before: date | None = None

    def quiet_day(self) -> date | None:
        """Return `quiet_before`, or that of the mapping; raises InvalidMapping."""
        if self.quiet_before is not None or self.mapping is None:
            return self.quiet_before
        return load_mapping(self.mapping).quiet_before


def read_feed(
    feed: Path | IO[bytes], options: FeedOptions = FeedOptions(), name: str | None = None
) -> Iterator[FeedRecord]:
    """The records of a file or of an open binary stream (a pipe too), in the feed's order.

    JSON Lines are streamed, a text table is streamed from a file; a pipe of anything else, or one
    to be rebased, is copied to a temporary file first. Raises FeedError, before the first record,
    if the whole cannot be read; a record that cannot be a message says why.
    """
    mappings = (load_mapping(options.mapping),) if options.mapping else shipped_mappings()
    with ExitStack() as open_files:
        if isinstance(feed, Path):
            name, stream = name or feed.name, _open(feed, open_files)
        else:
            name, stream = name or _("standard input"), feed
        prepared = _prepare(name, stream, options, open_files)
        if prepared is None:
            return
        stream, form = prepared

        def read_again() -> Iterator[FeedRecord]:
            if stream.seekable():
                stream.seek(0)
            return form.read(name, stream, mappings)

        def read() -> Generator[FeedRecord, None, None]:
            yield from read_again() if options.start is None else rebase(read_again, options.start)

        records = read()
        # whoever stops early leaves a reader in the middle: it ends before its file is closed
        open_files.callback(records.close)
        for record in records:
            yield from records_of_tickets(_with_options(record, options))


def _open(path: Path, open_files: ExitStack) -> IO[bytes]:
    try:
        return open_files.enter_context(path.open("rb"))
    except OSError as error:
        why = error.strerror or _("cannot be read")
        raise FeedUnreadable(str(path), why) from error


def _prepare(
    name: str, stream: IO[bytes], options: FeedOptions, open_files: ExitStack
) -> tuple[IO[bytes], Format] | None:
    """The stream as its format needs it, and that format; None if there is nothing in it."""
    if not stream.seekable():
        pipe = stream if isinstance(stream, io.BufferedReader) else _buffered(stream)
        head = pipe.peek(_HEAD)
        if head.strip() and options.start is None:
            form = choose_format(name, options.format, head)
            if form.streams:
                return pipe, form
        # citizens' letters: a file without a name, which is gone with the process
        stream = open_files.enter_context(
            tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  (the stack closes it)
        )
        shutil.copyfileobj(pipe, stream)
        stream.seek(0)
    head = stream.read(_HEAD)
    if len(head) < _HEAD and not head.strip():
        return None
    return stream, choose_format(name, options.format, head)


def _buffered(stream: IO[bytes]) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, stream))


def _with_options(record: FeedRecord, options: FeedOptions) -> FeedRecord:
    """The record with the source and the unit that the options name."""
    if options.unit and record.message is not None:
        mapped = record.facts is not None
        messages = (record.message, *record.later)
        first, *later = (_with_unit(m, options.unit, mapped=mapped) for m in messages)
        assumed = record.assumed if first is record.message else record.assumed | {"unit"}
        record = replace(record, message=first, later=tuple(later), assumed=assumed)
    return replace(record, source=options.source) if options.source else record


def records_of_tickets(record: FeedRecord) -> Iterator[FeedRecord]:
    """Yield a record as it is, or one for each ticket where its message names several."""
    message = record.message
    if message is None or not isinstance(message.get("ticket"), list):
        yield record
        return
    messages = for_each_ticket(message)
    if isinstance(messages, Refusal):
        yield replace(record, message=None, why=messages.why)
        return
    for place, each in enumerate(messages):
        yield replace(record, message=dict(each), continues=place > 0)


def _with_unit(message: dict[str, Any], unit: str, *, mapped: bool) -> dict[str, Any]:
    """A new ticket goes to the unit; the further messages of a table came from it."""
    kind = message.get("type")
    needs_unit = kind == MessageType.TICKET_RECEIVED or (mapped and requires_unit(str(kind)))
    return message if message.get("unit") or not needs_unit else {**message, "unit": unit}
