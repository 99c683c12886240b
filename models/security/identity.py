"""Identify who runs this process, and read the file that roles are imported from."""

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from models.i18n import _
from models.security.roles import InvalidRoles, Roles
from models.text_files import read_text

ROLES_FILE = "roles.toml"


class SystemUser(NamedTuple):
    """A user of the operating system."""

    name: str
    uid: int

    def owns(self, file: Path) -> bool:
        """Return whether a file is his, or will be since he creates it."""
        return not file.exists() or file.stat().st_uid == self.uid


def process_user() -> SystemUser:
    """Return the user of the operating system that this process runs as.

    It is the real one, also in a program that takes on its owner's rights; whoever became another
    user before (sudo) is that other one, since only the environment says who it was.
    """
    uid = os.getuid()
    try:
        return SystemUser(pwd.getpwuid(uid).pw_name, uid)
    except KeyError:
        # a container's user may have no name
        return SystemUser(f"uid {uid}", uid)


def load_home_roles(home: Path) -> Roles | None:
    """Return the roles file of a home, None where there is none.

    It must belong to the home's owner or to root, and only they may write it. Raises InvalidRoles.
    """
    path = home / ROLES_FILE
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidRoles(f"{path}: {error.strerror}") from error
    others = stat.S_IWGRP | stat.S_IWOTH
    if status.st_uid not in (0, home.stat().st_uid) or status.st_mode & others:
        message = _(
            "{path}: others could change it; chown it to the home's owner and chmod go-w it"
        )
        raise InvalidRoles(message.format(path=path))
    return load_roles(path)


def load_roles(path: Path) -> Roles:
    """Return the roles of a file. Raises InvalidRoles."""
    # imported here: most commands read no roles file, and pydantic takes its time to load
    from models.security.roles_file import parse_roles  # noqa: PLC0415

    return parse_roles(read_text(path, InvalidRoles), str(path))
