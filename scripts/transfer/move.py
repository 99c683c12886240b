"""Move a store to another database, from SQLite to PostgreSQL or the other way round.

The store that is left and the one that is filled are closed in turn, so that at each moment at most
one of them takes a change, and a move that breaks off is begun again without harm:

1. The store is held: whoever writes to it waits. The other one is filled and stays closed.
2. The store is closed: whoever waited is refused, and ends.
3. The other one is opened.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from models.anchor_file import AnchorFile
from models.database import Store, StoreUnreachable
from models.errors import HotlineError
from models.i18n import _
from models.migrations import revision
from models.operations.access_log import record_access, recording_denials
from models.operations.outside_anchors import copy_outside
from models.operations.store_closing import (
    Closing,
    StoreClosed,
    close,
    closing_of,
    hold_writers,
    reopen,
)
from models.operations.store_copy import dump_store, is_copy, load_store
from models.operations.store_secret import unlock
from models.queries.verification import Verification, verify
from models.rules.vocabulary import Permission
from models.schema import NEWEST, wrong_schema
from models.security.encryption import load_cipher
from models.setting_values import InvalidSetting
from models.settings import Settings, load_settings
from models.shared_clock import store_clock
from scripts.bootstrap import current_actor, require_store
from scripts.help import current_command
from scripts.transfer.filling import filling

_DATABASE = "HOTLINE_DATABASE_URL"


class MovedElsewhere(HotlineError):
    """The store was moved before, and to another database than this one."""

    def __init__(self) -> None:
        super().__init__(_("the store was moved before, and what is there has other rows"))


def move_store(settings: Settings, url: str) -> Verification:
    """Move the store to an empty database, and verify it there; whoever still writes is stopped.

    Raises HotlineError, and then the store is as before, or closed with the other one whole: the
    same again goes on from there.
    """
    with _naming_option():
        moved = load_settings({_DATABASE: url})
    if moved.store_url == settings.store_url:
        raise HotlineError(_("this is the database that the store is in"))
    require_store(settings)
    cipher = load_cipher(settings.key_path, settings.key)
    store, target = Store(settings.store_url, cipher), Store(moved.store_url, cipher)
    with closing(store), closing(target):
        if revision(store) != NEWEST:
            raise wrong_schema(revision(store) or "-")
        unlock(store)
        if moved.sqlite_path is None:
            with _naming_option():
                revision(target)
        with store.reading() as session:
            state = closing_of(session)
        if state == Closing.FILLING:
            raise StoreClosed(state)
        if state is None:
            _fill_and_close(settings, store, target)
        else:
            _require_same(store, target)
        with target.writing() as session:
            if closing_of(session) is not None:
                reopen(session, Closing.FILLING)
        return _settle(settings, moved, target)


@contextmanager
def _naming_option() -> Iterator[None]:
    """Name the option where an error names the setting, which it stands for."""
    try:
        yield
    except (InvalidSetting, StoreUnreachable) as error:
        raise HotlineError(str(error).replace(_DATABASE, "--to")) from error


def _fill_and_close(settings: Settings, store: Store, target: Store) -> None:
    now, command = store_clock(store), current_command()
    with recording_denials(store, now):
        actor = current_actor(store, settings)
        actor.require(Permission.MAINTAIN, None, [command])
    with store.writing() as source:
        hold_writers(source)
        record_access(source, actor, Permission.MAINTAIN, None, [command], now())
        with filling(target) as session:
            load_store(session, dump_store(source, NEWEST, now()), NEWEST)
            close(session, Closing.FILLING)
        close(source, Closing.MOVED)


def _require_same(store: Store, target: Store) -> None:
    """Raise MovedElsewhere unless a store that is closed was moved to this one.

    Once that one is open it goes its own way, but its secret stays.
    """
    if revision(target) != NEWEST:
        raise MovedElsewhere
    with store.reading(snapshot=True) as left, target.reading(snapshot=True) as filled:
        state = closing_of(filled)
        if state == Closing.MOVED or not is_copy(left, filled, has_gone_on=state is None):
            raise MovedElsewhere


def _settle(settings: Settings, moved: Settings, target: Store) -> Verification:
    """Verify the store where it is now, by the copy of its anchors, and copy them to its own."""
    copy = AnchorFile(settings.anchors).lines() if settings.anchors is not None else ()
    result = verify(target, outside=copy)
    if moved.anchors is not None:
        with target.reading() as session:
            copy_outside(session, AnchorFile(moved.anchors))
    return result
