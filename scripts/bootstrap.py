"""What every command does first: settings, language, the store, and errors in one line."""

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.clock import Now, parse_clock, system_clock
from models.errors import HotlineError
from models.i18n import _
from models.settings import Settings

if TYPE_CHECKING:
    from models.database import Session, Store
    from models.security.roles import Actor
    from workers.notices.dispatcher import NoticeDispatcher

POLICY_FILE, UNITS_FILE = "haojiang.toml", "haojiang-units.toml"


def open_store(settings: Settings) -> "Store":
    """The store of these settings, brought to its newest shape. Raises HotlineError."""
    # what has been loaded stays; the collector need not look through it again and again
    gc.freeze()

    from models.database import Store
    from models.migrations import upgrade
    from models.security.encryption import load_cipher

    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(settings.store_url, load_cipher(settings.key_path, settings.key))
    upgrade(store)
    return store


def bootstrap_store(settings: Settings, now: Now = system_clock) -> "Store":
    """The store, opened; a new one is given a policy and units. Raises HotlineError.

    A policy named in the settings is added if it is new.
    """
    from models.operations.rulebook import add_policy, replace_units
    from models.rulebook import has_policies, has_units
    from models.rules.routing.directory import load_units

    store = open_store(settings)
    with store.writing() as session:
        if settings.policy or not has_policies(session):
            add_policy(session, *policy_text(settings), now())
        if not has_units(session):
            replace_units(session, load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE))
    return store


def prepare_process(settings: Settings, clock: str) -> "tuple[Store, Now]":
    """The store and the time of a process that serves; what it says goes into its log.

    The time is what `clock` describes, or the clock of all who work on this store. Raises
    HotlineError.
    """
    from models.shared_clock import store_clock
    from scripts.service.logs import set_up

    set_up(settings.log)
    store = bootstrap_store(settings)
    return store, parse_clock(clock) if clock else store_clock(store)


def broker_url(settings: Settings) -> str:
    """Where the broker is: the given one, or the embedded server of a running `hotline up`."""
    if settings.broker_url:
        return settings.broker_url
    from workers.embedded import EmbeddedServer

    return EmbeddedServer(settings.home / "valkey").url


def notice_dispatcher(store: "Store", settings: Settings, now: Now) -> "NoticeDispatcher":
    """What sends notices: by the channels file where there is one. Raises HotlineError."""
    from workers.notices.channels import load_channels
    from workers.notices.dispatcher import NoticeDispatcher

    path = settings.channels_path
    channels = load_channels(path) if settings.channels or path.exists() else None
    return NoticeDispatcher(store, now, settings.home, channels, settings.lang)


def policy_text(settings: Settings) -> tuple[str, str]:
    """The text of the policy file in use, and its name. Raises HotlineError."""
    if settings.policy is None:
        return shipped_policy_file(POLICY_FILE), POLICY_FILE
    return read_text(settings.policy), str(settings.policy)


def shipped_policy_file(name: str) -> str:
    """A file that comes with the project."""
    return (resources.files("models") / "policy" / name).read_text(encoding="utf-8")


def read_text(path: Path) -> str:
    """A text file that a person named; raises HotlineError with what is wrong."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        why = getattr(wrong, "strerror", None) or _("not UTF-8")
        raise HotlineError(f"{path}: {why}") from wrong


@contextmanager
def reading(settings: Settings) -> "Iterator[Session]":
    """One reading transaction on the store."""
    store = open_store(settings)
    try:
        with store.reading() as session:
            yield session
    finally:
        store.close()


def allowed(settings: Settings, act: str) -> "Actor":
    """Who runs this command, if his role allows this act; raises HotlineError if not."""
    from models.security.identity import current_actor

    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    who = current_actor(settings)
    who.must(act)
    return who


def print_json(value: Any) -> None:
    """One JSON document a line on standard output, for machines."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(type(value).__name__)
