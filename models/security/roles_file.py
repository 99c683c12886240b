"""The roles file: `[users]` name = role, `[tokens.NAME]` with a role and the token's sha256."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from models.i18n import _
from models.rules.toml_files import load_toml
from models.rules.vocabulary import UserRole
from models.security.roles import InvalidRoles, Roles

_DIGEST_LENGTH = hashlib.sha256().digest_size * 2


def _known_role(role: str) -> str:
    if role not in tuple(UserRole):
        raise ValueError(_("it must be one of: {allowed}").format(allowed=", ".join(UserRole)))
    return role


def _whole_digest(digest: str) -> str:
    if len(digest) != _DIGEST_LENGTH:
        raise ValueError(_("write the sha256 of the token, 64 letters"))
    return digest.lower()


_Role = Annotated[str, AfterValidator(_known_role)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Token(_Part):
    role: _Role
    sha256: Annotated[str, AfterValidator(_whole_digest)]


class _RolesFile(_Part):
    users: dict[str, _Role] = {}
    tokens: dict[str, _Token] = {}


def parse_roles(text: str, name: str) -> Roles:
    """The roles that the TOML `text` of the file `name` holds; raises InvalidRoles."""
    file = load_toml(text, name, _RolesFile, InvalidRoles)
    users = {user: UserRole(role) for user, role in file.users.items()}
    tokens = {holder: (t.sha256, UserRole(t.role)) for holder, t in file.tokens.items()}
    return Roles(users, tokens)
