"""Raise the levels of tickets that merely reach one: by the ten thousand, at half past eight.

What `advance` does for any ticket is done here in one loop for those to which nothing else
happens. Both write the same rows.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from models.database import Session
from models.operations.changes import record_changes
from models.operations.level_rows import (
    LevelLine,
    LoggedLine,
    RaisedTicket,
    StepRows,
    rows_of_step,
    write_levels,
)
from models.operations.level_tickets import lock_row_hashes, lock_tickets
from models.rulebook import Rulebook
from models.rules.lifecycle.level_steps import LevelStep, LevelSteps
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind
from models.security.row_hashes import fixed_content, instant_json, listed_hash, row_hash_of


class KnownLevels:
    """The steps that the present rulebook has decided on, with their rows.

    Several threads may share it; all of them use one store.
    """

    def __init__(self) -> None:
        self._held: tuple[Rulebook | None, LevelSteps, _StepRows] = None, LevelSteps(), _StepRows()

    def by(self, rulebook: Rulebook) -> tuple[LevelSteps, "_StepRows"]:
        """Return what has been decided by this rulebook, nothing where it is new."""
        held = self._held
        if held[0] is not rulebook:
            held = self._held = rulebook, LevelSteps(), _StepRows()
        return held[1:]


_StepRows = WeakKeyDictionary[LevelStep, StepRows]


@dataclass(frozen=True)
class PreparedLevels:
    """The rows of tickets that reach a level by `now`, computed and not yet written.

    `row_hashes` are the hashes of the tickets' rows that they were computed from, by id; `key` is
    the number of the active key.
    """

    rulebook: Rulebook
    now: datetime
    key: int
    lines: Sequence[LoggedLine]
    tickets: Sequence[RaisedTicket]
    heads: Sequence[ChangedHead]
    row_hashes: Mapping[int, bytes | None]

    def still_holds(self, session: Session, rulebook: Rulebook) -> bool:
        """Lock these tickets, and return whether the same would be computed now."""
        return (
            rulebook is self.rulebook
            and session.cipher.keyring.active == self.key
            and lock_row_hashes(session.connection(), list(self.row_hashes), self.now)
            == self.row_hashes
        )


def raise_levels(
    session: Session,
    ids: Sequence[int],
    rulebook: Rulebook,
    now: datetime,
    known: KnownLevels,
    prepared: PreparedLevels | None = None,
) -> list[int]:
    """Raise the levels that tickets merely reach by `now`, and return the other tickets.

    Those are for `advance`: something else comes to them, a message waits, another worker has
    locked them, or their row is not as the service wrote it. `prepared` is what `prepare_levels`
    has computed for the same tickets: it is written if nothing that it was computed from has
    changed since.
    """
    if prepared is None or not prepared.still_holds(session, rulebook):
        prepared = prepare_levels(session, ids, rulebook, now, known)
    write_levels(session, prepared.lines, prepared.tickets, prepared.now)
    record_changes(session, prepared.heads)
    return [ticket for ticket in ids if ticket not in prepared.row_hashes]


def prepare_levels(
    session: Session,
    ids: Sequence[int],
    rulebook: Rulebook,
    now: datetime,
    known: KnownLevels,
) -> PreparedLevels:
    """Compute what raising the levels of these tickets writes, and lock them."""
    steps, rows_of = known.by(rulebook)
    of_steps: dict[LevelStep, tuple[StepRows, list[tuple[LevelLine, bytes]]]] = {}
    lines, tickets, heads = list[LoggedLine](), list[RaisedTicket](), list[ChangedHead]()
    row_hashes = dict[int, bytes | None]()
    cipher, updated_at = session.cipher, instant_json(now)
    for row in lock_tickets(session.connection(), ids, now):
        ticket, number, policy_id, title, facts, at, state, first, digest, row_hash = row
        fixed = fixed_content(ticket, number, policy_id, title, facts)
        end = first, digest
        expected = row_hash_of(cipher, ticket, fixed, instant_json(at), state, end)
        if not hmac.compare_digest(row_hash or b"", expected):
            continue
        reached = steps.reach(state, policy_id, rulebook.context_for(policy_id), now)
        if reached is None:
            continue
        step, state, ring_at = reached
        if step not in of_steps:
            of_step = rows_of.get(step) or rows_of.setdefault(step, rows_of_step(session, step))
            of_steps[step] = of_step, [(line, line.covered(now)) for line in of_step.lines]
        of_step, of_lines = of_steps[step]
        seq, chain = end
        for line, covered in of_lines:
            seq += 1
            chain = cipher.chain_hash(b"%b[%d%b" % (chain, seq, covered))[:DIGEST_BYTES]
            lines.append((ticket, seq, chain, line))
        row_hashes[ticket] = row_hash
        row_hash = row_hash_of(cipher, ticket, fixed, updated_at, state, (seq, chain))
        tickets.append((ticket, of_step.ticket, state, seq, chain, row_hash, ring_at))
        listed = listed_hash(row_hash)
        heads.append(ChangedHead(HeadKind.TICKET, ticket, seq, chain, seq - first, listed))
    return PreparedLevels(rulebook, now, cipher.keyring.active, lines, tickets, heads, row_hashes)
