"""The classification of requests as the store has it."""

from sqlalchemy import select

from models.database import Session
from models.rules.topics import Topic, TopicTree
from models.tables.core import TOPIC


def load_topics(session: Session) -> TopicTree:
    """Return the classification, with the topics that have left it."""
    rows = session.execute(select(TOPIC).order_by(TOPIC.c.position, TOPIC.c.code))
    return TopicTree(
        [
            Topic(
                row.code,
                row.label,
                row.parent,
                tuple(row.names["aliases"]),
                tuple(row.names["former"]),
                row.retired_at is not None,
            )
            for row in rows
        ]
    )
