"""Change the classification of requests; tickets whose topic is known by then get it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, or_, select

from models.database import Session
from models.i18n import _
from models.json_types import Json
from models.membership import is_in
from models.operations.changes import record_table
from models.operations.inbox import add_messages
from models.queries.said_topics import said_topics
from models.queries.topics import load_topics
from models.rulebook import hold_rulebook
from models.rules.papers import says_something
from models.rules.speaking import TOPICS
from models.rules.topic_lists import InvalidTopics, ListedTopic, topics_of, with_alias
from models.rules.topics import UNKNOWN_TOPIC, Topic, TopicTree
from models.rules.vocabulary import MessageType
from models.security.heads import HeadKind
from models.tables.core import TICKET, TOPIC

_CHUNK = 1_000


@dataclass
class TopicsChange:
    """The changes of the classification, by paths; `tickets` counts those that get a topic.

    `renamed` has the paths before with those now.
    """

    count: int
    added: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    tickets: int = 0


def replace_topics(
    session: Session, listed: Sequence[ListedTopic], who: str, now: datetime
) -> TopicsChange:
    """Replace the classification by that of a list; what has left it is kept as retired.

    Tickets whose topic was not known and is now get it; with the first list, those too that an
    earlier release received. Raises InvalidTopics.
    """
    hold_rulebook(session, to_change=True)
    before = load_topics(session)
    return _store(session, before, topics_of(listed, before), who, now)


def map_topic(session: Session, text: str, to: str, who: str, now: datetime) -> TopicsChange:
    """Let a text mean a topic, which tickets with this text get. Raises InvalidTopics."""
    hold_rulebook(session, to_change=True)
    before = load_topics(session)
    code = before.find(to)
    if code is None:
        why = _("topic {topic} is not known, or is several; name it by its code or its whole path")
        raise InvalidTopics(why.format(topic=to))
    topics = with_alias(before, text.strip(), code)
    if (meant := TopicTree(topics).find(text)) is not None and meant != code:
        why = _("{word} is the code or the path of {topic}, and cannot mean another")
        raise InvalidTopics(why.format(word=text, topic=before.path(meant)))
    return _store(session, before, topics, who, now)


def _store(
    session: Session, before: TopicTree, topics: Sequence[Topic], who: str, now: datetime
) -> TopicsChange:
    after = TopicTree(topics)
    change = _difference(before, after)
    if list(before.topics.values()) != list(topics):
        version = _write(session, topics, now)
        numbers = _without_topic(session, first=not before.topics)
        change.tickets = _give_topics(session, numbers, after, version, who, now)
    return change


def _difference(before: TopicTree, after: TopicTree) -> TopicsChange:
    change = TopicsChange(len(after))
    for code, topic in after.topics.items():
        old = before.topics.get(code)
        path = after.path(code)
        if topic.retired:
            if old is None or not old.retired:
                change.retired.append(path)
        elif old is None or old.retired:
            change.added.append(path)
        else:
            if before.path(code) != path:
                change.renamed[before.path(code)] = path
            if topic.aliases != old.aliases:
                change.aliases.append(path)
    return change


def _write(session: Session, topics: Sequence[Topic], now: datetime) -> int:
    retired = select(TOPIC.c.code, TOPIC.c.retired_at).where(TOPIC.c.retired_at.is_not(None))
    since = {row.code: row.retired_at for row in session.execute(retired)}
    version = (session.scalar(select(func.max(TOPIC.c.version))) or 0) + 1
    session.execute(delete(TOPIC))
    rows = [
        {
            "code": topic.code,
            "label": topic.label,
            "parent": topic.parent,
            "position": position,
            "version": version,
            "names": {"aliases": list(topic.aliases), "former": list(topic.former)},
            "retired_at": since.get(topic.code, now) if topic.retired else None,
        }
        for position, topic in enumerate(topics)
    ]
    session.execute(session.insert(TOPIC), rows)
    record_table(session, HeadKind.TOPIC)
    return version


def _without_topic(session: Session, *, first: bool) -> list[str]:
    """Return the tickets whose topic is not known; for the `first` list those without one too."""
    unknown = TICKET.c.topic == UNKNOWN_TOPIC
    which = or_(unknown, TICKET.c.topic.is_(None)) if first else unknown
    return list(session.scalars(select(TICKET.c.number).where(which).order_by(TICKET.c.id)))


def _give_topics(
    session: Session,
    numbers: Sequence[str],
    tree: TopicTree,
    version: int,
    who: str,
    now: datetime,
) -> int:
    """Put a correction into the inbox for each ticket whose topic is known now; returns how many.

    It is also sent for a ticket of an earlier release whose topic is not known, to be listed.
    """
    count = 0
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        words = said_topics(session, chunk)
        rows = select(TICKET.c.number, TICKET.c.topic).where(is_in(TICKET.c.number, chunk))
        listed = {row.number: row.topic is not None for row in session.execute(rows)}
        messages = []
        for number in chunk:
            text = words.get(number)
            code = tree.find(text)
            if code is not None or (says_something(text) and not listed[number]):
                messages.append(_correction(number, code or text, version, who, now))
                count += code is not None
        added = add_messages(session, TOPICS, messages, now)
        assert not added.refused and not added.known, added
    return count


def _correction(number: str, topic: Json, version: int, who: str, now: datetime) -> dict[str, Json]:
    return {
        "id": f"{version}/{number}",
        "at": now.isoformat(),
        "type": MessageType.TICKET_AMENDED.value,
        "ticket": number,
        "topic": topic,
        "by": who,
        "why": _("the classification has this topic now"),
    }
