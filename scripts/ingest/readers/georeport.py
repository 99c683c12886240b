"""Open311 GeoReport v2 in XML, read by a parser that knows no entities and no far places."""

from collections.abc import Iterator, Sequence
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from models.i18n import LazyText, lazy
from scripts.ingest.mapping import Mapping
from scripts.ingest.readers.json_messages import flat, mapped, objects
from scripts.ingest.readers.json_values import LONGEST, RawRecord
from scripts.ingest.records import FeedRecord, FeedUnreadable
from scripts.ingest.table_layout import unknown_table

_CHUNK = 1 << 16
_DEEPEST = 50


def fits(head: bytes) -> bool:
    """Whether a file that begins so is XML."""
    return head.removeprefix("\ufeff".encode()).lstrip().startswith(b"<")


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping]) -> Iterator[FeedRecord]:
    """The records of an XML file, streamed: each element below the outermost one is one.

    What comes before a place that is not well formed is taken, the rest is one refusal. Raises
    ColumnsUnknown if no mapping knows the elements.
    """
    layout, found = objects(feed, pieces(stream), mappings)
    for piece in found:
        if layout is None and piece.why is None:
            names = list(flat(piece.value)) if isinstance(piece.value, dict) else []
            raise unknown_table(feed, [names], mappings)
        if piece.why is not None:
            if layout is None:
                raise FeedUnreadable(feed, piece.why.text.format(**piece.why.args))
            yield FeedRecord(piece.line, layout.mapping.origin, None, piece.why, piece.text)
        elif layout is not None and isinstance(piece.value, dict):
            record = mapped(layout, piece.line, piece.value, piece.text)
            if record is not None:
                yield record


class _Bounded:
    """A stream that gives no more than a record may have between two records."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.given = 0

    def read(self, _size: int = -1) -> bytes:
        chunk = self._stream.read(_CHUNK)
        self.given += len(chunk)
        if self.given > LONGEST + _CHUNK:
            raise _TooLong
        return chunk


class _TooLong(Exception):
    pass


def pieces(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The elements below the outermost one; the last piece says where the XML went wrong."""
    bounded = _Bounded(stream)
    number, depth = 0, 0
    root: Element | None = None
    try:
        for what, element in iterparse(bounded, events=("start", "end"), forbid_dtd=True):
            if what == "start":
                depth += 1
                root = element if root is None else root
                if depth > _DEEPEST:
                    raise _TooLong
                continue
            depth -= 1
            if depth == 1 and root is not None:
                number += 1
                bounded.given = 0
                value = _value(element)
                yield RawRecord(number, str(value), value if isinstance(value, dict) else {})
                root.clear()
    except ParseError as problem:
        yield RawRecord(number + 1, "", why=_torn(problem.position[0]))
    except DefusedXmlException:
        why = lazy(
            "The XML declares entities or a document type, which no feed needs. Leave it out"
        )
        yield RawRecord(number + 1, "", why=why)
    except (_TooLong, RecursionError):
        why = lazy("An element of the XML is too long or too deep for a letter. Leave it out")
        yield RawRecord(number + 1, "", why=why)
    except (LookupError, ValueError):  # an encoding that nobody knows
        yield RawRecord(
            number + 1, "", why=lazy("The XML is in no known encoding. Save it as UTF-8")
        )


def _torn(line: int) -> LazyText:
    return lazy(
        "The XML is not well formed at line {line}: what comes after it was not read. Mend it and "
        "feed it again",
        line=line,
    )


def _value(element: Element) -> Any:
    if len(element) == 0:
        return element.text or ""
    value: dict[str, Any] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        # a name that stands several times is a list, or a name of its own
        while name in value:
            name += "+"
        value[name] = _value(child)
    return value
