"""The roles file: `[users]` name = role, `[tokens.NAME]` with a role and the token's sha256."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field

from models.i18n import _
from models.rules.toml_files import TomlModel, load_toml
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


class _Token(TomlModel):
    role: _Role
    sha256: Annotated[str, AfterValidator(_whole_digest)]


class _RolesFile(TomlModel):
    users: dict[str, _Role] = Field(default_factory=dict)
    tokens: dict[str, _Token] = Field(default_factory=dict)


def parse_roles(text: str, name: str) -> Roles:
    """The roles that the TOML `text` of the file `name` holds; raises InvalidRoles."""
    file = load_toml(text, name, _RolesFile, InvalidRoles)
    users = {user: UserRole(role) for user, role in file.users.items()}
    tokens = {holder: (t.sha256, UserRole(t.role)) for holder, t in file.tokens.items()}
    return Roles(users, tokens)
