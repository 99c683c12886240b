"""Put the records of a feed into the inbox: new messages, changes to known letters, refusals."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import LazyText, _, lazy, render
from models.operations.inbox import (
    StoredMessage,
    add_foreign_letters,
    add_messages,
    numbers_of_several,
    stored_messages,
)
from models.queries.units import received_moments, units_of_tickets
from models.rulebook import RulebookCache
from models.rules.calendar import SHANGHAI
from models.rules.policy import Policy, in_force
from models.rules.vocabulary import MessageType
from models.shared_clock import store_clock
from scripts.ingest.known_letters import (
    are_two_persons,
    is_of_another_moment,
    keep_known_numbers,
    require_new_numbers,
    squeezed,
)
from scripts.ingest.mapping import requires_unit
from scripts.ingest.records import FeedRecord
from scripts.ingest.refused_rows import append_refused


@dataclass
class FeedCounts:
    """Counts of records read, by outcome; a record with several messages counts once."""

    read: int = 0
    enqueued: int = 0
    duplicate: int = 0
    refused: int = 0


class QuietInFuture(HotlineError):
    """A day lies in the future: what is still to come would be told to nobody."""

    def __init__(self, day: date) -> None:
        text = _("nobody would be told of what comes until {day}; name today or an earlier day")
        super().__init__(text.format(day=day.isoformat()))


class IngestPipeline:
    """Takes the records of feeds in batches, and keeps counts, notes and refused rows.

    It goes by the store's shared clock: a host whose own clock is wrong dates nothing wrongly.
    """

    def __init__(
        self,
        store: Store,
        refused: Path,
        *,
        rebased: bool = False,
        doubling: bool = False,
        quiet_before: date | None = None,
    ) -> None:
        """Make a pipeline into a store.

        With `doubling` letters are taken again that are in under another number of theirs. Of what
        lies before the day `quiet_before` nobody is told (decision 34). Raises QuietInFuture.
        """
        self.now = store_clock(store)
        self.counts = FeedCounts()
        self.notes: Counter[str] = Counter()
        self._store = store
        self.refused = refused
        self._doubling = doubling
        self._checked_feed: tuple[str, datetime] | None = None
        self._checked_sources: set[str] = set()
        self._rebased = rebased
        self._rulebooks = RulebookCache()
        self._quiet_before = None
        if quiet_before is not None:
            self._quiet_before = datetime.combine(quiet_before, time(), SHANGHAI)
            if self._quiet_before > self.now():
                raise QuietInFuture(quiet_before)

    def take(self, feed: str, records: Sequence[FeedRecord], started_at: datetime) -> None:
        """Add a batch to the inbox, in a transaction a source.

        `started_at` is when reading the feed began: a letter that came since is of the same feed.
        Raises LettersDoubled, before the first batch is taken.
        """
        self._check_numbers(feed, records, started_at)
        self.counts.read += sum(not record.continues for record in records)
        for note in (note for record in records for note in record.notes):
            self.notes[render(note)] += 1
        refused = [record for record in records if record.message is None]
        sources = dict.fromkeys(r.source for r in records if r.message is not None)
        for source in sources:
            source_records = _of_source(records, source)
            with self._store.writing() as session:
                policies = list(self._rulebooks.current(session).policies.values())
                batch = _Batch(
                    session,
                    source,
                    source_records,
                    self.now(),
                    started_at,
                    policies,
                    rebased=self._rebased,
                    quiet_before=self._quiet_before,
                )
                batch.add()
            refused += [replace(record, why=batch.reasons[i]) for i, record in batch.refused()]
            self.counts.enqueued += batch.enqueued()
            self.counts.duplicate += len(source_records) - batch.enqueued() - len(batch.reasons)
            self.notes.update(batch.notes)
        self.counts.refused += len(refused)
        append_refused(self.refused, feed, refused, self._store.cipher)

    def _check_numbers(
        self, feed: str, records: Sequence[FeedRecord], started_at: datetime
    ) -> None:
        """Look once for each source of a feed whether its letters have had other numbers."""
        if self._checked_feed != (feed, started_at):
            self._checked_feed, self._checked_sources = (feed, started_at), set()
        rebased = self._rebased
        for source in {r.source for r in records if r.number is not None} - self._checked_sources:
            self._checked_sources.add(source)
            of_source = _of_source(records, source)
            with self._store.reading() as session:
                keep_known_numbers(session, source, of_source, rebased=rebased)
                if not self._doubling:
                    require_new_numbers(session, source, feed, of_source, rebased=rebased)


def _of_source(records: Sequence[FeedRecord], source: str) -> list[FeedRecord]:
    return [r for r in records if r.message is not None and r.source == source]


class _Batch:
    """The records of one source while they are added: each is new, a duplicate, or refused."""

    def __init__(
        self,
        session: Session,
        source: str,
        records: Sequence[FeedRecord],
        now: datetime,
        started_at: datetime,
        policies: Sequence[Policy],
        *,
        rebased: bool,
        quiet_before: datetime | None,
    ) -> None:
        self._quiet_before = quiet_before
        self._session, self._source, self._records = session, source, records
        self._now, self._started_at = now, started_at
        self._policy, self._rebased = in_force(policies, now), rebased
        self._new: set[int] = set()
        self.reasons: dict[int, LazyText] = {}
        self.notes: Counter[str] = Counter()

    def enqueued(self) -> int:
        """Count the records that brought something new and nothing that was refused."""
        return len(self._new - self.reasons.keys())

    def refused(self) -> list[tuple[int, FeedRecord]]:
        """The records of which something was refused, with their index."""
        return [(index, self._records[index]) for index in self.reasons]

    def add(self) -> None:
        """Add the records' messages; then, for known letters, what has changed in them."""
        keep_known_numbers(self._session, self._source, self._records, rebased=self._rebased)
        known = self._add_messages(self._messages())
        letters = [i for i in known if self._records[i].facts and i not in self.reasons]
        if letters:
            self._add_messages(self._changes(letters))

    def _add_messages(self, messages: Sequence[tuple[int, dict[str, Any]]]) -> list[int]:
        """Add messages, each with its record's index; returns the records with a known letter."""
        latest = None
        # a rebased feed has messages of the future, which wait for their time
        if not self._rebased:
            latest = self._now + self._policy.intake.ahead.span
        bodies = [message for _index, message in messages]
        result = add_messages(
            self._session, self._source, bodies, self._now, latest, self._quiet_before
        )
        for position, reason in result.refused:
            self.reasons.setdefault(messages[position][0], reason)
        old = {*result.known, *(position for position, _reason in result.refused)}
        self._new.update(index for n, (index, _body) in enumerate(messages) if n not in old)
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
        """Make messages of what is new in known letters (Regulation 3.4.6).

        White space does not count as a change.
        """
        bodies = {i: m for i in letters if (m := self._records[i].message) is not None}
        stored = stored_messages(self._session, self._source, [m["id"] for m in bodies.values()])
        changes = {}
        for index, letter in bodies.items():
            old = stored[letter["id"]].body
            facts = self._records[index].facts or ()
            changed = [f for f in facts if squeezed(letter.get(f)) != squeezed(old.get(f))]
            if changed and old["type"] == MessageType.TICKET_RECEIVED:
                changes[index] = changed
        numbers = {bodies[index]["ticket"] for index in changes}
        several = numbers_of_several(self._session, self._source, numbers) if numbers else set()
        messages, foreign = [], []
        for index, changed in changes.items():
            letter, facts = bodies[index], self._records[index].facts or ()
            doubtful = letter["ticket"] in several and not self._records[index].keyed
            if doubtful or self._is_another(letter, stored[letter["id"]]):
                self.reasons[index] = lazy(
                    "the number {number} is already another letter's: name the columns that tell "
                    'them apart in "key" of the mapping',
                    number=letter["id"],
                )
                several.add(letter["ticket"])
                foreign.append((letter, self.reasons[index]))
            elif texts := [str(letter[f]) for f in changed if letter.get(f)]:
                digest = _digest([squeezed(letter.get(f)) for f in facts])
                message = {
                    "type": MessageType.CLAIMANT_SUPPLEMENTED.value,
                    "ticket": letter["ticket"],
                    "id": f"{letter['id']}#changed#{digest}",
                    "at": self._now.isoformat(),
                    "text": "\n".join(texts),
                }
                messages.append((index, message))
        if foreign:
            add_foreign_letters(self._session, self._source, foreign, self._now)
        return messages

    def _is_another(self, letter: Mapping[str, Any], old: StoredMessage) -> bool:
        """Return whether a number stands for two letters.

        They are in one feed, of two moments, or of two persons. A letter that was refused for that
        is known by then: the number stays one of several.
        """
        if old.arrived_at >= self._started_at or are_two_persons(letter, old.body):
            return True
        return is_of_another_moment(letter, old.body, rebased=self._rebased)


_NO_UNIT_YET = lazy(
    "a reply names no unit and no unit has the ticket yet: it stays in the letter; give --unit, or "
    "feed it again when the ticket is dispatched"
)


def _lacks_unit(message: Mapping[str, Any]) -> bool:
    return not message.get("unit") and requires_unit(message["type"])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
