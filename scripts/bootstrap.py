"""Open the store for a command or a process: the composition root of the application."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING

from models.clock import Now, system_clock
from models.private_files import close_file, prepare_home
from models.settings import Settings
from models.text_files import read_text

if TYPE_CHECKING:
    from models.database import Session, Store
    from models.rules.vocabulary import Permission
    from models.security.roles import Actor

POLICY_FILE, UNITS_FILE = "haojiang.toml", "haojiang-units.toml"


def open_store(settings: Settings) -> "Store":
    """Open the store and bring it to the newest schema. Raises HotlineError."""
    # modules stay loaded to the end: the collector need not look through them again
    gc.freeze()

    from models.database import Store
    from models.migrations import TOKENS_IN_STORE, upgrade
    from models.security.encryption import load_cipher

    ready_home(settings)
    store = Store(settings.store_url, load_cipher(settings.key_path, settings.key))
    former = upgrade(store)
    if former is not None and former < TOKENS_IN_STORE:
        _carry_over_tokens(settings, store)
    return store


def _carry_over_tokens(settings: Settings, store: "Store") -> None:
    """Take the tokens of the roles file into a store that has just learnt to keep them.

    Never later: whoever can name another home must not bring tokens of his own.
    """
    from models.operations.tokens import carry_over_tokens
    from models.security.identity import load_roles

    roles = load_roles(settings.home)
    if roles is not None and roles.tokens:
        with store.writing() as session:
            carry_over_tokens(session, roles.tokens, system_clock())


def bootstrap_store(settings: Settings, now: Now = system_clock) -> "Store":
    """Open the store, and give a new one a policy and units. Raises HotlineError.

    The policy file of the settings is imported into a store that has no policy; later ones are
    imported by `hotline policy import`.
    """
    from models.operations.rulebook import add_policy
    from models.operations.units import replace_units
    from models.rulebook import has_policies, has_units
    from models.rules.routing.directory import load_units

    store = open_store(settings)
    with store.writing() as session:
        if not has_policies(session):
            add_policy(session, *policy_text(settings), now())
        if not has_units(session):
            units = load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE)
            replace_units(session, units, now())
    return store


@contextmanager
def use_store(
    settings: Settings, permission: "Permission | None" = None, *, bootstrap: bool = False
) -> "Iterator[Store]":
    """Open the store for one command and close it at the end.

    The role of whoever runs the command must have `permission`, if that is given: NotAllowed is
    raised before anything is opened. `bootstrap` gives a new store a policy and units.
    """
    if permission is not None:
        require_permission(settings, permission)
    store = bootstrap_store(settings) if bootstrap else open_store(settings)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def read_store(settings: Settings) -> "Iterator[Session]":
    """Open the store for one command that only reads, in one transaction."""
    with use_store(settings) as store, store.reading() as session:
        yield session


def require_store(settings: Settings) -> None:
    """Raise HotlineError where there is no store: a command that only reads creates none."""
    if not has_store(settings):
        from models.errors import HotlineError
        from models.i18n import _

        raise HotlineError(_("there is no store yet; `hotline db upgrade` makes one"))


def has_store(settings: Settings) -> bool:
    """Return whether there is a store: a command that only reads must not create one."""
    return settings.database_url is not None or (settings.home / "hotline.db").exists()


def require_permission(settings: Settings, permission: "Permission") -> "Actor":
    """Whoever runs this command; raises NotAllowed unless the role has this permission."""
    from models.security.identity import current_actor

    ready_home(settings)
    actor = current_actor(settings)
    actor.require(permission)
    return actor


def ready_home(settings: Settings) -> None:
    """Create the home, or close one that others could read and say so. Raises HotlineError."""
    file = settings.sqlite_path
    # SQLite keeps two files beside an open database
    files = [file.with_name(file.name + end) for end in ("", "-wal", "-shm")] if file else []
    for mended in (prepare_home(settings.home), *map(close_file, files)):
        if mended:
            sys.stderr.write(f"hotline: {mended}\n")


def policy_text(settings: Settings) -> tuple[str, str]:
    """The text of the policy file in use, and its name. Raises HotlineError."""
    if settings.policy is None:
        return shipped_policy_file(POLICY_FILE), POLICY_FILE
    return read_text(settings.policy), str(settings.policy)


def shipped_policy_file(name: str) -> str:
    """The text of a policy or units file that comes with the project."""
    return (resources.files("models") / "policy" / name).read_text(encoding="utf-8")
