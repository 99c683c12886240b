"""The roles file: `[users]` name = role, `[tokens.NAME]` with a role and the token's sha256."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field

from models.i18n import _
from models.rules.toml_files import TomlModel, load_toml
from models.rules.vocabulary import UserRole
from models.security.roles import InvalidRoles, Roles

_DIGEST_LENGTH = hashlib.sha256().digest_size * 2


def _whole_digest(digest: str) -> str:
    if len(digest) != _DIGEST_LENGTH:
        raise ValueError(_("write the sha256 of the token, 64 letters"))
    return digest.lower()


class _Token(TomlModel):
    role: UserRole
    sha256: Annotated[str, AfterValidator(_whole_digest)]


class _RolesFile(TomlModel):
    users: dict[str, UserRole] = Field(default_factory=dict)
    tokens: dict[str, _Token] = Field(default_factory=dict)


def parse_roles(text: str, name: str) -> Roles:
    """Parse the roles in the TOML `text` of the file `name`. Raises InvalidRoles."""
    file = load_toml(text, name, _RolesFile, InvalidRoles)
    tokens = {holder: (token.sha256, token.role) for holder, token in file.tokens.items()}
    return Roles(file.users, tokens)
