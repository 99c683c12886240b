"""Read Open311 GeoReport v2 in XML, by a parser without entities and external references."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from models.i18n import LazyText, lazy
from models.rules.limits import RECORD_BYTES, XML_DEPTH, XML_EQUAL_NAMES
from scripts.ingest.mapping import Mapping
from scripts.ingest.readers.json_objects import flatten, object_record, recognise_objects
from scripts.ingest.readers.json_values import RawRecord
from scripts.ingest.records import FeedRecord, FeedUnreadable
from scripts.ingest.table_layout import unknown_table

_CHUNK = 1 << 16


def fits(head: bytes) -> bool:
    """Return whether a file that begins so is XML."""
    return head.removeprefix("\ufeff".encode()).lstrip().startswith(b"<")


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping]) -> Iterator[FeedRecord]:
    """The records of an XML file, streamed: one for each element below the outermost one.

    What comes before a place that is not well formed is taken, the rest is one refusal. Raises
    ColumnsUnknown if no mapping knows the elements.
    """
    layout, raws = recognise_objects(feed, elements(stream), mappings)
    for raw in raws:
        if layout is None and raw.why is None:
            names = list(flatten(raw.value)) if isinstance(raw.value, dict) else []
            raise unknown_table(feed, [names], mappings)
        if raw.why is not None:
            if layout is None:
                raise FeedUnreadable(feed, raw.why.text.format(**raw.why.args))
            yield FeedRecord(raw.line, layout.mapping.message_source, None, raw.why, raw.text)
        elif layout is not None and isinstance(raw.value, dict):
            record = object_record(layout, raw.line, raw.value, raw.text)
            if record is not None:
                yield record


class _BoundedStream:
    """A stream that raises _TooLong if more than a record may have comes between two records."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.bytes_of_record = 0

    def read(self, _size: int = -1) -> bytes:
        chunk = self._stream.read(_CHUNK)
        self.bytes_of_record += len(chunk)
        if self.bytes_of_record > RECORD_BYTES + _CHUNK:
            raise _TooLong
        return chunk


class _TooLong(Exception):
    pass


class _TooManyNames(Exception):
    pass


_EQUAL_NAMES = lazy(
    "An element has more than {limit} elements of one name. Leave them out", limit=XML_EQUAL_NAMES
)


def elements(stream: IO[bytes]) -> Iterator[RawRecord]:
    """The elements below the outermost one; the last record says where the XML went wrong."""
    bounded = _BoundedStream(stream)
    number, depth = 0, 0
    root: Element | None = None
    try:
        for event, element in iterparse(bounded, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                depth += 1
                root = element if root is None else root
                if depth > XML_DEPTH:
                    raise _TooLong
                continue
            depth -= 1
            if depth == 1 and root is not None:
                number += 1
                bounded.bytes_of_record = 0
                try:
                    value = _value(element)
                except _TooManyNames:
                    yield RawRecord(number, "", why=_EQUAL_NAMES)
                else:
                    yield RawRecord(number, str(value), value if isinstance(value, dict) else {})
                root.clear()
    except ParseError as error:
        yield RawRecord(number + 1, "", why=_malformed(error.position[0]))
    except DefusedXmlException:
        why = lazy(
            "The XML declares entities or a document type, which no feed needs. Leave it out"
        )
        yield RawRecord(number + 1, "", why=why)
    except (_TooLong, RecursionError):
        why = lazy("An element of the XML is too long or too deep for a letter. Leave it out")
        yield RawRecord(number + 1, "", why=why)
    except (LookupError, ValueError):  # an unknown encoding
        why = lazy("The XML is in no known encoding. Save it as UTF-8")
        yield RawRecord(number + 1, "", why=why)


def _malformed(line: int) -> LazyText:
    return lazy(
        "The XML is not well formed at line {line}: what comes after it was not read. Mend it and "
        "feed it again",
        line=line,
    )


def _value(element: Element) -> Any:
    if len(element) == 0:
        return element.text or ""
    value: dict[str, Any] = {}
    times: Counter[str] = Counter()
    for child in element:
        name = child.tag.rpartition("}")[2]
        # a name that stands several times is kept under several names
        if times[name] >= XML_EQUAL_NAMES:
            raise _TooManyNames
        value[name + "+" * times[name]] = _value(child)
        times[name] += 1
    return value
