"""What a replay would have been under another policy or calendar: the deadlines and the cards."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

_HANDLING = "handling"


@dataclass(frozen=True, slots=True)
class TicketSummary:
    """What a log says of one ticket: its last handling deadline, and the cards that stand."""

    due: str | None = None
    prewarning: int = 0
    yellow: int = 0
    red: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """One ticket whose fate would have been another."""

    ticket: str
    was: TicketSummary
    would_be: TicketSummary

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {"ticket": self.ticket, "was": asdict(self.was), "would_be": asdict(self.would_be)}


def summarize_tickets(events: Iterable[dict[str, Any]]) -> dict[str, TicketSummary]:
    """Each ticket's fate, from a replay's events."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.get("clock") != _HANDLING:
            continue
        fate = found.setdefault(str(event["ticket"]), {})
        match event["event"]:
            case "clock.started" | "clock.moved":
                fate["due"] = event["due"]
            case "alert.raised":
                fate[event["level"]] = fate.get(event["level"], 0) + 1
            case "alert.withdrawn":
                fate[event["level"]] -= 1
    return {ticket: TicketSummary(**fate) for ticket, fate in found.items()}


def differences(
    was: dict[str, TicketSummary], would_be: dict[str, TicketSummary]
) -> Iterator[Difference]:
    """The tickets whose fate differs, by number."""
    for ticket in sorted(was.keys() | would_be.keys()):
        before, after = was.get(ticket, TicketSummary()), would_be.get(ticket, TicketSummary())
        if before != after:
            yield Difference(ticket, before, after)
