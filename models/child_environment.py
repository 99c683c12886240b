"""The environment of programs that are started: ours with its settings, others without any."""

import os
from pathlib import Path

from models.settings import NO_ANCHORS, PREFIX, Settings


def environment_for_child(settings: Settings) -> dict[str, str]:
    """Return the environment for a child process with these settings."""
    variables = {
        "HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "BROKER_URL": settings.broker_url,
        "POLICY": settings.policy and str(settings.policy),
        "LANG": settings.lang,
        "KEY_FILE": settings.key_file and str(settings.key_file),
        "OPERATOR": settings.operator,
        "KEY": settings.key,
        "TOKEN": settings.token,
        "LOG": settings.log,
        "CHANNELS": settings.channels and str(settings.channels),
        "ANCHORS": str(settings.anchors or NO_ANCHORS),
    }
    return _without_settings() | {f"{PREFIX}{k}": v or "" for k, v in variables.items()}


def environment_for_pager(encoding: str) -> dict[str, str]:
    """Return the environment for a pager, without settings, among which are keys.

    `less` may start no other program and write no file: it may run as the service's user.
    """
    charset = {"LESSCHARSET": "utf-8"} if encoding.lower() == "utf-8" else {}
    return {"LESS": "FRX"} | charset | _without_settings() | {"LESSSECURE": "1"}


def environment_for_home(settings: Settings, home: Path) -> dict[str, str]:
    """Return the environment for a child process that has the settings of another home.

    Only how it speaks is as here: what else is set here belongs to another store.
    """
    variables = {"HOME": str(home), "LANG": settings.lang, "LOG": settings.log}
    return _without_settings() | {f"{PREFIX}{k}": v for k, v in variables.items()}


def _without_settings() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
