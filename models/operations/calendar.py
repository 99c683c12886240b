"""The calendar changes: every open clock that crosses a changed day is moved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select

from models.database import Session
from models.labels import say
from models.operations.anew import fold_again
from models.operations.cases import locked
from models.operations.log import write
from models.operations.rulebook import declare_days
from models.queries.rulebook import load_rulebook
from models.rules.calendar import Declared
from models.rules.state import OPEN
from models.tables.core import CLOCK, TICKET

_CHUNK = 200


@dataclass
class Moved:
    """What a new arrangement of days did: days declared, clocks moved, alerts taken back.

    `kept` are tickets left as they were, since what people did there would no longer fit.
    """

    days: int = 0
    moved: list[tuple[str, str, datetime]] = field(default_factory=list)
    withdrawn: int = 0
    kept: list[str] = field(default_factory=list)


def rearrange(session: Session, days: Mapping[date, Declared], now: datetime) -> Moved:
    """Declare days working or off and move what depends on them, each with the document as reason.

    What should not have been raised is taken back; the run of a clock stays the same. A caller
    that only wants to see what would change rolls the transaction back.
    """
    result = Moved(declare_days(session, days, now))
    if not result.days:
        return result
    rulebook = load_rulebook(session)
    documents = "、".join(dict.fromkeys(d.document for d in days.values()))
    why = say("the calendar changed: {document}", document=documents)
    for numbers in _concerned(session):
        appending = []
        for case in locked(session, numbers, wait=True):
            found = fold_again(session, case, rulebook, now, why)
            if found is None:
                result.kept.append(case.row.number)
            elif found.events:
                appending.append(found)
        write(session, appending, rulebook, now)
        for one in appending:
            for event in one.events:
                if event.name == "clock.moved":
                    moved = (one.row.number, event.data["clock"], event.data["due"])
                    result.moved.append(moved)
                result.withdrawn += event.name in ("alert.withdrawn", "decision.withdrawn")
    return result


def _concerned(session: Session) -> Iterator[list[str]]:
    """Tickets that are open, or have a clock that runs."""
    running = select(CLOCK.c.ticket_id).where(CLOCK.c.state == "running")
    found = select(TICKET.c.number).where(TICKET.c.status.in_(OPEN) | TICKET.c.id.in_(running))
    numbers = list(session.scalars(found.order_by(TICKET.c.number)))
    for start in range(0, len(numbers), _CHUNK):
        yield numbers[start : start + _CHUNK]
