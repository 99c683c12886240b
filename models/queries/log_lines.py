"""The lines of one ticket's log as people are shown them, personal data redacted."""

from dataclasses import dataclass
from datetime import datetime

from models.json_types import JsonObject
from models.rules.events import EventData
from models.rules.vocabulary import EventName


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log: when recorded, when it took effect, what, and the details.

    `private` is what people wrote, cleaned and redacted. `by` is the operator whose message caused
    the event, where the event itself does not say it; `cause` is that message's number.
    """

    seq: int
    at: datetime
    moment: datetime
    event: EventData
    private: JsonObject
    by: str = ""
    cause: int | None = None

    @property
    def name(self) -> EventName:
        """The event's name."""
        return self.event.event
