"""Two months of a district for bulletins: the demo's two weeks, and lives that it does not have."""

from pathlib import Path
from typing import Any

from sqlalchemy import select

from models.database import Store
from models.operations.advance import advance
from models.operations.inbox import add_messages
from models.rulebook import load_rulebook
from models.tables.core import TICKET
from scripts.demo.scenario import START, demo_messages
from tests.store.factories import (
    RESULT,
    at,
    feed,
    letter,
    message,
    opened_store,
    prepared_home,
)

NOW = at("2026-12-20T10:00")
FORMULA = '=HYPERLINK("http://evil.example","点我")'
OTHER = "住建局"


def _done(ticket: str, moment: str, unit: str = "城管局") -> list[dict[str, Any]]:
    day = moment[:11]
    return [
        message(ticket, "result.submitted", moment, unit=unit, **RESULT),
        message(ticket, "result.reviewed", f"{day}17:00", approved=True),
    ]


def extras() -> list[dict[str, Any]]:
    """Lives with what a bulletin has to count rightly."""
    extension = {
        "facts": "a",
        "reasons": "b",
        "progress": "c",
        "next_steps": "d",
        "claimant_told": True,
    }
    paper = {"reason": "不属我局", "basis": "职责清单", "signed_by": "副局长"}
    # completed on the last evening of a month, rated, contact denied and never proved
    rated = [
        letter("X1", "2026-10-12T09:00", title=FORMULA),
        message("X1", "unit.accepted", "2026-10-12T10:00"),
        message(
            "X1",
            "contact.attempted",
            "2026-10-12T11:00",
            purpose="first",
            outcome="reached",
            method="phone",
        ),
        *_done("X1", "2026-10-31T16:00"),
        message("X1", "survey.rated", "2026-10-31T18:00", rating="satisfied"),
        message("X1", "contact.denied", "2026-11-01T09:00", purpose="first"),
    ]
    # extended, completed, rated badly, handled again by another unit, rated well
    extended = [
        letter("X2", "2026-10-09T09:00", title="@路灯 13900002222"),
        message("X2", "unit.accepted", "2026-10-09T10:00"),
        message("X2", "extension.requested", "2026-10-12T10:00", **extension),
        message("X2", "extension.requested", "2026-10-14T10:00", **extension),
        *_done("X2", "2026-10-20T10:00"),
        message("X2", "survey.rated", "2026-10-21T09:00", rating="dissatisfied"),
        message("X2", "revisit.recorded", "2026-10-21T10:00", outcome="confirmed"),
        message("X2", "rework.requested", "2026-10-22T10:00", unit=OTHER),
        *_done("X2", "2026-11-03T10:00", OTHER),
        message("X2", "survey.rated", "2026-11-04T09:00", rating="very_satisfied"),
    ]
    # returned, given to another; disputed, designated by the leader, and silent
    reassigned = [
        letter("X3", "2026-10-13T09:00"),
        message("X3", "unit.returned", "2026-10-13T10:00", suggested_unit=OTHER, **paper),
        message("X3", "return.reviewed", "2026-10-13T15:00", approved=True),
        message("X3", "unit.accepted", "2026-10-14T09:00", unit=OTHER),
        letter("X4", "2026-10-13T09:00", content="河道淤塞"),
        message("X4", "dispute.opened", "2026-10-13T10:00", units=["城管局", OTHER]),
        message("X4", "dispute.decided", "2026-10-14T10:00", unit=OTHER, by="leader"),
    ]
    # yellow and red in October; a late message takes another's cards back
    overdue = [
        letter("X5", "2026-10-08T09:00", content="井盖丢失"),
        letter("X6", "2026-10-08T09:00", content="路面塌陷"),
        letter("X7", "2026-10-20T09:00", content="围墙开裂"),
        message("X7", "conduct.recorded", "2026-10-23T09:00", ground="falsified", grave=True),
        message("X7", "conduct.recorded", "2026-10-23T10:00", ground="attitude"),
    ]
    return rated + extended + reassigned + overdue  # fmt: skip


def late() -> list[dict[str, Any]]:
    """The message that comes only afterwards: X6 was answered in time."""
    return [
        message("X6", "unit.accepted", "2026-10-08T10:00"),
        message("X6", "result.submitted", "2026-10-12T10:00", **RESULT),
    ]


def fill_two_months(store: Store) -> None:
    """Put all of this into a store, as of `NOW`."""
    with store.writing() as session:
        demo = sorted(demo_messages(load_rulebook(session)), key=lambda m: m["at"])
        add_messages(session, "demo", demo, START)
    feed(store, extras(), at("2026-10-01T00:00"))
    for moment in (at("2026-10-30T12:00"), NOW):
        if moment == NOW:
            feed(store, late(), NOW)
        _carry_everything(store, moment)


def _carry_everything(store: Store, moment: Any) -> None:
    from models.tables.core import INBOX

    with store.reading() as session:
        numbers = set(session.scalars(select(INBOX.c.ticket))) | set(
            session.scalars(select(TICKET.c.number))
        )
    with store.writing() as session:
        advance(session, sorted(numbers), load_rulebook(session), moment)


def home_of_two_months(folder: Path) -> Path:
    """Make a home in this folder whose store holds the two months."""
    home = prepared_home(folder / "home")
    with opened_store(f"sqlite:///{home / 'hotline.db'}") as store:
        fill_two_months(store)
    return home
