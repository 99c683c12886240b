"""Reads a ticket's state back from its log alone, as somebody does who has nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.rules.second_model import Key

_STATUS = {
    "ticket.received": "received",
    "ticket.declined": "declined",
    "ticket.unrouted": "manual",
    "ticket.dispatched": "dispatched",
    "ticket.accepted": "handling",
    "ticket.deemed_accepted": "handling",
    "ticket.returned": "returned",
    "return.refused": "dispatched",
    "dispute.opened": "disputed",
    "dispute.decided": "dispatched",
    "result.submitted": "submitted",
    "result.refused": "handling",
    "ticket.completed": "completed",
    "rework.opened": "handling",
    "ticket.archived": "archived",
}
_UNIT = ("ticket.dispatched", "dispute.decided", "rework.opened")
_NEW_RUN = ("ticket.accepted", "ticket.deemed_accepted", "rework.opened")


@dataclass
class LogReading:
    """A ticket's state by its log alone."""

    status: str = "received"
    unit: str | None = None
    level: str | None = None
    running: dict[Key, datetime] = field(default_factory=dict)
    holders: dict[Key, str] = field(default_factory=dict)


def read_log(log: Iterable[tuple[str, dict[str, Any]]]) -> LogReading:
    """The state that the events of a life in order, by name and data, lead to."""
    reading = LogReading()
    for name, data in log:
        if data.get("late"):
            continue  # recorded, and changes nothing
        reading.status = _STATUS.get(name, reading.status)
        if name == "unit.succeeded":
            _succeed(reading, data["unit"], data["successor"])
        if name in _UNIT:
            reading.unit = data["unit"]
        if name in _NEW_RUN or (name, data.get("clock")) == ("clock.moved", "handling"):
            reading.level = None
        if name == "alert.raised":
            reading.level = data["level"]
        if name == "ticket.deemed_accepted":
            del reading.running["accept", None], reading.holders["accept", None]
        if name.startswith("clock."):
            _clock(reading, name, data)
    return reading


def _succeed(reading: LogReading, unit: str, successor: str) -> None:
    reading.unit = successor if reading.unit == unit else reading.unit
    for key, holder in reading.holders.items():
        if holder == unit and key[0] != "evidence":
            reading.holders[key] = successor


def _clock(reading: LogReading, name: str, data: dict[str, Any]) -> None:
    key = data["clock"], data.get("unit") or data.get("purpose")
    if name == "clock.started":
        assert key not in reading.running, "what runs is moved, not started"
        reading.running[key] = data["due"]
        reading.holders[key] = data["holder"]
    elif name == "clock.moved":
        assert key in reading.running, "what does not run is started, not moved"
        reading.running[key] = data["due"]
    else:
        del reading.running[key], reading.holders[key]
        if (name, key[0], data.get("outcome")) == ("clock.stopped", "handling", "cancelled"):
            reading.level = None


def clocks_in_the_end(log: Sequence[dict[str, Any]]) -> dict[Key, tuple[datetime, str]]:
    """The running clocks with expiry and holder, by a log as it is written, with corrections.

    A correction may end a clock that has ended, or start one that runs.
    """
    gone = {event["of"] for event in log if event["event"] == "decision.withdrawn"}
    running: dict[Key, tuple[datetime, str]] = {}
    for event in log:
        if event["seq"] in gone:
            continue
        if event["event"] == "ticket.deemed_accepted":
            running.pop(("accept", None), None)
        if event["event"] == "unit.succeeded":
            for key, (due, holder) in running.items():
                if holder == event["unit"] and key[0] != "evidence":
                    running[key] = due, event["successor"]
        if not event["event"].startswith("clock."):
            continue
        key = event["clock"], event.get("unit") or event.get("purpose")
        if event["event"] == "clock.started":
            running[key] = datetime.fromisoformat(event["due"]), event["holder"]
        elif event["event"] == "clock.moved":
            running[key] = datetime.fromisoformat(event["due"]), running[key][1]
        else:
            running.pop(key, None)
    return running
