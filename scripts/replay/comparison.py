"""Compare two replays of the same file: each ticket's deadline and cards."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

_HANDLING = "handling"


@dataclass(frozen=True, slots=True)
class TicketSummary:
    """A ticket's last handling deadline, and its levels that were not withdrawn."""

    due: str | None = None
    prewarning: int = 0
    yellow: int = 0
    red: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A ticket that fares differently in the second replay."""

    ticket: str
    was: TicketSummary
    would_be: TicketSummary

    def as_dict(self) -> dict[str, Any]:
        """The difference as `--json` prints it."""
        return {"ticket": self.ticket, "was": asdict(self.was), "would_be": asdict(self.would_be)}


def summarize_tickets(events: Iterable[dict[str, Any]]) -> dict[str, TicketSummary]:
    """The summary of each ticket with a handling clock, from a replay's events."""
    summaries: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.get("clock") != _HANDLING:
            continue
        summary = summaries.setdefault(str(event["ticket"]), {})
        match event["event"]:
            case "clock.started" | "clock.moved":
                summary["due"] = event["due"]
            case "alert.raised":
                summary[event["level"]] = summary.get(event["level"], 0) + 1
            case "alert.withdrawn":
                summary[event["level"]] -= 1
    return {ticket: TicketSummary(**fields) for ticket, fields in summaries.items()}


def differences(
    was: dict[str, TicketSummary], would_be: dict[str, TicketSummary]
) -> Iterator[Difference]:
    """The tickets whose summaries differ, by number."""
    for ticket in sorted(was.keys() | would_be.keys()):
        before, after = was.get(ticket, TicketSummary()), would_be.get(ticket, TicketSummary())
        if before != after:
            yield Difference(ticket, before, after)
