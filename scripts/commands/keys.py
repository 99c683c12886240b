"""`hotline keys`: manage the keys that encrypt personal data."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

import typer

from models.i18n import _
from models.settings import load_settings
from models.words import KEY_STATES
from scripts.arguments import AsJson
from scripts.help import App

if TYPE_CHECKING:
    from models.database import Store
    from models.security.keys import Key, KeyFile

_SETTLED_AFTER = timedelta(minutes=10)
"""No transaction is open any longer that began before: no batch of a worker takes that long."""


def add_to(app: App) -> None:
    """Add these commands."""
    keys = App(help=_("Manage the keys that encrypt personal data."))
    keys.command(help=_("List the keys, and how many values each encrypts."))(show)
    keys.command(help=_("Add a key that is not used yet, to be copied to several machines."))(
        prepare
    )
    keys.command(help=_("Encrypt with a new key from now on, and all existing values again."))(
        rotate
    )
    keys.command(help=_("Continue an interrupted rotation."))(reseal)
    keys.command(help=_("Remove old keys that no value needs."))(retire)
    app.add_typer(keys, name="keys")


def show(
    as_json: AsJson = False,
) -> None:
    """List the keys. A key's name is a digest, which tells nothing about the key."""
    from scripts.output import print_json
    from scripts.screen import screen
    from scripts.tables import Table

    with _use_store() as store:
        counts = _counts(store)
        ring = store.cipher.keyring
    rows: list[dict[str, Any]] = [
        {
            "number": number,
            "name": key.name if key else None,
            "state": _state(number, key, ring.active),
            "values": counts.get(number, 0),
        }
        for number, key in enumerate(ring.keys)
    ]
    if as_json:
        print_json(rows)
        return
    listed = [
        (str(r["number"]), r["name"] or "-", _(KEY_STATES[str(r["state"])]), str(r["values"]))
        for r in rows
    ]
    with screen(load_settings()) as page:
        page.table(Table((_("key"), _("digest"), _("state"), _("values")), listed, numbers=(0, 3)))


def prepare() -> None:
    """Add a key that is not used yet: the key file is then copied to every machine."""
    from models.security.keys import new_key

    with _use_store() as store:
        file = _key_file(store)
        with file.lock():
            ring = file.read()
            if not ring.has_next:
                ring = ring.with_next(new_key())
                file.replace(ring)
        key = ring.keys[-1]
        assert key is not None
        text = _("key {n} ({name}) is ready: copy {path} to every machine, then rotate on one")
        typer.echo(text.format(n=len(ring.keys) - 1, name=key.name, path=file.path))


def rotate() -> None:
    """Encrypt with a new key; running workers and monitors notice it by themselves."""
    from models.security.keys import new_key

    with _use_store() as store:
        file = _key_file(store)
        with file.lock():
            ring = file.read()
            prepared = ring.keys[-1] if ring.has_next else None
            if prepared is None or not prepared.binds:
                ring = ring.with_next(new_key())
            file.replace(ring.rotated())
        _reencrypt(store)


def reseal() -> None:
    """Encrypt again, with the current key, every value that is under an older one."""
    with _use_store() as store:
        _reencrypt(store)


def retire() -> None:
    """Remove the old keys. Backups made before need a copy of the old key file."""
    from models.clock import system_clock
    from models.errors import HotlineError

    with _use_store() as store:
        file = _key_file(store)
        with file.lock():
            ring = file.read()
            if left := _left(store):
                why = _("old keys are still needed: run `hotline keys reseal`; they encrypt {left}")
                raise HotlineError(why.format(left=left))
            changed_at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
            if system_clock() - changed_at < _SETTLED_AFTER:
                text = _("the key file was changed just now: what began before may still use")
                raise HotlineError(text + " " + _("an old key; wait ten minutes"))
            file.replace(ring.without_old())
        typer.echo(_("Done: only the current key is left. Keep the old key file with old backups."))


@contextmanager
def _use_store() -> "Iterator[Store]":
    from models.rules.vocabulary import Permission
    from scripts.bootstrap import use_store

    with use_store(load_settings(), Permission.KEYS) as store:
        yield store


def _reencrypt(store: "Store") -> None:
    """Encrypt everything again in batches, with progress on a terminal."""
    from models.operations.keys import reencrypt
    from scripts.ingest.refused_files import reencrypt_files

    total = 0
    with_progress = sys.stderr.isatty()
    for size in chain(reencrypt(store), reencrypt_files(load_settings().home, store.cipher)):
        total += size
        if with_progress:
            sys.stderr.write("\r" + _("{n} values encrypted again").format(n=total))
    if with_progress:
        sys.stderr.write("\r")
    typer.echo(_("{n} values encrypted again").format(n=total))
    if left := _left(store):
        text = _(
            "{left} are under an older key still: others were using them, have no new key yet, or "
            "they are not what was written there; run `hotline keys reseal`"
        )
        typer.echo(text.format(left=left))


def _counts(store: "Store") -> dict[int, int]:
    """Count what each key encrypts, in the database and in the files of the home."""
    from models.operations.keys import count_by_key
    from scripts.ingest import refused_files

    with store.reading() as session:
        counts = Counter(count_by_key(session))
    counts.update(refused_files.count_by_key(load_settings().home))
    return dict(counts)


def _left(store: "Store") -> str:
    """Return what is under other keys than the active one, with the number of values."""
    from models.operations.keys import count_left
    from scripts.ingest.refused_files import count_in_file, refused_files

    active = store.cipher.keyring.active
    with store.reading() as session:
        left = count_left(session)
    for path in refused_files(load_settings().home):
        if count := sum(n for key, n in count_in_file(path).items() if key != active):
            left[str(path)] = count
    return ", ".join(f"{place}: {count}" for place, count in left.items())


def _state(number: int, key: "Key | None", sealing: int) -> str:
    if key is None:
        return "gone"
    if number == sealing:
        return "seals"
    return "waits" if number > sealing else "opens"


def _key_file(store: "Store") -> "KeyFile":
    from models.errors import HotlineError

    if store.cipher.file is None:
        raise HotlineError(
            _("the key comes from HOTLINE_KEY: add the new one to it, restart the service,")
            + " "
            + _("then run `hotline keys reseal`")
        )
    return store.cipher.file
