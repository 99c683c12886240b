"""Open the store for a command or a process: the composition root of the application."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from models.clock import Now, system_clock
from models.i18n import _
from models.private_files import close_file, close_home, prepare_home
from models.settings import Settings
from models.text_files import read_text
from scripts.help import current_command

if TYPE_CHECKING:
    from models.database import Session, Store
    from models.rules.vocabulary import Permission
    from models.security.roles import Actor

log = logging.getLogger("hotline.command")

_GC_THRESHOLD = 50_000
"""The new objects after which the collector looks for cycles.

Rows are made by the thousand and form none: at Python's default of 700 it took a quarter of a
worker's time.
"""

POLICY_FILE, UNITS_FILE = "haojiang.toml", "haojiang-units.toml"


def open_store(settings: Settings, application: str = "") -> "Store":
    """Open the store as it is. Raises HotlineError, and WrongSchema unless it can be used so.

    Nothing is created or upgraded: that is what `make_store` is for. `application` is what a server
    lists this process as, the command that runs where it is not given. From now on the process
    collects garbage as one that works does.
    """
    from models.database import Store
    from models.migrations import require_upgraded
    from models.security.encryption import load_cipher

    _begin_collecting()
    require_store(settings)
    _close_open_home(settings)
    cipher = load_cipher(settings.key_path, settings.key)
    store = Store(settings.store_url, cipher, application=application or _application())
    try:
        require_upgraded(store)
        _settle_owner(settings, store)
    except BaseException:
        store.close()
        raise
    return store


def _begin_collecting() -> None:
    """Let the collector look through what is made from now on: modules stay loaded to the end."""
    if gc.get_freeze_count():
        # whoever waits for the store opens it again and again: what a failed try leaves goes
        gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def make_store(
    settings: Settings,
    *,
    anyway: bool = False,
    now: Now = system_clock,
    tell: Callable[[str | None], None] | None = None,
    apart: Callable[[Callable[[], None]], None] | None = None,
) -> "Store":
    """Make a store with a policy and units, or upgrade the one that is there, and say so.

    `tell` is called at the end with the schema that there was before, None for a new store.
    `apart` calls a function in another process: what migrations load would stay in this one.
    Raises HotlineError, and OlderProcesses where some have lately been seen at the store that is
    to be upgraded, unless `anyway`.
    """
    from models.database import Store
    from models.migrations import require_idle, revision, upgrade
    from models.schema import NEWEST
    from models.security.encryption import load_cipher

    ready_home(settings)
    cipher = load_cipher(settings.key_path, settings.key)
    store = Store(settings.store_url, cipher, application=_application())
    try:
        former = revision(store)
        if is_older := former is not None and former < NEWEST:
            if not anyway:
                require_idle(store)
            text = _("upgrading the store from schema {former} to {newest}")
            log.warning(text.format(former=former, newest=NEWEST))
        if apart is not None and (is_older or former is None):
            # no connection may be open where a process is forked
            store.close()
            apart(partial(_upgrade_and_close, store, now))
        upgrade(store, now)
        _settle_owner(settings, store)
        _fill_new_store(settings, store, now)
        if tell is not None:
            tell(former)
    except BaseException:
        store.close()
        raise
    return store


def _upgrade_and_close(store: "Store", now: Now) -> None:
    from models.migrations import upgrade

    with closing(store):
        upgrade(store, now)


def _application() -> str:
    return current_command() or "hotline"


def _settle_owner(settings: Settings, store: "Store") -> None:
    """Settle whom a store belongs to in which nobody has been given a role.

    Its owner brings the roles of a file in his home; nobody else's home matters. A store on a
    server belongs to whoever uses it first.
    """
    from models.queries.roles import user_roles
    from models.security.identity import load_home_roles, process_user

    user = process_user()
    with store.reading() as session:
        roles = user_roles(session)
    if roles.are_set_up or not roles.is_owner(user, settings.sqlite_path):
        return
    file = load_home_roles(settings.home)
    if file is None and (settings.sqlite_path is not None or roles.owner is not None):
        return
    from models.operations.roles import carry_over_roles, note_owner
    from models.operations.tokens import carry_over_tokens

    with store.writing() as session:
        if file is None:
            note_owner(session, user.name, system_clock())
        elif carry_over_roles(session, user.name, file.users, system_clock()):
            carry_over_tokens(session, file.tokens, system_clock())
            text = _("the roles of {path} are in the store now; the file decides nothing any more")
            log.warning(text.format(path=settings.home / "roles.toml"))


def _fill_new_store(settings: Settings, store: "Store", now: Now = system_clock) -> None:
    """Give a new store a policy and units.

    The policy file of the settings is imported into a store that has no policy; later ones are
    imported by `hotline policy import`.
    """
    from models.operations.rulebook import add_policy
    from models.operations.units import replace_units
    from models.rulebook import has_policies, has_units
    from models.rules.routing.directory import load_units

    with store.writing() as session:
        if not has_policies(session):
            add_policy(session, *policy_text(settings), now())
        if not has_units(session):
            units = load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE)
            replace_units(session, units, now())


@contextmanager
def use_store(settings: Settings, permission: "Permission | None" = None) -> "Iterator[Store]":
    """Open the store for one command and close it at the end.

    The role of whoever runs the command must have `permission`, if that is given: else NotAllowed
    is raised before anything is done.
    """
    store = open_store(settings)
    try:
        with ExitStack() as stack:
            if permission is not None:
                stack.enter_context(acting(store, settings, permission))
            yield store
    finally:
        store.close()


@contextmanager
def acting(
    store: "Store",
    settings: Settings,
    permission: "Permission",
    ticket: str | None = None,
    *,
    or_keeper: bool = False,
) -> "Iterator[Actor]":
    """Yield whoever runs the command; raises NotAllowed unless his role has this permission.

    With `or_keeper` whoever keeps the store needs no role. What is denied meanwhile goes into the
    access log, and so does what few may do once it is done.
    """
    from models.operations.access_log import record_access, recording_denials
    from models.security.identity import process_user
    from models.security.roles import ON_RECORD, Actor, Denied
    from models.security.tokens import TokenRefused
    from models.shared_clock import store_clock

    now = store_clock(store)
    command = current_command()
    with recording_denials(store, now):
        try:
            actor = current_actor(store, settings)
        except TokenRefused as error:
            nobody = Actor(process_user().name, "")
            raise Denied(str(error), nobody, permission, ticket, [command]) from error
        if not (or_keeper and keeps_store(settings)):
            actor.require(permission, ticket, [command])
        yield actor
    if permission in ON_RECORD:
        with store.writing() as session:
            record_access(session, actor, permission, None, [command], now())


def keeps_store(settings: Settings) -> bool:
    """Return whether this process runs, without a token, as the user whom the store's file is.

    With a database on a server the home decides.
    """
    from models.security.identity import process_user

    file = settings.sqlite_path or settings.home
    return not settings.token and file.exists() and process_user().owns(file)


def current_actor(store: "Store", settings: Settings) -> "Actor":
    """Return whoever runs this process: by HOTLINE_TOKEN if it is set, else by its user.

    Raises TokenRefused.
    """
    from models.operations.tokens import use_token
    from models.queries.roles import user_as_actor
    from models.security.identity import process_user
    from models.shared_clock import store_clock

    if settings.token:
        return use_token(store, settings.token, store_clock(store)()).actor
    with store.reading() as session:
        return user_as_actor(session, process_user(), settings.sqlite_path)


@contextmanager
def read_store(settings: Settings) -> "Iterator[Session]":
    """Open the store for one command that only reads, in one transaction."""
    with use_store(settings) as store, store.reading() as session:
        yield session


@contextmanager
def read_store_if_any(settings: Settings) -> "Iterator[Session | None]":
    """Open the store for one command that can do without one: then this yields None."""
    from models.schema import StoreMissing

    with ExitStack() as stack:
        try:
            session = stack.enter_context(read_store(settings))
        except StoreMissing:
            session = None
        yield session


def require_store(settings: Settings) -> None:
    """Raise StoreMissing where a SQLite store has no file: opening it would make one."""
    file = settings.sqlite_path
    if file is None or file.exists():
        return
    from models.schema import StoreMissing

    text = _("there is no {file} (HOTLINE_HOME is {home}); `hotline db upgrade` makes a store")
    raise StoreMissing(text.format(file=file.absolute(), home=settings.home))


def ready_home(settings: Settings) -> None:
    """Create the home, or close one that others could read and say so. Raises HotlineError."""
    _say_mended(prepare_home(settings.home))
    _close_open_home(settings)


def _close_open_home(settings: Settings) -> None:
    """Close a home and a database that others could read, and say so. Raises HotlineError."""
    file = settings.sqlite_path
    # SQLite keeps two files beside an open database
    files = [file.with_name(file.name + end) for end in ("", "-wal", "-shm")] if file else []
    if settings.home.exists():
        _say_mended(close_home(settings.home))
    for each in files:
        _say_mended(close_file(each))


def _say_mended(mended: str | None) -> None:
    if mended:
        log.warning(mended)


def policy_text(settings: Settings) -> tuple[str, str]:
    """The text of the policy file in use, and its name. Raises HotlineError."""
    if settings.policy is None:
        return shipped_policy_file(POLICY_FILE), POLICY_FILE
    return read_text(settings.policy), str(settings.policy)


def shipped_policy_file(name: str) -> str:
    """The text of a policy or units file that comes with the project."""
    return (resources.files("models") / "policy" / name).read_text(encoding="utf-8")
