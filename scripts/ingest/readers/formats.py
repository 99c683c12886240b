"""The formats that are read; a file's format is told by its content, never by its name.

A new format is a module with `fits` and `read`, and one line here.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import IO, NamedTuple

from models.i18n import _
from scripts.ingest.mapping import Mapping
from scripts.ingest.readers import delimited, georeport, json_messages, workbook
from scripts.ingest.records import FeedRecord, FeedUnreadable


class Format(NamedTuple):
    """A format: a test of a file's beginning, a reader, and whether a pipe can be streamed."""

    fits: Callable[[bytes], bool]
    read: Callable[[str, IO[bytes], Sequence[Mapping]], Iterator[FeedRecord]]
    streams: bool


FORMATS = {
    "workbook": Format(workbook.fits, workbook.read, streams=False),
    "xml": Format(georeport.fits, georeport.read, streams=True),
    "json": Format(json_messages.fits_array, json_messages.read_array, streams=True),
    "messages": Format(json_messages.fits, json_messages.read, streams=True),
    "delimited": Format(delimited.fits, delimited.read, streams=False),
}
"""The formats by the name that `--format` takes, the one that is recognised most surely first."""


def choose_format(feed: str, name: str | None, head: bytes) -> Format:
    """The format called `name`, or the one that the first bytes of a file show.

    Raises FeedUnreadable for an unknown name or a file in no format that is read.
    """
    if name is not None:
        if name not in FORMATS:
            raise FeedUnreadable(
                feed,
                _('no format "{name}"; there are: {known}').format(
                    name=name, known=", ".join(FORMATS)
                ),
            )
        return FORMATS[name]
    for form in FORMATS.values():
        if form.fits(head):
            return form
    raise FeedUnreadable(
        feed, _("is no spreadsheet, no JSON, no XML and no text table; export it as one of these")
    )
