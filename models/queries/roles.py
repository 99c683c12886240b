"""The roles of the store, and who acts on it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from models.database import Session
from models.rules.vocabulary import AccessAct, AccessOutcome, Permission, UserRole
from models.security.identity import SystemUser
from models.security.role_rows import OWNER, HeldRole, role_row_hash
from models.security.roles import Actor
from models.tables.core import ACCESS, USER_ROLE


@dataclass(frozen=True, slots=True)
class UserRoles:
    """The roles that users were given, by their names.

    `forged` are the names in rows that this program has not written; they count for nothing. On a
    server `owner` is whom the store belongs to while nobody has been given a role.
    """

    by_name: Mapping[str, HeldRole]
    forged: tuple[str, ...]
    owner: str | None

    @property
    def are_set_up(self) -> bool:
        """Whether anybody has been given a role."""
        return bool(self.by_name or self.forged)

    def is_owner(self, user: SystemUser, file: Path | None) -> bool:
        """Return whether a store without roles belongs to a user.

        It does to whoever owns the `file` of its database, on a server to whoever used it first.
        """
        return user.owns(file) if file is not None else self.owner in (user.name, None)

    def of(self, name: str) -> UserRole | Literal[""]:
        """Return a user's role."""
        return self.by_name[name].role if name in self.by_name else ""


def user_roles(session: Session) -> UserRoles:
    """Read the roles of all users, by name."""
    by_name: dict[str, HeldRole] = {}
    forged, owner = [], None
    for row in session.execute(select(USER_ROLE).order_by(USER_ROLE.c.name)):
        row_hash = role_row_hash(session.cipher, row.name, row.role, row.given_at, row.given_by)
        if not hmac.compare_digest(row_hash, bytes(row.row_hash)):
            forged.append(row.name)
        elif row.role == OWNER:
            owner = row.name
        else:
            role: UserRole | Literal[""] = UserRole(row.role) if row.role else ""
            by_name[row.name] = HeldRole(role, row.given_at, row.given_by)
    return UserRoles(by_name, tuple(forged), owner)


def changed_outside(session: Session) -> list[str]:
    """Return the users whose role is not the one that the access log says they were given last.

    Whoever writes to the database can put back a row that was once there, or take one away.
    """
    logged = logged_roles(session)
    stored = {name: str(held.role) for name, held in user_roles(session).by_name.items()}
    return sorted({name for name, _role in logged.items() ^ stored.items()})


def logged_roles(session: Session, through: int | None = None) -> dict[str, str]:
    """Return the roles that users have by the access log, up to a line of it."""
    logged: dict[str, str] = {}
    lines = select(ACCESS.c.fields).where(
        # where older lines were removed, the line that says so repeats the roles
        ACCESS.c.act.in_((Permission.ROLES, AccessAct.LOG_PRUNED)),
        ACCESS.c.outcome == AccessOutcome.DONE,
    )
    if through is not None:
        lines = lines.where(ACCESS.c.id <= through)
    for fields in session.scalars(lines.order_by(ACCESS.c.id)):
        for field in fields:
            name, is_given, role = field.rpartition(" = ")
            if is_given:
                logged[name] = role
            else:
                logged.pop(field.removeprefix("- "), None)
    return logged


def user_as_actor(session: Session, user: SystemUser, file: Path | None) -> Actor:
    """Return a user of the operating system as an actor on this store.

    Where nobody has been given a role, its owner is supervisor and nobody else has a role. The
    `file` is the database's, None on a server.
    """
    roles = user_roles(session)
    if roles.are_set_up:
        return Actor(user.name, roles.of(user.name))
    if roles.is_owner(user, file):
        return Actor(user.name, UserRole.SUPERVISOR, is_owner=True)
    return Actor(user.name, "")
