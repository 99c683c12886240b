"""Give users their roles, and take them away: by supervisors only, and in the access log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import delete

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.operations.access_log import record_access
from models.operations.changes import record_table
from models.queries.roles import user_roles
from models.rules.text import one_line
from models.rules.vocabulary import Permission, UserRole
from models.security.heads import HeadKind
from models.security.role_rows import OWNER, role_row_hash
from models.security.roles import Actor
from models.tables.core import USER_ROLE

_NAME_CHARACTERS = 64

NewRoles = Mapping[str, UserRole | Literal[""]]


class InvalidRoleChange(HotlineError):
    """Roles cannot be changed as it was said."""


def set_roles(session: Session, actor: Actor, roles: NewRoles, now: datetime) -> None:
    """Give these users these roles, and nobody else any. Raises NotAllowed, InvalidRoleChange.

    There must be a supervisor among them, or nobody could change roles any more.
    """
    actor.require(Permission.ROLES)
    if UserRole.SUPERVISOR not in roles.values():
        text = _("no user would be supervisor; first: hotline roles set NAME supervisor")
        raise InvalidRoleChange(text)
    for name in roles:
        if not name.strip() or len(name) > _NAME_CHARACTERS or one_line(name) != name:
            text = _("a user's name has 1 to {n} characters on one line")
            raise InvalidRoleChange(text.format(n=_NAME_CHARACTERS))
    _write(session, actor, roles, now)


def set_role(session: Session, actor: Actor, name: str, role: UserRole, now: datetime) -> None:
    """Give a user a role. Raises NotAllowed, InvalidRoleChange."""
    set_roles(session, actor, {**_present(session), name: role}, now)


def remove_role(session: Session, actor: Actor, name: str, now: datetime) -> None:
    """Take a user's role away. Raises NotAllowed, InvalidRoleChange."""
    actor.require(Permission.ROLES)
    present = _present(session)
    if name not in present:
        raise InvalidRoleChange(_("{name} has no role").format(name=name))
    set_roles(session, actor, {n: r for n, r in present.items() if n != name}, now)


def carry_over_roles(
    session: Session, user: str, users: Mapping[str, UserRole], now: datetime
) -> bool:
    """Take the users of a roles file into a store in which nobody has a role yet.

    Where the file names none, `user` is given the empty role: owning the store makes nobody
    supervisor any more, as the file did. Returns whether they were taken.
    """
    if user_roles(session).are_set_up:
        return False
    new: NewRoles = users or {user: ""}
    _write(session, Actor(user, UserRole.SUPERVISOR), new, now)
    return True


def note_owner(session: Session, user: str, now: datetime) -> None:
    """Note whom a store on a server belongs to, which is whoever uses it first."""
    roles = user_roles(session)
    if roles.owner is None and not roles.are_set_up:
        row = _row(session, user, OWNER, user, now)
        session.execute(session.insert(USER_ROLE).values(row).on_conflict_do_nothing())
        record_table(session, HeadKind.ROLE)


def _present(session: Session) -> dict[str, UserRole | Literal[""]]:
    return {name: held.role for name, held in user_roles(session).by_name.items()}


def _write(session: Session, actor: Actor, roles: NewRoles, now: datetime) -> None:
    before = _present(session)
    gone = [name for name in before if name not in roles]
    changed = {name: role for name, role in roles.items() if before.get(name) != role}
    # rows that were written from outside go with them, and so does the owner's
    session.execute(delete(USER_ROLE).where(USER_ROLE.c.name.not_in(before.keys() - gone)))
    session.execute(delete(USER_ROLE).where(USER_ROLE.c.name.in_(changed)))
    for name, role in changed.items():
        session.execute(
            session.insert(USER_ROLE).values(_row(session, name, role, actor.name, now))
        )
    record_table(session, HeadKind.ROLE)
    fields = [*(f"{name} = {role}" for name, role in changed.items()), *(f"- {n}" for n in gone)]
    record_access(session, actor, Permission.ROLES, None, fields, now)


def _row(session: Session, name: str, role: str, by: str, now: datetime) -> dict[str, object]:
    row_hash = role_row_hash(session.cipher, name, role, now, by)
    return {"name": name, "role": role, "given_at": now, "given_by": by, "row_hash": row_hash}
