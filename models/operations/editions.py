"""Publish a month's bulletin: once, after the month's end, and kept as printed (decision 31)."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, text

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.operations.access_log import record_access
from models.operations.changes import record_table
from models.queries.bulletin import bulletin
from models.queries.editions import (
    PublishedBulletin,
    content_of,
    packed,
    published_bulletin,
    with_corrections,
)
from models.queries.figure_cases import figure_cases, figure_counts
from models.queries.figures import FIGURES, Month
from models.queries.unit_names import load_unit_names
from models.rules.policy import BulletinRules
from models.rules.vocabulary import Permission
from models.security.heads import HeadKind
from models.security.roles import Actor
from models.tables.core import EDITION


class MonthNotOver(HotlineError):
    """A bulletin is published only after its month's end."""

    def __init__(self, month: Month) -> None:
        ends = f"{month.plus(1)}-01"
        why = _("{month} is not over: it can be published from {ends} on; leave out --publish")
        super().__init__(why.format(month=month, ends=ends))
        self.month = month


def publish(
    session: Session, actor: Actor, month: Month, rules: BulletinRules, now: datetime
) -> PublishedBulletin:
    """Publish the bulletin of a month, or return the edition that there is; it is logged.

    Raises NotAllowed, MonthNotOver.
    """
    actor.require(Permission.PUBLISH)
    if now < month.plus(1).begins_at:
        raise MonthNotOver(month)
    if session.dialect == "postgresql":
        # one publisher at a time, or two would list the same corrections
        session.execute(text("LOCK TABLE edition IN EXCLUSIVE MODE"))
    if (existing := published_bulletin(session, month)) is not None:
        return existing
    names = load_unit_names(session)
    result = with_corrections(session, bulletin(session, month, rules))
    cases = {figure: figure_cases(session, month, figure, names=names) for figure in FIGURES}
    last = session.scalar(select(func.max(EDITION.c.id))) or 0
    values: dict[str, Any] = {
        "id": last + 1,
        "month": str(month),
        "published_at": now,
        "who": actor.name,
        "figures": figure_counts(session, [month], names)[0],
        "corrections": msgspec.to_builtins(result.corrections),
    }
    content = packed(content_of(result, cases))
    values["content"] = session.encrypt(EDITION.c.content, content, values)
    session.execute(session.insert(EDITION).values(values))
    record_table(session, HeadKind.EDITION)
    record_access(session, actor, Permission.PUBLISH, None, [str(month)], now)
    published = published_bulletin(session, month)
    assert published is not None
    return published
