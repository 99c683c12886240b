"""Identify the actor: an operating-system user or the bearer of a token, and his role."""

import os
import pwd
import stat
from pathlib import Path

from models.i18n import _
from models.rules.vocabulary import UserRole
from models.security.roles import Actor, InvalidRoles, Roles
from models.settings import Settings
from models.text_files import read_text

ROLES_FILE = "roles.toml"


def current_actor(settings: Settings) -> Actor:
    """Return the actor: by HOTLINE_TOKEN if it is set, else by the user that this process runs as.

    Without a roles file the owner of the home is supervisor and nobody else has a role. Raises
    InvalidRoles where the file or the token is wrong.
    """
    roles = load_roles(settings.home)
    if settings.token:
        return (roles or Roles({}, {})).actor_for_token(settings.token)
    user = _user(os.geteuid())
    if roles is not None:
        return roles.actor_for_user(user)
    owner = settings.home.stat().st_uid if settings.home.exists() else os.geteuid()
    return Actor(user, UserRole.SUPERVISOR if owner == os.geteuid() else "")


def load_roles(home: Path) -> Roles | None:
    """Return the roles file of this home, None where there is none.

    It must belong to the home's owner or to root, and only they may write it. Raises InvalidRoles.
    """
    path = home / ROLES_FILE
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidRoles(f"{path}: {error.strerror}") from error
    # imported here: most homes have no roles file, and pydantic takes its time to load
    from models.security.roles_file import parse_roles  # noqa: PLC0415

    text = read_text(path, InvalidRoles)
    others = stat.S_IWGRP | stat.S_IWOTH
    if status.st_uid not in (0, home.stat().st_uid) or status.st_mode & others:
        message = _(
            "{path}: others could change it; chown it to the home's owner and chmod go-w it"
        )
        raise InvalidRoles(message.format(path=path))
    return parse_roles(text, str(path))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # a container's user may have no name
        return f"uid {uid}"
