"""Write the access log: who saw or changed what only few may, and who was denied it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text

from models.clock import Now
from models.database import Session, Store
from models.operations.changes import record_changes
from models.queries.access_log import access_log_begin
from models.queries.roles import logged_roles
from models.rules.limits import DENIED_LINES
from models.rules.policy import Policy
from models.rules.vocabulary import AccessAct, AccessOutcome
from models.security.chain import AccessLine, access_line
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind
from models.security.roles import Actor, Denied
from models.tables.core import ACCESS, DENIED_COUNT

SERVICE = Actor("hotline", "")
"""The service itself, where it goes by the policy."""

_DENIED = (AccessOutcome.DENIED, AccessOutcome.STOPPED)


def record_access(
    session: Session,
    actor: Actor,
    act: str,
    ticket: str | None,
    fields: Sequence[str],
    now: datetime,
    *,
    outcome: AccessOutcome = AccessOutcome.DONE,
    amount: int = 1,
    reason: str | None = None,
) -> None:
    """Append a line to the access log, chained to the line before; the reason is encrypted."""
    hold_access_log(session)
    last = session.execute(
        select(ACCESS.c.id, ACCESS.c.hash).order_by(ACCESS.c.id.desc()).limit(1)
    ).first()
    number, before = (last.id + 1, bytes(last.hash)) if last else (1, b"")
    cipher = session.cipher
    line = AccessLine(
        number, now, actor.name, actor.role, act, ticket, list(fields), outcome, amount
    )
    if reason is not None:
        line = line._replace(reason=session.encrypt(ACCESS.c.reason, reason, line))
    hashed = cipher.chain_hash(before + access_line(cipher, line))
    session.execute(session.insert(ACCESS).values(line._asdict() | {"hash": hashed}))
    record_changes(session, [ChangedHead(HeadKind.ACCESS, "", number, hashed[:DIGEST_BYTES])])


def record_failed_log_ins(
    session: Session, addresses: Sequence[str], count: int, now: datetime
) -> None:
    """Log that so many log-ins failed, from these addresses and perhaps others."""
    nobody = Actor(", ".join(addresses), "")
    act, denied = AccessAct.LOG_IN_FAILED, AccessOutcome.DENIED
    record_access(session, nobody, act, None, [], now, outcome=denied, amount=count)


@dataclass
class AccessPruner:
    """Removes lines of the access log that are older than the policy keeps them.

    A new line says up to which they are gone, with that one's hash, to which the rest is chained.
    """

    removed: int = 0

    def prune_batch(self, session: Session, now: datetime, policy: Policy) -> bool:
        """Remove all lines that are too old; returns False, as there are no more then."""
        if policy.keep.access_log is None:
            return False
        hold_access_log(session)
        old = select(ACCESS.c.id, ACCESS.c.hash).where(
            ACCESS.c.at < now - policy.keep.access_log.span
        )
        last = session.execute(old.order_by(ACCESS.c.id.desc()).limit(1)).first()
        if last is None:
            return False
        count = last.id - access_log_begin(session).seq
        roles = [f"{name} = {role}" for name, role in logged_roles(session, last.id).items()]
        fields = [str(last.id), bytes(last.hash).hex(), *sorted(roles)]
        act = AccessAct.LOG_PRUNED
        record_access(session, SERVICE, act, None, fields, now, amount=count)
        session.execute(delete(ACCESS).where(ACCESS.c.id <= last.id))
        self.removed += count
        return False


def hold_access_log(session: Session) -> None:
    """Keep others from writing to the access log until the end of the transaction."""
    if session.dialect == "postgresql":
        # one writer at a time, or two lines would follow the same one
        session.execute(text("LOCK TABLE access IN EXCLUSIVE MODE"))


@contextmanager
def recording_denials(store: Store, now: Now) -> Iterator[None]:
    """Record whatever is denied meanwhile, in a transaction of its own, and deny it all the same.

    Commands act inside it; the monitor, which waits for no database, calls `record_denial`.
    """
    try:
        yield
    except Denied as denied:
        record_denial(store, denied, now())
        raise


def record_denial(store: Store, denied: Denied, now: datetime) -> None:
    """Add a line for a denied act, or only count it where there are many.

    Whoever has no role is denied everything: his trying must not fill the disk. What is counted
    stands in his next line.
    """
    with store.writing() as session:
        _record_denial(session, denied, now)


def _record_denial(session: Session, denied: Denied, now: datetime) -> None:
    hold_access_log(session)
    who = denied.actor.name
    lines = session.scalar(
        select(func.count())
        .select_from(ACCESS)
        .where(
            ACCESS.c.who == who,
            ACCESS.c.at > now - timedelta(minutes=1),
            ACCESS.c.outcome.in_(_DENIED),
        )
    )
    if (lines or 0) >= DENIED_LINES:
        counted = session.insert(DENIED_COUNT).values(who=who, count=1)
        session.execute(
            counted.on_conflict_do_update(
                index_elements=["who"], set_={"count": DENIED_COUNT.c.count + 1}
            )
        )
        return
    mine = DENIED_COUNT.c.who == who
    uncounted = session.scalar(select(DENIED_COUNT.c.count).where(mine)) or 0
    session.execute(delete(DENIED_COUNT).where(mine))
    record_access(
        session,
        denied.actor,
        denied.act,
        denied.ticket,
        denied.fields,
        now,
        outcome=denied.outcome,
        amount=1 + uncounted,
    )
