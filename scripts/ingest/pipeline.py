"""Rows of a feed into the inbox: what is new, what has really changed, and what is refused."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from models.database import Session, Store
from models.file_append import append_lines
from models.i18n import LazyText, lazy, render
from models.operations.inbox import StoredMessage, add_messages, stored_messages
from models.queries.tickets import units_of_tickets
from models.rulebook import Rulebook, RulebookCache
from models.rules.policy import in_force
from models.rules.text import clean, redact_numbers
from models.shared_clock import store_clock
from scripts.ingest.mapping import requires_unit
from scripts.ingest.records import TICKET_RECEIVED, FeedRecord

SUPPLEMENTED = "claimant.supplemented"


@dataclass
class FeedCounts:
    """What became of the records read; each counts once, whatever number of messages it makes."""

    read: int = 0
    enqueued: int = 0
    duplicate: int = 0
    refused: int = 0


class IngestPipeline:
    """Takes a feed's rows in batches; remembers the counts, the notes and who was refused.

    It goes by the clock of all on this store: a host whose own is wrong dates nothing otherwise.
    """

    def __init__(self, store: Store, refused: Path, *, rebased: bool = False) -> None:
        self.now = store_clock(store)
        self.counts = FeedCounts()
        self.notes: Counter[str] = Counter()
        self._store = store
        self.refused = refused
        # a feed that is played as of another day has messages that wait for their time
        self._rulebooks = None if rebased else RulebookCache()

    def take(self, feed: str, rows: Sequence[FeedRecord], began: datetime) -> None:
        """Put a batch into the inbox, in one transaction; `began` is when its feed was begun."""
        self.counts.read += len(rows)
        for note in (note for row in rows for note in row.notes):
            self.notes[render(note)] += 1
        refused = [row for row in rows if row.message is None]
        for source in dict.fromkeys(row.source for row in rows if row.message is not None):
            of_it = [r for r in rows if r.message is not None and r.source == source]
            with self._store.writing() as session:
                rulebook = self._rulebooks.current(session) if self._rulebooks else None
                batch = _Batch(session, source, of_it, self.now(), began, rulebook)
                batch.add_messages()
            refused += [replace(row, why=batch.whys[i]) for i, row in batch.refused()]
            self.counts.enqueued += batch.enqueued()
            self.counts.duplicate += len(of_it) - batch.enqueued() - len(batch.whys)
            self.notes.update(batch.notes)
        self.counts.refused += len(refused)
        self._keep(feed, refused)

    def _keep(self, feed: str, rows: Sequence[FeedRecord]) -> None:
        if not rows:
            return
        cipher = self._store.cipher
        lines = [
            msgspec.json.encode(
                {
                    "feed": feed,
                    "source": row.source,
                    "line": row.line,
                    "why": redact_numbers(clean(render(row.why))) if row.why else "",
                    # what citizens wrote lies sealed here as everywhere: see `hotline refused`
                    "sealed": cipher.encrypt(msgspec.to_builtins(row.raw, enc_hook=str)).raw,
                }
            )
            for row in rows
        ]
        append_lines(self.refused, b"".join(line + b"\n" for line in lines))


class _Batch:
    """The rows of one source while they are put: each is news, a repeat, or refused."""

    def __init__(
        self,
        session: Session,
        source: str,
        rows: Sequence[FeedRecord],
        now: datetime,
        began: datetime,
        rulebook: Rulebook | None,
    ) -> None:
        self._session, self._source, self._rows = session, source, rows
        self._now, self._began, self._rulebook = now, began, rulebook
        self._rebased = rulebook is None
        self._news: set[int] = set()
        self.whys: dict[int, LazyText] = {}
        self.notes: Counter[str] = Counter()

    def enqueued(self) -> int:
        """How many rows brought something new and nothing wrong."""
        return len(self._news - self.whys.keys())

    def refused(self) -> list[tuple[int, FeedRecord]]:
        """The rows of which something was refused, by their index."""
        return [(index, self._rows[index]) for index in self.whys]

    def add_messages(self) -> None:
        """Put what the rows say; then, of letters that are known, what has changed in them."""
        known = self._put(self._messages())
        letters = [i for i in known if self._rows[i].facts and i not in self.whys]
        if letters:
            self._put(self._changes(letters))

    def _put(self, messages: Sequence[tuple[int, dict[str, Any]]]) -> list[int]:
        """Put messages, each of a row; returns the rows whose letter was known."""
        latest = None
        if self._rulebook is not None:
            policies = list(self._rulebook.policies.values())
            latest = self._now + (in_force(policies, self._now).intake.ahead.wall or timedelta())
        bodies = [message for _row, message in messages]
        result = add_messages(self._session, self._source, bodies, self._now, latest)
        for index, why in result.refused:
            self.whys.setdefault(messages[index][0], why)
        old = {*result.known, *(index for index, _why in result.refused)}
        self._news.update(row for i, (row, _message) in enumerate(messages) if i not in old)
        return [messages[i][0] for i in result.known if bodies[i]["type"] == TICKET_RECEIVED]

    def _messages(self) -> list[tuple[int, dict[str, Any]]]:
        """Every message of every row; who spoke, where a table does not say, is who has the ticket.

        A reply that nobody can have sent yet is left in its letter; it comes with a later feed.
        """
        made: list[tuple[int, dict[str, Any]]] = []
        holders = self._holders()
        for index, row in enumerate(self._rows):
            messages = (row.message, *row.later) if row.message is not None else ()
            for message in messages:
                if "at" not in message:
                    message["at"] = self._now.isoformat()
                if row.facts is not None and _lacks_a_unit(message):
                    if (holder := holders.get(message["ticket"])) is not None:
                        message["unit"] = holder
                    elif row.facts:
                        self.notes[render(_NOBODY)] += 1
                        break
                made.append((index, message))
        return made

    def _holders(self) -> dict[str, str]:
        """The units that have the tickets of which somebody unnamed speaks."""
        numbers = {
            message["ticket"]
            for row in self._rows
            if row.facts is not None and row.message is not None
            for message in (row.message, *row.later)
            if _lacks_a_unit(message)
        }
        return units_of_tickets(self._session, numbers) if numbers else {}

    def _changes(self, letters: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
        """What is said anew in letters that are known (Regulation 3.4.6), white space apart."""
        rows = {i: row.message for i in letters if (row := self._rows[i]).message is not None}
        before = stored_messages(self._session, self._source, [m["id"] for m in rows.values()])
        made = []
        for index, letter in rows.items():
            old = before[letter["id"]]
            facts = self._rows[index].facts or ()
            changed = [f for f in facts if _bare(letter.get(f)) != _bare(old.body.get(f))]
            if not changed or old.body["type"] != TICKET_RECEIVED:
                continue
            if self._is_another(letter, old):
                self.whys[index] = lazy(
                    "the number {number} is already another letter's: name the columns that tell "
                    'them apart in "key" of the mapping',
                    number=letter["id"],
                )
            elif told_now := [str(letter[f]) for f in changed if letter.get(f)]:
                digest = _digest([_bare(letter.get(f)) for f in facts])
                made.append(
                    (
                        index,
                        {
                            "type": SUPPLEMENTED,
                            "ticket": letter["ticket"],
                            "id": f"{letter['id']}#changed#{digest}",
                            "at": self._now.isoformat(),
                            "text": "\n".join(told_now),
                        },
                    )
                )
        return made

    def _is_another(self, letter: Mapping[str, Any], old: StoredMessage) -> bool:
        """Whether two letters under one number are two: in one feed, or written at two moments."""
        if old.arrived_at >= self._began:
            return True
        moments = [datetime.fromisoformat(m["at"]) for m in (letter, old.body)]
        return not self._rebased and moments[0] != moments[1]


_NOBODY = lazy(
    "a reply names no unit and no unit has the ticket yet: it stays in the letter; give --unit, or "
    "feed it again when the ticket is dispatched"
)


def _lacks_a_unit(message: Mapping[str, Any]) -> bool:
    return not message.get("unit") and requires_unit(message["type"])


def _bare(value: Any) -> str:
    return "".join(str(value or "").split())


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
