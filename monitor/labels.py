"""The words that only the monitor has for stored codes, and what picks them.

The closed lists of the rules have their labels beside them (`models/rules/vocabulary.py`).
"""

from collections.abc import Iterable, Mapping

from models.i18n import LazyText, _, lazy, render
from models.rules.messages import HOTLINE
from models.rules.speaking import OPERATORS, TOPICS, UNITS
from models.rules.vocabulary import ClockName, ClockState, Code, Level, Recipient, label

BADGES: dict[str, LazyText] = {
    Level.PREWARNING: lazy("PRE"),
    Level.YELLOW: lazy("YEL"),
    Level.RED: lazy("RED"),
}
"""A level in as few cells as can be read without its colour."""

LEVEL_STYLES: dict[str, str] = {
    Level.PREWARNING: "bold $card-ink on $card-prewarning",
    Level.YELLOW: "bold $card-ink on $card-yellow",
    Level.RED: "bold $card-ink-light on $card-red",
}
"""The style of a level in a text."""

COUNT_STYLES: dict[str, str] = {
    Level.PREWARNING: "soon",
    Level.YELLOW: "near",
    Level.RED: "over",
}
"""The style of how many tickets of a list stand at a level, as a list names it."""

EMERGENCY_BADGE = lazy("URG")
MISSED_MARK = "!"
"""The mark of an emergency of which a duty was missed, after its badge."""

DUTY_NAMES: dict[str, LazyText] = {
    ClockName.ACCEPT: lazy("acceptance"),
    ClockName.EVIDENCE: lazy("evidence"),
    ClockName.HANDLING: lazy("handling"),
    ClockName.ON_SITE: lazy("on site"),
    ClockName.EMERGENCY_REPORT: lazy("report due"),
    ClockName.FIRST_CONTACT: lazy("first call"),
    ClockName.CLOSING_CONTACT: lazy("final call"),
    ClockName.SURVEY: lazy("survey"),
    ClockName.PROOF: lazy("proof"),
    ClockName.DESIGNATION: lazy("to answer"),
    ClockName.ASSIGNMENT: lazy("assignment"),
    ClockName.RETURN_REVIEW: lazy("new return"),
    ClockName.RESULT_REVIEW: lazy("new result"),
    ClockName.MEDIATION: lazy("mediation"),
    ClockName.REVISIT: lazy("revisit"),
}
"""The clocks in words that are whole in a narrow list."""

CONTACT_STATES: dict[str, LazyText] = {
    ClockState.RUNNING: lazy("to be contacted"),
    ClockState.MET: lazy("contacted"),
    ClockState.LATE: lazy("contacted late"),
    ClockState.EXPIRED: lazy("not contacted"),
}
"""The state of the clock of a contact that is owed, in the list."""

PROCESS_ROLES = {"worker": lazy("worker"), "timekeeper": lazy("timekeeper")}
CHANNELS = {"file": lazy("the file of notices"), "log": lazy("the service's log")}
"""The channels of notices that are there without a channels file; others it names."""

SOURCES = {
    OPERATORS: lazy("operators"),
    UNITS: lazy("list of units"),
    TOPICS: lazy("classification"),
    "messages": lazy("file of messages"),
}
"""The sources of messages that no mapping and no token names."""

PERSON_FIELDS = {"name": lazy("Name"), "phone": lazy("Phone"), "address": lazy("Address")}
"""Fields of a claimant that are revealed."""

FLAGS = {
    "decline": lazy("declined"),
    "grave": lazy("grave"),
    "late": lazy("late"),
    "provisional": lazy("provisional"),
}
"""Fields of events that are true or false, shown where they are true."""


def labels(codes: Iterable[Code]) -> dict[str, LazyText]:
    """Return the labels of codes, by code."""
    return {code.value: LazyText(code.label) for code in codes}


def word(words: Mapping[str, LazyText], code: str | None) -> str:
    """Return the monitor's own word for a code; one that it does not know is shown as it is."""
    if not code:
        return ""
    text = words.get(code)
    return render(text) if text is not None else code


def holder_label(name: str) -> str:
    """Return a unit's name as it is, or the label of one of the hotline's own holders."""
    return _("12345 hotline") if name == HOTLINE else label(Recipient, name)


def value_label(value: object) -> str:
    """Return the label of a value that is a code of a closed list, else the value as it is."""
    return _(value.label) if isinstance(value, Code) else str(value)
