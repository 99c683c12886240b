"""Put the records of a feed into the inbox: new messages, changes to known letters, refusals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from msgspec.structs import replace

from models.clock import Now
from models.database import Store
from models.errors import HotlineError
from models.i18n import _, render
from models.operations.inbox import last_arrived
from models.rulebook import RulebookCache
from models.rules.calendar import SHANGHAI
from models.security.roles import Actor
from models.shared_clock import service_clock
from scripts.ingest.feed_batch import FeedBatch
from scripts.ingest.known_letters import (
    dresses_in_use,
    keep_dressed_numbers,
    keep_known_numbers,
    require_new_numbers,
)
from scripts.ingest.records import FeedRecord, Outcome, TakenRecord
from scripts.ingest.refused_rows import append_refused
from scripts.ingest.seen_letters import SeenLetters
from scripts.ingest.spreadsheet_numbers import Dress


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
        sender: Actor | None = None,
        now: Now | None = None,
        rulebooks: RulebookCache | None = None,
    ) -> None:
        """Make a pipeline into a store, for messages of `sender`, None: of the service itself.

        Where many are made for one store, `now` is their shared clock, `rulebooks` their cache.

        With `doubling` letters are taken again that are in under another number of theirs. Of what
        lies before the day `quiet_before` nobody is told (decision 34). Raises QuietInFuture.
        """
        self.now = now or service_clock(store)
        self.counts = FeedCounts()
        self.notes: Counter[str] = Counter()
        self._store, self._sender = store, sender
        self.refused = refused
        self._doubling = doubling
        self.begin("")
        self._dresses: dict[str, list[Dress]] = {}
        self._rebased = rebased
        self._rulebooks = rulebooks or RulebookCache()
        self._quiet_before = None
        if quiet_before is not None:
            self._quiet_before = datetime.combine(quiet_before, time(), SHANGHAI)
            if self._quiet_before > self.now():
                raise QuietInFuture(quiet_before)

    @property
    def transaction_size(self) -> int:
        """The most messages of one transaction, where each is looked at by itself."""
        return self._store.batch_size

    def begin(self, feed: str) -> None:
        """Begin a feed of this name: the batches taken from now on are of it."""
        self._feed = feed
        self._checked_sources: set[str] = set()
        self._seen: SeenLetters | None = None

    def take(self, records: Sequence[FeedRecord]) -> list[TakenRecord]:
        """Add a batch to the inbox, in a transaction a source; return what became of each record.

        Raises LettersDoubled, before the first batch of a feed is taken.
        """
        self._check_numbers(records)
        self.counts.read += sum(not record.continues for record in records)
        for note in (note for record in records for note in record.notes):
            self.notes[render(note)] += 1
        taken = {
            place: TakenRecord(record, Outcome.REFUSED, record.why)
            for place, record in enumerate(records)
            if record.message is None
        }
        for source in dict.fromkeys(r.source for r in records if r.message is not None):
            taken |= self._take_source(source, records)
        outcomes = Counter(each.outcome for each in taken.values())
        self.counts.enqueued += outcomes[Outcome.ENQUEUED]
        self.counts.duplicate += outcomes[Outcome.DUPLICATE]
        self.counts.refused += outcomes[Outcome.REFUSED]
        in_order = [taken[place] for place in range(len(records))]
        refused = [
            replace(each.record, why=each.why)
            for each in in_order
            if each.outcome is Outcome.REFUSED
        ]
        append_refused(self.refused, self._feed, refused, self._store.cipher)
        return in_order

    def _take_source(self, source: str, records: Sequence[FeedRecord]) -> dict[int, TakenRecord]:
        """Add the records of one source; returns what became of each, by its place in the batch."""
        places = [p for p, r in enumerate(records) if r.message is not None and r.source == source]
        with self._store.writing() as session:
            if self._seen is None:
                self._seen = SeenLetters(last_arrived(session))
            batch = FeedBatch(
                session,
                source,
                [records[place] for place in places],
                self.now(),
                self._rulebooks.current(session),
                self._seen,
                self._dresses.get(source, ()),
                rebased=self._rebased,
                quiet_before=self._quiet_before,
                sender=self._sender,
            )
            batch.add()
        self.notes.update(batch.notes)
        return {
            place: TakenRecord(records[place], batch.outcome(index), batch.reasons.get(index))
            for index, place in enumerate(places)
        }

    def _check_numbers(self, records: Sequence[FeedRecord]) -> None:
        """Look once for each source of a feed whether its letters have had other numbers."""
        rebased = self._rebased
        tables = {r.source for r in records if r.message is not None and r.facts is not None}
        for source in tables - self._checked_sources:
            self._checked_sources.add(source)
            of_source = _of_source(records, source)
            with self._store.reading() as session:
                if source not in self._dresses:
                    # there are no more than now: numbers are undressed since
                    self._dresses[source] = dresses_in_use(session, source)
                keep_dressed_numbers(session, source, of_source, self._dresses[source])
                keep_known_numbers(session, source, of_source, rebased=rebased)
                if not self._doubling:
                    require_new_numbers(session, source, self._feed, of_source, rebased=rebased)


def _of_source(records: Sequence[FeedRecord], source: str) -> list[FeedRecord]:
    return [r for r in records if r.message is not None and r.source == source]
