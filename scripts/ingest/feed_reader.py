"""A city's feed, whatever it is, as messages for the inbox."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, cast

from msgspec.structs import replace

from models.i18n import _
from scripts.ingest.mapping import load, requires_unit, shipped_mappings
from scripts.ingest.readers.formats import Format, choose_format
from scripts.ingest.rebase import rebase
from scripts.ingest.records import TICKET_RECEIVED, FeedRecord, FeedUnreadable

_HEAD = 1 << 16
_IN_MEMORY = 1 << 26


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What the person who feeds may say about a feed; all of it is found out if left out.

    `mapping` is the only one tried; `source` overrides the mapping's name; `unit` is the unit of
    every ticket that names none; `start` plays the feed as if it had begun on that day (+08:00).
    """

    format: str | None = None
    mapping: Path | None = None
    source: str | None = None
    unit: str | None = None
    start: date | None = None


def read_feed(
    feed: Path | IO[bytes], options: FeedOptions = FeedOptions(), name: str | None = None
) -> Iterator[FeedRecord]:
    """Each record of a file or of an open binary stream (a pipe too), in the feed's order.

    Messages in JSON Lines are streamed, a text table is streamed from a file; a pipe of anything
    else, or one to be rebased, is kept aside first. Raises FeedError if the whole cannot be read,
    before the first record; a record that cannot be a message is a `Read` that says why.
    """
    mappings = (load(options.mapping),) if options.mapping else shipped_mappings()
    with ExitStack() as open_files:
        if isinstance(feed, Path):
            name, stream = name or feed.name, _opened(feed, open_files)
        else:
            name, stream = name or _("standard input"), feed
        ready = _ready(name, stream, options, open_files)
        if ready is None:
            return
        stream, form = ready

        def again() -> Iterator[FeedRecord]:
            if stream.seekable():
                stream.seek(0)
            return form.read(name, stream, mappings)

        for row in again() if options.start is None else rebase(again, options.start):
            yield _named(row, options)


def _opened(path: Path, open_files: ExitStack) -> IO[bytes]:
    try:
        return open_files.enter_context(path.open("rb"))
    except OSError as problem:
        why = problem.strerror or _("cannot be read")
        raise FeedUnreadable(str(path), why) from problem


def _ready(
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
        # Citizens' letters: a file without a name, gone with the process that made it.
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


def _named(row: FeedRecord, options: FeedOptions) -> FeedRecord:
    if row.message is None or not (options.source or options.unit):
        return replace(row, source=options.source) if options.source else row
    if options.unit:
        mapped = row.facts is not None
        message, *later = (_of_unit(m, options.unit, mapped) for m in (row.message, *row.later))
        row = replace(row, message=message, later=tuple(later))
    return replace(row, source=options.source or row.source)


def _of_unit(message: dict[str, Any], unit: str, mapped: bool) -> dict[str, Any]:
    """A new ticket goes to the unit; what a table tells of later came from there."""
    kind = message["type"]
    if message.get("unit") or not (kind == TICKET_RECEIVED or (mapped and requires_unit(kind))):
        return message
    return {**message, "unit": unit}
