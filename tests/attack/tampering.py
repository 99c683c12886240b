"""What must be said of each act of whoever writes to the database, and rounds that try it."""

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from sqlalchemy import select

from models.anchor_file import AnchorLine
from models.database import Store
from models.errors import HotlineError
from models.migrations import upgrade
from models.queries.roles import user_roles
from models.queries.tokens import actor_for_token
from models.queries.verification import verify
from models.security.encryption import Cipher
from models.security.tokens import TokenRefused
from models.tables.core import INBOX
from models.tables.inbox import WAITING
from tests.attack.copies import NOW, ROLES, Copies, lives, work
from tests.attack.database import FORGED_TOKEN, Act, DatabaseAttacker, NothingDone, some_changes
from tests.store.factories import KEY

NOT_TOLD: Mapping[str, str] = {
    "bell": "when to look at a row; without it, work is late",
    "claim": "which operator works at a ticket just now",
    "shift_note": "what a shift tells the next; a text that was altered is not shown",
    "saved_view": "lists that operators open by a name; one that was altered is not offered",
    "process": "which processes are there",
    "sample": "how long the queues were",
    "queue_day": "how long the queues were",
    **{
        f"notice.{name}": "when a notice is tried, and by whom"
        for name in ("tries", "error", "queued_at", "sent_at", "ring_at", "held_until", "parcel")
    },
    "notice.id": "its number in the list",
    "notice.channel": "may be routed anew",
    "copy notice": "a notice may go out twice",
    "channel_state": "whether a channel rests",
    "matter_band": "which letters are alike",
    "denied_count": "how many denials have no line yet",
    "trace": "which tickets a number stands in",
    "event.once": "keeps workers from raising a level twice",
    "clock.calendar": "the version of the calendar that a due was computed by",
    "ticket.quarantined_at": "since when a row is known not to fit",
    "table_head": "what does not fit it is refused, and verify tells where the rulebook does not",
    "token.last_used_at": "when a token was used last",
    "token.row_hash": "the token counts for nothing then",
    "user_role.row_hash": "the role counts for nothing then",
    "ticket.first_unit": "repeats the first acceptance for the bulletin",
    "ticket.claimant": "repeats the claimant of the letter; one that is altered is not shown",
    "ticket_salt": "without it the texts of a ticket are gone",
    "inbox.arrived_at": "when a message came, which the rules do not ask for",
    "inbox.reason": "why a message was refused, as its ticket's log says, too",
    "inbox.current": "whether a refused message was replaced; of any other one it is told",
    "copy secret": "a secret that nobody asks for",
}
"""What is changed without a word from `verify`, and why nothing false follows from it."""


USED = frozenset({"routing_model", "topic"})
"""Tables the service goes by without a look at their digest: what it then writes is its own."""


@dataclass
class Tampered:
    """What was tried, and what went wrong: what nobody told, and what was forged."""

    changes: int = 0
    faults: list[str] = field(default_factory=list)


def tamper(copied: Copies, rng: Random, changes: Iterable[str]) -> Tampered:
    """Do each of these acts to a copy of its own, and see what is said of it and done by it."""
    result = Tampered()
    for what in changes:
        try:
            result.faults += _round(copied, rng, what)
        except NothingDone:
            continue
        result.changes += 1
    return result


def by_dice(rng: Random, seconds: float) -> Iterator[str]:
    """Yield acts for so long."""
    until, every = time.monotonic() + seconds, list(some_changes())
    while time.monotonic() < until:
        yield rng.choice(every)


def _round(copied: Copies, rng: Random, what: str) -> list[str]:
    """Return what went wrong when this was done, perhaps undone when the service had worked."""
    faults = []
    with copied.copy() as url:
        attacker = DatabaseAttacker(rng, url)
        act = attacker.do(what)
        is_hidden = rng.random() < 0.5
        place = f"{what} ({'undone later' if is_hidden else 'left so'}): {act}"
        store = Store(url, Cipher([KEY]))
        try:
            upgrade(store)
            findings = _tells(store, copied.outside)
            if not findings and not _is_among(what, NOT_TOLD):
                faults.append(f"nobody tells of it: {place}")
            faults += [f"{fault}: {place}" for fault in _strangers(store)]
            refused = list(work(store))
            if is_hidden:
                attacker.undo(act)
            findings = _tells(store, copied.outside)
            if not findings and not _is_among(what, USED):
                passed_over = _without_messages(store, act)
                different = [n for n, life in lives(store).items() if not copied.is_honest(n, life)]
                if forged := ", ".join(n for n in different if n not in passed_over):
                    faults.append(f"forged unseen in {forged} ({len(refused)} refused): {place}")
        except HotlineError:
            # refused, and whoever runs the command reads why
            pass
        finally:
            store.close()
    return faults


def _without_messages(store: Store, act: Act) -> set[str]:
    """Return the tickets that lack a message, since it is late or was destroyed.

    Whoever writes to the database can destroy what no ticket has had yet; see docs/security.md.
    """
    with store.reading() as session:
        late = set(session.scalars(select(INBOX.c.ticket).where(INBOX.c.state == WAITING)))
    changed = [row for (table, _key), row in act.before.items() if row and table == INBOX.name]
    return late | {row["ticket"] for row in changed if row["state"] == WAITING}


def _is_among(what: str, places: Container[str]) -> bool:
    """Return whether an act, the column or the table that it changes is among these."""
    _verb, _space, place = what.partition(" ")
    return any(name in places for name in (what, place, place.partition(".")[0]))


def _tells(store: Store, outside: Sequence[AnchorLine | None]) -> bool:
    """Return whether anybody who asks is told that something was changed."""
    return bool(verify(store, outside=outside).findings)


def _strangers(store: Store) -> Iterator[str]:
    """Yield whose role or token counts though no supervisor gave it."""
    with store.reading() as session:
        given = {user: held.role for user, held in user_roles(session).by_name.items()}
        if not given.items() <= ROLES.items():
            yield f"a role counts: {given}"
        try:
            actor = actor_for_token(session, FORGED_TOKEN, NOW)
        except TokenRefused:
            return
        yield f"a token counts: {actor}"
