"""Codes that millions of rows have: the store keeps a letter of each.

What a letter stands for is never changed; a new code comes at the end of its list, and a migration
then gives it to the rows that have the code itself behind `=`.
"""

from collections.abc import Callable
from string import ascii_letters, digits
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator

from models.errors import UnreadableValue
from models.rules.vocabulary import EventName, MessageType

_LETTERS = ascii_letters + digits
_OTHER = "="
"""The beginning of a code that is none of the list: a message of a type that nobody knows."""

_EVENTS = (
    EventName.TICKET_RECEIVED,
    EventName.SCREENING_PROPOSED,
    EventName.SCREENING_DECIDED,
    EventName.TOPIC_PROPOSED,
    EventName.TICKET_DECLINED,
    EventName.TICKET_UNROUTED,
    EventName.TICKET_ROUTED,
    EventName.TICKET_DISPATCHED,
    EventName.TICKET_ACCEPTED,
    EventName.TICKET_DEEMED_ACCEPTED,
    EventName.TICKET_RETURNED,
    EventName.RETURN_APPROVED,
    EventName.RETURN_REFUSED,
    EventName.DISPUTE_OPENED,
    EventName.DISPUTE_EVIDENCE,
    EventName.DISPUTE_DECIDED,
    EventName.UNIT_JOINED,
    EventName.SITE_ARRIVED,
    EventName.PROGRESS_REPORTED,
    EventName.CLOCK_STARTED,
    EventName.CLOCK_MOVED,
    EventName.CLOCK_STOPPED,
    EventName.CLOCK_EXPIRED,
    EventName.ALERT_RAISED,
    EventName.ALERT_WITHDRAWN,
    EventName.DECISION_WITHDRAWN,
    EventName.EXTENSION_GRANTED,
    EventName.EXTENSION_REFUSED,
    EventName.CONTACT_RECORDED,
    EventName.CONTACT_UNREACHABLE,
    EventName.CONTACT_PROOF_ASKED,
    EventName.CONTACT_PROVED,
    EventName.CONTACT_DEEMED_ABSENT,
    EventName.TICKET_SUPPLEMENTED,
    EventName.TICKET_WITHDRAWN,
    EventName.RESULT_SUBMITTED,
    EventName.RESULT_REFUSED,
    EventName.TICKET_COMPLETED,
    EventName.SURVEY_OPENED,
    EventName.SURVEY_RATED,
    EventName.RATING_CORRECTED,
    EventName.REVISIT_OPENED,
    EventName.REWORK_OPENED,
    EventName.REWORK_REFUSED,
    EventName.TICKET_ARCHIVED,
    EventName.UNIT_URGED,
    EventName.CONDUCT_RECORDED,
    EventName.CONDUCT_PROPOSED,
    EventName.NOTICE_QUEUED,
    EventName.NOTICE_SENT,
    EventName.NOTICE_FAILED,
    EventName.NOTICE_DROPPED,
    EventName.MESSAGE_REFUSED,
    EventName.TICKET_AMENDED,
    EventName.TICKET_REASSIGNED,
    EventName.UNIT_SUCCEEDED,
    EventName.NOTE_ADDED,
    EventName.TEXTS_ERASED,
)
"""The names of events."""

_MESSAGES = (
    MessageType.TICKET_RECEIVED,
    MessageType.UNIT_ACCEPTED,
    MessageType.UNIT_RETURNED,
    MessageType.RETURN_REVIEWED,
    MessageType.DISPUTE_OPENED,
    MessageType.DISPUTE_EVIDENCE,
    MessageType.DISPUTE_DECIDED,
    MessageType.SITE_ARRIVED,
    MessageType.PROGRESS_REPORTED,
    MessageType.CONTACT_ATTEMPTED,
    MessageType.CONTACT_DENIED,
    MessageType.CONTACT_PROOF,
    MessageType.EXTENSION_REQUESTED,
    MessageType.CLAIMANT_SUPPLEMENTED,
    MessageType.CLAIMANT_WITHDREW,
    MessageType.TERM_RESTARTED,
    MessageType.RESULT_SUBMITTED,
    MessageType.RESULT_REVIEWED,
    MessageType.SURVEY_RATED,
    MessageType.REVISIT_RECORDED,
    MessageType.REWORK_REQUESTED,
    MessageType.UNIT_JOINED,
    MessageType.TICKET_ASSIGNED,
    MessageType.SCREENING_DECIDED,
    MessageType.UNIT_URGED,
    MessageType.CONDUCT_RECORDED,
    MessageType.TICKET_AMENDED,
    MessageType.TICKET_REASSIGNED,
    MessageType.UNIT_SUCCEEDED,
    MessageType.NOTE_ADDED,
)
"""The types of messages."""


class Letters:
    """The letters of a list of codes."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        self.by_code = dict(zip(codes, _LETTERS, strict=False))
        self._by_letter = {letter: str(code) for code, letter in self.by_code.items()}
        if len(self.by_code) < len(codes):
            raise ValueError("more codes than letters")

    def __getitem__(self, code: str) -> str:
        return self.by_code.get(code) or _OTHER + code

    def code_of(self, stored: str) -> str:
        """Return the code of what is stored; raises ValueError where it is of none."""
        if (code := self._by_letter.get(stored)) is not None:
            return code
        if stored[:1] == _OTHER and stored[1:] not in self.by_code:
            return stored[1:]
        raise ValueError("no code")


EVENT_LETTERS = Letters(_EVENTS)
MESSAGE_LETTERS = Letters(_MESSAGES)


class LetterOf(TypeDecorator[str]):
    """A code of a list, kept as its letter."""

    impl = String
    cache_ok = True

    def __init__(self, letters: Letters) -> None:
        super().__init__()
        self.letters = letters

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the letter."""
        return self.bind_processor(dialect)(value)

    def bind_processor(self, _dialect: Dialect) -> Callable[[str | None], str | None]:
        """Return the conversion alone: SQLAlchemy's own steps around it would do nothing."""
        letters = self.letters
        return lambda code: None if code is None else letters[code]

    def process_result_value(self, value: Any, _dialect: Dialect) -> str | None:
        """Return the code; raises UnreadableValue where a database holds none."""
        if value is None:
            return None
        try:
            return self.letters.code_of(value if isinstance(value, str) else "")
        except ValueError as error:
            raise UnreadableValue from error
