"""Roles and their permissions, as a roles file gives them to users and tokens."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.errors import HotlineError
from models.i18n import _
from models.rules.vocabulary import Permission, UserRole

ALLOWED: Mapping[UserRole, frozenset[Permission]] = {
    UserRole.OPERATOR: frozenset({Permission.ACT, Permission.REVEAL, Permission.FIND}),
    UserRole.SUPERVISOR: frozenset(Permission),
    UserRole.AUDITOR: frozenset({Permission.AUDIT}),
    UserRole.FEEDER: frozenset({Permission.FEED}),
}
"""The permissions of each role; whoever the operating system lets in may look, redacted."""


class InvalidRoles(HotlineError):
    """The roles file says something that cannot be meant."""


class NotAllowed(HotlineError):
    """Somebody wants to do what his role does not allow."""

    def __init__(self, actor: "Actor", permission: Permission) -> None:
        roles = ", ".join(_(role.label) for role in UserRole if permission in ALLOWED[role])
        text = _("{name} ({role}) may not {act}; it takes {roles} (see roles.toml)")
        role = _(actor.role) or _("no role")
        act = _(permission.label)
        super().__init__(text.format(name=actor.name, role=role, act=act, roles=roles))
        self.actor, self.permission = actor, permission


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something: a name for the log, and a role; an empty role allows nothing."""

    name: str
    role: UserRole | Literal[""]

    def may(self, permission: Permission) -> bool:
        """Return whether the role has this permission."""
        return self.role != "" and permission in ALLOWED[self.role]

    def require(self, permission: Permission) -> None:
        """Raise NotAllowed unless the role has this permission."""
        if not self.may(permission):
            raise NotAllowed(self, permission)


@dataclass(frozen=True, slots=True)
class Roles:
    """The content of a roles file: each user's role, and each token's name, digest and role."""

    users: Mapping[str, UserRole]
    tokens: Mapping[str, tuple[str, UserRole]]

    def actor_for_user(self, name: str) -> Actor:
        """Return the actor for an operating-system user, perhaps without a role."""
        return Actor(name, self.users.get(name, ""))

    def actor_for_token(self, token: str) -> Actor:
        """Return the actor who shows this token. Raises InvalidRoles where nobody has it."""
        digest = token_digest(token)
        for name, (known, role) in self.tokens.items():
            if hmac.compare_digest(known, digest):
                return Actor(name, role)
        raise InvalidRoles(_("HOTLINE_TOKEN: nobody in roles.toml has this token"))


def token_digest(token: str) -> str:
    """Return the digest of a token that a roles file holds in its place."""
    return hashlib.sha256(token.encode()).hexdigest()
