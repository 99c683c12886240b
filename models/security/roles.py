"""Roles: what each of them may do, and in whose name it may speak."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import HotlineError
from models.i18n import _
from models.rules.vocabulary import AccessOutcome, Permission, Sender, UserRole

ALLOWED: Mapping[UserRole, frozenset[Permission]] = {
    UserRole.OPERATOR: frozenset(
        {Permission.ACT, Permission.REVEAL, Permission.FIND, Permission.CALL}
    ),
    UserRole.SUPERVISOR: frozenset(Permission),
    UserRole.AUDITOR: frozenset({Permission.AUDIT, Permission.EXPORT}),
    UserRole.FEEDER: frozenset({Permission.FEED}),
}
"""The permissions of each role; whoever the operating system lets in may look, redacted."""

SPEAKS_FOR: Mapping[UserRole, frozenset[Sender]] = {
    UserRole.OPERATOR: frozenset({Sender.DESK}),
    UserRole.SUPERVISOR: frozenset(Sender),
    UserRole.AUDITOR: frozenset(),
    UserRole.FEEDER: frozenset({Sender.CITY, Sender.UNITS}),
}
"""Those in whose name each role may send messages, where roles are set up."""

ON_RECORD = frozenset(
    {
        *(Permission.RULEBOOK, Permission.KEYS, Permission.BACKUP),
        *(Permission.MAINTAIN, Permission.EXPORT),
    }
)
"""The permissions whose use goes into the access log command by command."""


class InvalidRoles(HotlineError):
    """The roles file says something that cannot be meant."""


class Denied(HotlineError):
    """Somebody was denied something, which the access log keeps with who it was and what."""

    outcome = AccessOutcome.DENIED

    def __init__(
        self,
        text: str,
        actor: "Actor",
        act: str,
        ticket: str | None = None,
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(text)
        self.actor, self.act, self.ticket, self.fields = actor, act, ticket, fields


class NotAllowed(Denied):
    """Somebody wants to do what his role does not allow."""

    def __init__(
        self,
        actor: "Actor",
        permission: Permission,
        ticket: str | None = None,
        fields: Sequence[str] = (),
    ) -> None:
        roles = ", ".join(_(role.label) for role in UserRole if permission in ALLOWED[role])
        text = _(
            "{name} ({role}) may not {act}; it takes {roles} (`hotline roles` says who has which)"
        )
        role = _(actor.role) or _("no role")
        act = _(permission.label)
        text = text.format(name=actor.name, role=role, act=act, roles=roles)
        super().__init__(text, actor, permission, ticket, fields)
        self.permission = permission


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something: a name for the log, and a role; an empty role allows nothing.

    `speaks` are those in whose name he may send messages, None: as his role says. With a `unit` he
    speaks for this unit alone. `is_owner` marks the owner of a store in which nobody has been given
    a role: he may send every message, in any name.
    """

    name: str
    role: UserRole | Literal[""]
    speaks: frozenset[Sender] | None = None
    unit: str | None = None
    is_owner: bool = False

    def may(self, permission: Permission) -> bool:
        """Return whether the role has this permission."""
        return self.role != "" and permission in ALLOWED[self.role]

    def require(
        self, permission: Permission, ticket: str | None = None, fields: Sequence[str] = ()
    ) -> None:
        """Raise NotAllowed unless the role has this permission."""
        if not self.may(permission):
            raise NotAllowed(self, permission, ticket, fields)

    def senders(self) -> frozenset[Sender]:
        """Return those in whose name he may send messages."""
        of_role = SPEAKS_FOR[self.role] if self.role else frozenset()
        return of_role if self.speaks is None else of_role & self.speaks


@dataclass(frozen=True, slots=True)
class Roles:
    """The content of a roles file: each user's role, and each token's name, digest and role."""

    users: Mapping[str, UserRole]
    tokens: Mapping[str, tuple[str, UserRole]]


def token_digest(token: str) -> str:
    """Return the digest of a token that a roles file holds in its place."""
    return hashlib.sha256(token.encode()).hexdigest()
