"""Take protected tables as they are, after somebody has altered them past the service."""

from datetime import datetime

from models.database import Session
from models.operations.access_log import record_access
from models.operations.changes import record_table
from models.queries.own_tables import RULEBOOK, is_own
from models.rulebook import hold_rulebook
from models.rules.vocabulary import Permission
from models.security.heads import HeadKind
from models.security.roles import Actor


def accept_tables(session: Session, actor: Actor, now: datetime) -> list[HeadKind]:
    """Take the tables of the rulebook as they are, where they are not as this program wrote them.

    Returns which they were; the access log names them. Raises NotAllowed.
    """
    actor.require(Permission.MAINTAIN)
    hold_rulebook(session, to_change=True)
    changed = [kind for kind in RULEBOOK if not is_own(session, kind)]
    for kind in changed:
        record_table(session, kind)
    if changed:
        names = [f"accept {kind.name.lower()}" for kind in changed]
        record_access(session, actor, Permission.MAINTAIN, None, names, now)
    return changed
