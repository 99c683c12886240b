"""The topics that sources name, in their own words, and those that the classification lacks."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from models.database import Session
from models.json_types import Json
from models.queries.letter import read_corrected
from models.rules.messages import topic_in
from models.rules.redaction import redact_text
from models.rules.text import clean
from models.rules.topics import SEPARATOR, UNKNOWN_TOPIC
from models.tables.core import TICKET

_TICKETS_READ = 5_000
"""Tickets whose texts are read to list unknown topics: the latest, where there are more."""
_LONGEST = 60


class UnknownTopic(NamedTuple):
    """A text that sources name as a topic and the classification does not have, redacted."""

    text: str
    tickets: int
    last_at: datetime | None


def said_topics(session: Session, numbers: Collection[str]) -> dict[str, Json]:
    """Return the topics that tickets' sources name, as received and corrected since, by number."""
    words: dict[str, Json] = {}
    for number, received in read_corrected(session, numbers).items():
        corrected = [body["topic"] for body in received.corrections if "topic" in body]
        words[number] = corrected[-1] if corrected else topic_in(received.letter)
    return words


def unknown_topics(session: Session) -> list[UnknownTopic]:
    """Return the topics of tickets that the classification does not have, the most used first."""
    tickets = session.execute(
        select(TICKET.c.number, TICKET.c.received_at)
        .where(TICKET.c.topic == UNKNOWN_TOPIC)
        .order_by(TICKET.c.received_at.desc())
        .limit(_TICKETS_READ)
    ).all()
    words = said_topics(session, [ticket.number for ticket in tickets])
    counts: Counter[str] = Counter()
    last: dict[str, datetime | None] = {}
    for ticket in tickets:
        text = shown_topic(words.get(ticket.number))
        counts[text] += 1
        last.setdefault(text, ticket.received_at)
    return [UnknownTopic(text, n, last[text]) for text, n in counts.most_common()]


def shown_topic(words: Json) -> str:
    """Return a topic as its source names it, redacted and cut, fit to be shown."""
    text = SEPARATOR.join(_texts(words))
    return redact_text(" ".join(clean(text).split()))[:_LONGEST]


def _texts(words: Json) -> Iterator[str]:
    match words:
        case str():
            yield words
        case list():
            for part in words:
                yield from _texts(part)
        case dict():
            yield from _texts(list(words.values()))
        case None:
            pass
        case _:
            yield str(words)
