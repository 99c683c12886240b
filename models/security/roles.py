"""Who may do what: four roles, and the acts that each of them may do."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from models.errors import HotlineError
from models.i18n import N_, _

OPERATOR, SUPERVISOR, AUDITOR, FEEDER = "operator", "supervisor", "auditor", "feeder"
ROLES = (OPERATOR, SUPERVISOR, AUDITOR, FEEDER)

ACT, FEED, REVEAL, FIND, RULEBOOK, KEYS, AUDIT, BACKUP = (
    "act",
    "feed",
    "reveal",
    "find",
    "rulebook",
    "keys",
    "audit",
    "backup",
)

ALLOWED: Mapping[str, frozenset[str]] = {
    OPERATOR: frozenset({ACT, REVEAL, FIND}),
    SUPERVISOR: frozenset({ACT, FEED, REVEAL, FIND, RULEBOOK, KEYS, AUDIT, BACKUP}),
    AUDITOR: frozenset({AUDIT}),
    FEEDER: frozenset({FEED}),
}
"""What each role may do; everybody whom the operating system lets in may look, masked."""

_TOLD = {
    ACT: N_("act on tickets"),
    FEED: N_("feed messages"),
    REVEAL: N_("see personal data in clear"),
    FIND: N_("search by personal data"),
    RULEBOOK: N_("import units or calendars"),
    KEYS: N_("change keys"),
    AUDIT: N_("see who saw what"),
    BACKUP: N_("make backups"),
}


class InvalidRoles(HotlineError):
    """The roles file says something that cannot be meant."""


class NotAllowed(HotlineError):
    """Somebody wants to do what his role does not allow."""

    def __init__(self, actor: "Actor", act: str) -> None:
        roles = ", ".join(_(r) for r in ROLES if act in ALLOWED[r])
        text = _("{name} ({role}) may not {act}; it takes {roles} (see roles.toml)")
        super().__init__(
            text.format(
                name=actor.name, role=_(actor.role) or _("no role"), act=_(_TOLD[act]), roles=roles
            )
        )
        self.actor, self.act = actor, act


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a name for the log, and a role (empty: none)."""

    name: str
    role: str

    def may(self, act: str) -> bool:
        """Whether the role allows this act."""
        return act in ALLOWED.get(self.role, ())

    def must(self, act: str) -> None:
        """Raise NotAllowed unless the role allows this act."""
        if not self.may(act):
            raise NotAllowed(self, act)


@dataclass(frozen=True, slots=True)
class Roles:
    """What a roles file says: each user's role, and each token's name, digest and role."""

    users: Mapping[str, str]
    tokens: Mapping[str, tuple[str, str]]

    def actor_for_user(self, name: str) -> Actor:
        """An operating-system user, perhaps without a role."""
        return Actor(name, self.users.get(name, ""))

    def actor_for_token(self, token: str) -> Actor:
        """Who shows this token. Raises RolesWrong where nobody has it."""
        digest = token_digest(token)
        for name, (known, role) in self.tokens.items():
            if hmac.compare_digest(known, digest):
                return Actor(name, role)
        raise InvalidRoles(_("HOTLINE_TOKEN: nobody in roles.toml has this token"))


def token_digest(token: str) -> str:
    """What of a token is written into the roles file; the token cannot be got back from it."""
    return hashlib.sha256(token.encode()).hexdigest()
