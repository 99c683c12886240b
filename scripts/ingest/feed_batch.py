"""Add the records of one source to the inbox: each is new, known, changed, or refused."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.database import Session
from models.i18n import LazyText, lazy, render
from models.operations.inbox import (
    StoredMessage,
    add_foreign_letters,
    add_messages,
    messages_about,
    numbers_of_several,
    stored_messages,
)
from models.queries.units import received_moments, units_of_tickets
from models.rulebook import Rulebook
from models.rules.policy import in_force
from models.rules.vocabulary import MessageType
from models.security.roles import Actor
from scripts.ingest.known_letters import (
    are_two_persons,
    is_of_another_moment,
    keep_dressed_numbers,
    keep_known_numbers,
)
from scripts.ingest.letter_changes import (
    MARKS,
    ChangeMessages,
    LetterVersion,
    unit_change,
    version_of,
)
from scripts.ingest.mapping import requires_unit
from scripts.ingest.records import FeedRecord, Outcome
from scripts.ingest.seen_letters import SeenLetters
from scripts.ingest.spreadsheet_numbers import Dress


class _ChangedLetter(NamedTuple):
    """A known letter that has come again: as it is now, as it came first, and what is new in it.

    `is_second` says that the same feed had it before.
    """

    letter: Mapping[str, Any]
    old: StoredMessage
    version: LetterVersion
    facts: Sequence[str]
    corrections: Mapping[str, Any]
    is_second: bool

    def names_other_unit(self, record: FeedRecord) -> bool:
        """Return whether its row names another unit, or one in another spelling."""
        known, unit = self.version.body.get("unit"), self.letter.get("unit")
        return bool(unit) and unit != known and "unit" not in record.assumed


class FeedBatch:
    """The records of one source while they are added: each is new, a duplicate, or refused."""

    def __init__(
        self,
        session: Session,
        source: str,
        records: Sequence[FeedRecord],
        now: datetime,
        rulebook: Rulebook,
        seen: SeenLetters,
        dresses: Sequence[Dress],
        *,
        rebased: bool,
        quiet_before: datetime | None,
        sender: Actor | None,
    ) -> None:
        self._quiet_before, self._sender = quiet_before, sender
        self._session, self._source, self._records = session, source, records
        self._now = now
        self._policy = in_force(list(rulebook.policies.values()), now)
        self._directory, self._seen, self._rebased = rulebook.directory, seen, rebased
        self._dresses = dresses
        self._new: set[int] = set()
        self._replied_at: dict[int, datetime] = {}
        self.reasons: dict[int, LazyText] = {}
        self.notes: Counter[str] = Counter()

    def outcome(self, index: int) -> Outcome:
        """Return what became of a record: new, if it brought anything new and nothing refused."""
        if index in self.reasons:
            return Outcome.REFUSED
        return Outcome.ENQUEUED if index in self._new else Outcome.DUPLICATE

    def add(self) -> None:
        """Add the records' messages; then, for known letters, what has changed in them."""
        keep_dressed_numbers(self._session, self._source, self._records, self._dresses)
        keep_known_numbers(self._session, self._source, self._records, rebased=self._rebased)
        known = self._add_messages(self._messages(), self._sender)
        # in the feed's order: of several rows of one ticket the first counts
        letters = [
            i for i in sorted(known) if self._records[i].facts is not None and i not in self.reasons
        ]
        if letters:
            # made here of what the city says in its letter, and sent by nobody
            self._add_messages(self._changes(letters), None)

    def _add_messages(
        self, messages: Sequence[tuple[int, dict[str, Any]]], sender: Actor | None
    ) -> list[int]:
        """Add messages, each with its record's index; returns the records with a known letter."""
        latest = None
        # a rebased feed has messages of the future, which wait for their time
        if not self._rebased:
            latest = self._now + self._policy.intake.ahead.span
        bodies = [message for _index, message in messages]
        result = add_messages(
            self._session, self._source, bodies, self._now, latest, self._quiet_before, sender
        )
        for position, reason in result.refused:
            self.reasons.setdefault(messages[position][0], reason)
        old = {*result.known, *(position for position, _reason in result.refused)}
        for n, (index, body) in enumerate(messages):
            if n not in old:
                self._new.add(index)
                at = datetime.fromisoformat(body["at"])
                self._replied_at[index] = min(at, self._replied_at.get(index, at))
        letters = (n for n in result.known if bodies[n]["type"] == MessageType.TICKET_RECEIVED)
        return [messages[n][0] for n in letters]

    def _messages(self) -> list[tuple[int, dict[str, Any]]]:
        """Every message of every record, with the record's index.

        Where a table does not say which unit spoke, it is the one that holds the ticket. A reply
        to a ticket that no unit holds yet stays in its letter; it comes with a later feed.
        """
        messages: list[tuple[int, dict[str, Any]]] = []
        holders = self._holders()
        self._date_days()
        for index, record in enumerate(self._records):
            bodies = (record.message, *record.later) if record.message is not None else ()
            for message in bodies:
                if record.facts is not None:
                    message.setdefault("at", self._now.isoformat())
                if record.facts is not None and _lacks_unit(message):
                    if (holder := holders.get(message["ticket"])) is not None:
                        message["unit"] = holder
                    elif record.facts:
                        self.notes[render(_NO_UNIT_YET)] += 1
                        break
                messages.append((index, message))
        return messages

    def _date_days(self) -> None:
        """Give messages that are dated by a day the end of its office hours.

        It is earlier where that is still to come, and not before the letter.
        """
        dated = [r for r in self._records if r.days and r.message is not None]
        numbers = {r.message["ticket"] for r in dated if r.message and not r.facts}
        received = received_moments(self._session, numbers) if numbers else {}
        for record in dated:
            letter = record.message or {}
            begins = received.get(letter["ticket"])
            if record.facts and "at" in letter:
                begins = datetime.fromisoformat(letter["at"])
            messages = (letter, *record.later)
            for message in (messages[place] for place in record.days):
                day = datetime.fromisoformat(message["at"])
                at = datetime.combine(day, self._policy.office.closing, day.tzinfo)
                at = at if self._rebased else min(at, max(self._now, day))
                message["at"] = max(at, begins or at).astimezone(day.tzinfo).isoformat()

    def _holders(self) -> dict[str, str]:
        """The units that hold the tickets of messages that lack a unit."""
        numbers = {
            message["ticket"]
            for record in self._records
            if record.facts is not None and record.message is not None
            for message in (record.message, *record.later)
            if _lacks_unit(message)
        }
        return units_of_tickets(self._session, numbers) if numbers else {}

    def _changes(self, letters: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
        """Make messages of what is new in known letters (Regulation 3.4.6, decisions 35 and 36)."""
        changes = self._changed_letters(letters)
        numbers = {change.letter["ticket"] for change in changes.values() if change.facts}
        several = numbers_of_several(self._session, self._source, numbers) if numbers else set()
        holders, received = self._unit_holders(changes.values())
        messages: list[tuple[int, dict[str, Any]]] = []
        foreign = []
        for index, change in changes.items():
            letter, record = change.letter, self._records[index]
            doubtful = letter["ticket"] in several and not record.keyed
            if change.facts and (doubtful or change.is_second or self._is_another(change)):
                self.reasons[index] = lazy(
                    "the number {number} is already another letter's: name the columns that tell "
                    'them apart in "key" of the mapping',
                    number=letter["id"],
                )
                several.add(letter["ticket"])
                foreign.append((letter, self.reasons[index]))
                continue
            if change.is_second:
                self.notes[render(_TWO_ROWS)] += 1
                continue
            made = ChangeMessages(letter, change.version, self._source, self._now)
            if change.facts:
                messages.append((index, made.supplement(record.facts or (), change.facts)))
            if change.corrections:
                messages.append((index, made.amendment(change.corrections)))
            unit = unit_change(
                record,
                change.version,
                self._directory,
                holders.get(letter["ticket"]),
                received=letter["ticket"] in received,
            )
            if unit is not None:
                messages.append((index, made.of_unit(unit, self._moment_of_unit(index))))
        if foreign:
            add_foreign_letters(self._session, self._source, foreign, self._now)
        return messages

    def _changed_letters(self, letters: Sequence[int]) -> dict[int, _ChangedLetter]:
        """Compare known letters with their last versions; returns those that may be changed."""
        bodies = {i: m for i in letters if (m := self._records[i].message) is not None}
        stored = stored_messages(self._session, self._source, [m["id"] for m in bodies.values()])
        later = messages_about(
            self._session, self._source, {m["ticket"] for m in bodies.values()}, MARKS
        )
        changes = {}
        for index, letter in bodies.items():
            old = stored[letter["id"]]
            is_second = self._seen.has(self._source, letter["id"], old)
            self._seen.add(self._source, letter["id"])
            if old.body["type"] != MessageType.TICKET_RECEIVED:
                continue
            version = version_of(old, later.get(letter["id"], ()))
            if version.is_older(letter):
                continue
            record = self._records[index]
            change = _ChangedLetter(
                letter,
                old,
                version,
                version.changed_facts(record),
                version.corrections(record),
                is_second=is_second,
            )
            if change.facts or change.corrections or change.names_other_unit(record):
                changes[index] = change
        return changes

    def _unit_holders(
        self, changes: Iterable[_ChangedLetter]
    ) -> tuple[dict[str, str], Collection[str]]:
        """The units that hold the tickets for which another unit is named, and those received."""
        numbers = {
            change.letter["ticket"]
            for change in changes
            if change.letter.get("unit") not in (None, "", change.version.body.get("unit"))
        }
        if not numbers:
            return {}, ()
        return units_of_tickets(self._session, numbers), received_moments(self._session, numbers)

    def _moment_of_unit(self, index: int) -> datetime:
        """The moment from which another unit has a ticket: before what it did by the same row."""
        replied_at = self._replied_at.get(index)
        return self._now if replied_at is None else min(self._now, replied_at - _A_SECOND)

    def _is_another(self, change: _ChangedLetter) -> bool:
        """Return whether a number stands for two letters: of two moments, or of two persons.

        A letter that was refused for that is known by then: the number stays one of several.
        """
        letter, old = change.letter, change.old.body
        return are_two_persons(letter, change.version.body) or is_of_another_moment(
            letter, old, rebased=self._rebased
        )


_NO_UNIT_YET = lazy(
    "a reply names no unit and no unit has the ticket yet: it stays in the letter; give --unit, or "
    "feed it again when the ticket is dispatched"
)


_TWO_ROWS = lazy(
    "a feed has several rows under one number, with the same letter and other particulars: the "
    "first of them counts"
)

_A_SECOND = timedelta(seconds=1)


def _lacks_unit(message: Mapping[str, Any]) -> bool:
    return not message.get("unit") and requires_unit(message["type"])
