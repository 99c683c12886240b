"""Who may do what: four roles, and the acts that each of them may do."""

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

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


def parse_roles(text: str, where: str) -> Roles:
    """The roles that a file says: `[users]` name = role, `[tokens.NAME]` role and sha256.

    Raises RolesWrong with what is wrong.
    """
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise InvalidRoles(f"{where}: {wrong}") from wrong
    for name in found.keys() - {"users", "tokens"}:
        raise InvalidRoles(_("{where}: no section {name}").format(where=where, name=name))
    users = {name: _role(where, name, role) for name, role in _table(found, "users", where).items()}
    tokens = {}
    for name, entry in _table(found, "tokens", where).items():
        digest = entry.get("sha256") if isinstance(entry, dict) else None
        if not isinstance(digest, str) or len(digest) != hashlib.sha256().digest_size * 2:
            text = _("{where}: token {name} needs a role and the sha256 of the token, 64 letters")
            raise InvalidRoles(text.format(where=where, name=name))
        tokens[name] = (digest.lower(), _role(where, name, entry.get("role")))
    return Roles(users, tokens)


def _table(found: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise InvalidRoles(_("{where}: no section {name}").format(where=where, name=name))
    return table


def _role(where: str, name: str, role: object) -> str:
    if role in ROLES:
        return str(role)
    near = get_close_matches(str(role), ROLES, 1)
    text = _("{where}: {name} has no role that there is; one of: {roles}")
    hint = f"; {near[0]}?" if near else ""
    raise InvalidRoles(text.format(where=where, name=name, roles=", ".join(ROLES)) + hint)
