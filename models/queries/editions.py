"""Published bulletins (editions), and what has changed in them since (decision 31)."""

import base64
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from models.database import Session
from models.json_types import Json
from models.queries.bulletin import (
    BodiesLine,
    Bulletin,
    BulletinLine,
    Correction,
    HotlineDuty,
    Publication,
    TalkProposal,
)
from models.queries.bulletin_topics import HotTopic, TopicLine
from models.queries.figure_cases import Counts, FigureCase, figure_counts, figure_tickets
from models.queries.figures import FIGURES, Month
from models.queries.unit_names import UnitNames, load_unit_names
from models.tables.core import EDITION

_INSTANTS = ("due", "ended_at")
"""The notes on a ticket that are instants."""


class _Case(msgspec.Struct, array_like=True, frozen=True):
    unit: str
    ticket: str
    at: datetime
    note: dict[str, Json]


class EditionContent(msgspec.Struct, frozen=True):
    """Everything that an edition prints; titles and categories are by ticket."""

    lines: tuple[BulletinLine, ...]
    total: BulletinLine
    trend: tuple[tuple[str, BulletinLine], ...]
    proposals: tuple[TalkProposal, ...]
    conduct: tuple[TalkProposal, ...]
    hotline: tuple[HotlineDuty, ...]
    bodies: tuple[BodiesLine, ...]
    tickets: dict[str, tuple[str, str]]
    cases: dict[str, tuple[_Case, ...]]
    topics: tuple[TopicLine, ...] = ()
    hot: tuple[HotTopic, ...] = ()


def content_of(bulletin: Bulletin, cases: Mapping[str, Iterable[FigureCase]]) -> EditionContent:
    """Return the content of an edition of this bulletin, with the tickets behind its figures."""
    tickets: dict[str, tuple[str, str]] = {}
    kept: dict[str, tuple[_Case, ...]] = {}
    for figure, listed in cases.items():
        of_figure = []
        for case in listed:
            tickets[case.ticket] = case.title, case.category
            of_figure.append(_Case(case.unit, case.ticket, case.at, dict(case.note)))
        kept[figure] = tuple(of_figure)
    return EditionContent(
        bulletin.lines,
        bulletin.total,
        tuple((str(month), total) for month, _lines, total in bulletin.trend),
        bulletin.proposals,
        bulletin.conduct,
        bulletin.hotline,
        bulletin.bodies,
        tickets,
        kept,
        bulletin.topics,
        bulletin.hot,
    )


def packed(content: EditionContent) -> Json:
    """Return the content as a short JSON value to be encrypted."""
    return base64.b64encode(zlib.compress(msgspec.json.encode(content))).decode()


class PublishedBulletin:
    """An edition: the bulletin as it was published, and the tickets behind its figures."""

    def __init__(self, row: Any, content: EditionContent) -> None:
        self._content = content
        self.bulletin = Bulletin(
            Month.parse(row.month),
            content.lines,
            content.total,
            tuple((Month.parse(month), {}, total) for month, total in content.trend),
            content.proposals,
            content.conduct,
            content.hotline,
            content.bodies,
            msgspec.convert(row.corrections, tuple[Correction, ...]),
            Publication(row.published_at, row.who),
            content.topics,
            content.hot,
        )

    def cases(self, figure: str, units: Iterable[str] | None = None) -> Iterator[FigureCase]:
        """Yield the tickets behind a figure as they were then, of some units or all."""
        wanted = None if units is None else set(units)
        for case in self._content.cases.get(figure, ()):
            if wanted is None or case.unit in wanted:
                title, category = self._content.tickets[case.ticket]
                note = {
                    k: datetime.fromisoformat(v) if k in _INSTANTS else v
                    for k, v in case.note.items()
                }
                yield FigureCase(case.unit, case.ticket, title, category, case.at, note)


def published_bulletin(session: Session, month: Month) -> PublishedBulletin | None:
    """Return the edition of a month; None where it has not been published."""
    row = session.execute(select(EDITION).where(EDITION.c.month == str(month))).first()
    if row is None:
        return None
    raw = zlib.decompress(base64.b64decode(session.decrypt(EDITION.c.content, row)))
    return PublishedBulletin(row, msgspec.json.decode(raw, type=EditionContent))


def pending_corrections(session: Session) -> tuple[Correction, ...]:
    """Return what has changed in published months and no later edition has listed yet."""
    rows = session.execute(
        select(EDITION.c.month, EDITION.c.figures, EDITION.c.corrections).order_by(EDITION.c.id)
    ).all()
    if not rows:
        return ()
    names = load_unit_names(session)
    listed = [c for row in rows for c in msgspec.convert(row.corrections, tuple[Correction, ...])]
    printed = {Month.parse(row.month): row.figures for row in rows}
    first = min(printed, key=lambda month: month.begins_at)
    last = max(printed, key=lambda month: month.begins_at)
    span = [first]
    while span[-1] != last:
        span.append(span[-1].plus(1))
    present = dict(zip(span, figure_counts(session, span, names), strict=True))
    corrections: list[Correction] = []
    for month in sorted(printed, key=lambda month: month.begins_at):
        of_month = [c for c in listed if c.month == str(month)]
        known = _known(printed[month], of_month, names)
        corrections += _differences(session, month, known, present[month], of_month, names)
    return tuple(corrections)


def _known(printed: Counts, listed: Iterable[Correction], names: UnitNames) -> Counts:
    """Return the figures of an edition as its readers know them, by present names of units."""
    known: Counts = {}
    changes = [(u, f, n) for u, figures in printed.items() for f, n in figures.items()]
    changes += [(c.unit, c.figure, c.now - c.was) for c in listed]
    for unit, figure, count in changes:
        figures = known.setdefault(names.present(unit), {})
        figures[figure] = figures.get(figure, 0) + count
    return known


def _differences(
    session: Session,
    month: Month,
    known: Counts,
    present: Counts,
    listed: Iterable[Correction],
    names: UnitNames,
) -> Iterator[Correction]:
    published: PublishedBulletin | None = None
    for figure in FIGURES:
        units = [
            unit
            for unit in sorted({*known, *present})
            if known.get(unit, {}).get(figure, 0) != present.get(unit, {}).get(figure, 0)
        ]
        if not units:
            continue
        published = published or published_bulletin(session, month)
        assert published is not None
        behind = figure_tickets(session, month, figure, names)
        for unit in units:
            before = Counter(
                case.ticket for case in published.cases(figure) if names.present(case.unit) == unit
            )
            for correction in listed:
                if correction.figure == figure and names.present(correction.unit) == unit:
                    before.update(correction.added)
                    before.subtract(correction.removed)
            after = Counter(behind.get(unit, ()))
            yield Correction(
                str(month),
                unit,
                figure,
                known.get(unit, {}).get(figure, 0),
                present.get(unit, {}).get(figure, 0),
                tuple((after - before).elements()),
                tuple((before - after).elements()),
            )


def with_corrections(session: Session, bulletin: Bulletin) -> Bulletin:
    """Return a bulletin with the corrections of earlier editions that it would list."""
    return replace(bulletin, corrections=pending_corrections(session))
