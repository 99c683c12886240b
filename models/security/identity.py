"""Who runs this process: an operating-system user or the bearer of a token, and his role."""

import os
import pwd
import stat
from pathlib import Path

from models.i18n import _
from models.security.roles import SUPERVISOR, Actor, InvalidRoles, Roles, parse_roles
from models.settings import Settings

ROLES_FILE = "roles.toml"


def current_actor(settings: Settings) -> Actor:
    """Who acts: by HOTLINE_TOKEN if it is set, else by the user that this process runs as.

    Without a roles file the owner of the home is supervisor and nobody else has a role. Raises
    RolesWrong where the file or the token is wrong.
    """
    roles = load_roles(settings.home)
    if settings.token:
        return (roles or Roles({}, {})).actor_for_token(settings.token)
    user = _user(os.geteuid())
    if roles is not None:
        return roles.actor_for_user(user)
    owner = settings.home.stat().st_uid if settings.home.exists() else os.geteuid()
    return Actor(user, SUPERVISOR if owner == os.geteuid() else "")


def load_roles(home: Path) -> Roles | None:
    """The roles file of this home, None where there is none.

    It must belong to the home's owner or to root, and nobody else may write it. Raises RolesWrong.
    """
    path = home / ROLES_FILE
    try:
        found = path.stat()
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as wrong:
        why = getattr(wrong, "strerror", None) or _("not UTF-8")
        raise InvalidRoles(f"{path}: {why}") from wrong
    others = stat.S_IWGRP | stat.S_IWOTH
    if found.st_uid not in (0, home.stat().st_uid) or found.st_mode & others:
        told = _("{path}: others could change it; chown it to the home's owner and chmod go-w it")
        raise InvalidRoles(told.format(path=path))
    return parse_roles(text, str(path))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # a container's user may have no name
        return f"uid {uid}"
