"""The columns of a bulletin in their order, and the format of each value."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.i18n import N_, _
from models.queries.bulletin import BodiesLine, Bulletin, BulletinLine, Correction, HotlineDuty
from models.queries.figures import OF_HOTLINE, RATES, format_rate
from models.rules.redaction import redact_numbers
from models.rules.text import clean
from models.rules.vocabulary import (
    HOTLINE_HOLDERS,
    ClockName,
    Code,
    DutyOutcome,
    Ground,
    Level,
    Rating,
    Recipient,
    Status,
    label,
)
from scripts.output import format_instant

COLUMNS = {
    "tickets": N_("tickets received"),
    "completed": N_("tickets completed"),
    "on_time_rate": N_("on time"),
    "first_contact_rate": N_("first contact"),
    "closing_contact_rate": N_("closing contact"),
    "satisfaction": N_("satisfaction"),
    "returns": N_("returns"),
    "reworks": N_("second handlings"),
    "extensions": N_("extensions"),
    "prewarning": N_("prewarning"),
    "yellow": N_("yellow"),
    "red": N_("red"),
}
"""The figures shown, with their headings."""

LISTED_FIGURES = {
    "tickets": N_("tickets received"),
    "completed": N_("tickets completed"),
    "late": N_("late"),
    "returns": N_("returns"),
    "reworks": N_("second handlings"),
    "extensions": N_("extensions"),
    "cards": N_("cards"),
    "recorded": N_("conduct"),
}
"""The figures whose tickets are listed."""

FIGURE_TITLES = {
    **COLUMNS,
    **LISTED_FIGURES,
    "timed": N_("handled"),
    "on_time": N_("handled in time"),
    "first_due": N_("first contacts owed"),
    "first_contact": N_("first contacts made"),
    "closing_due": N_("closing contacts owed"),
    "closing_contact": N_("closing contacts made"),
    "absent": N_("contacts not proved"),
    "rated": N_("rated"),
    "satisfied": N_("satisfied"),
    "proposed": N_("tickets refused"),
}
"""Every figure of a unit with its title."""

NOTES = {
    "handling": N_("handling"),
    "due": N_("due"),
    "ended_at": N_("submitted"),
    "first_contact": N_("first contact"),
    "closing_contact": N_("closing contact"),
    "rating": N_("rating"),
    "level": N_("level"),
    "status": N_("status"),
    "number": N_("count"),
    "ground": N_("ground"),
    "grave": N_("grave"),
    "suggested_unit": N_("suggested unit"),
    "run": N_("run"),
    "outcome": N_("outcome"),
}
"""The notes on a listed ticket, with their headings."""

_NOTE_CODES: dict[str, type[Code]] = {
    "handling": DutyOutcome,
    "first_contact": DutyOutcome,
    "closing_contact": DutyOutcome,
    "rating": Rating,
    "level": Level,
    "status": Status,
    "ground": Ground,
    "outcome": DutyOutcome,
}
"""The closed lists of the notes that are codes."""


def figure_title(figure: str) -> str:
    """The title of a figure, a unit's or the hotline's."""
    if (duty := OF_HOTLINE.get(figure)) is None:
        return _(FIGURE_TITLES[figure])
    outcome = DutyOutcome.EXPIRED if figure.endswith("_expired") else DutyOutcome.MET
    return f"{label(ClockName, duty.name)} ({label(DutyOutcome, outcome)})"


def format_holder(holder: str) -> str:
    """A holder of duties: a unit by its name, the hotline's by their role."""
    if holder in HOTLINE_HOLDERS:
        return label(Recipient, holder)
    return redacted_line(holder)


def format_publication(bulletin: Bulletin) -> str:
    """A bulletin's standing: when and by whom it was published, or that it is a preview."""
    publication = bulletin.publication
    if publication is None:
        return _("preview: not published, figures may still change")
    return _("published {at} by {who}").format(
        at=format_instant(publication.published_at), who=redacted_line(publication.who)
    )


def correction_heads() -> list[str]:
    """The headings of the list of corrections."""
    return [_("month"), _("unit"), _("figure"), _("was"), _("is"), _("tickets")]


def format_correction(correction: Correction) -> list[str]:
    """A correction's cells, as people read them."""
    return [
        correction.month,
        format_holder(correction.unit),
        figure_title(correction.figure),
        str(correction.was),
        str(correction.now),
        " ".join(map(redacted_line, correction.tickets)),
    ]


def duty_heads() -> list[str]:
    """The headings of the list of the hotline's own duties."""
    return [_("holder"), _("duty"), _("in time"), _("expired")]


def format_duty(duty: HotlineDuty) -> list[str]:
    """A duty of the hotline's own, as people read it."""
    return [
        format_holder(duty.holder),
        label(ClockName, duty.duty),
        str(duty.met),
        str(duty.expired),
    ]


def bodies_title(sums: BodiesLine) -> str:
    """The head of the sum of a parent's bodies."""
    return _("bodies of {parent}").format(parent=redacted_line(sums.parent))


def figure_value(line: BulletinLine, column: str) -> float | int | None:
    """A figure of a unit; a rate is None where there is nothing to divide by."""
    return line.rate(column) if column in RATES else line.count(column)


def format_figure(line: BulletinLine, column: str) -> str:
    """A figure as a person reads it."""
    if column in RATES:
        return format_rate(line.rate(column))
    return str(line.count(column) or "")


def redacted_line(text: str) -> str:
    """A text from outside on one line: invisible characters removed, numbers redacted."""
    return " ".join(redact_numbers(clean(text)).split())


def format_note(values: Mapping[str, Any], key: str) -> str:
    """The note on a ticket under this heading, blank where there is none."""
    match values.get(key):
        case None:
            return ""
        case True:
            return "✓"
        case False:
            return ""
        case datetime() as at:
            return format_instant(at)
        case str(code) if key in _NOTE_CODES:
            return label(_NOTE_CODES[key], code)
        case str(text):
            return redacted_line(text)
        case other:
            return str(other)
