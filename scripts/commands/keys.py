"""`hotline keys`: the keys that personal data is sealed with."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.help import App

if TYPE_CHECKING:
    from models.database import Store
    from models.security.keys import KeyFile

_SETTLED = timedelta(minutes=10)
"""After this no transaction is open that began before; no batch of a worker takes that long."""


def add_to(app: App) -> None:
    """Add these commands."""
    keys = App(help=_("Keys of personal data."))
    keys.command(help=_("The keys by name, and how much each of them opens."))(show)
    keys.command(help=_("Add a key that opens but does not seal yet, for several machines."))(
        prepare
    )
    keys.command(help=_("Seal with a new key from now on, and everything again with it."))(rotate)
    keys.command(help=_("Go on where a rotation was stopped."))(reseal)
    keys.command(help=_("Take keys that open nothing any more out of the key file."))(retire)
    app.add_typer(keys, name="keys")


def show(
    as_json: Annotated[bool, typer.Option("--json", help=_("For machines."))] = False,
) -> None:
    """The key's name is made from it and tells nothing about it."""
    from models.operations.keys import count_by_key
    from models.security.keys import key_name
    from scripts.bootstrap import print_json

    with _opened() as store:
        with store.reading() as session:
            counts = count_by_key(session)
        ring = store.cipher.ring
    shown = [
        {
            "number": number,
            "name": key_name(key) if key else None,
            "state": _state(number, key, ring.sealing),
            "values": counts.get(number, 0),
        }
        for number, key in enumerate(ring.keys)
    ]
    if as_json:
        print_json(shown)
        return
    for line in shown:
        state = _(str(line["state"]))
        typer.echo(f"{line['number']:>3}  {line['name'] or '-':<8}  {state}  {line['values']}")


def prepare() -> None:
    """Copy the key file to every machine afterwards, then call `hotline keys rotate` on one."""
    from models.security.keys import key_name, new_key

    with _opened() as store:
        file = _file(store)
        with file.lock():
            ring = file.read()
            if not ring.waiting:
                ring = ring.with_next(new_key())
                file.replace(ring)
        key = ring.keys[-1]
        assert key is not None
        text = _("key {n} ({name}) is ready: copy {path} to every machine, then rotate on one")
        typer.echo(text.format(n=len(ring.keys) - 1, name=key_name(key), path=file.path))


def rotate() -> None:
    """Workers and monitor that run take the new key up by themselves."""
    from models.security.keys import new_key

    with _opened() as store:
        file = _file(store)
        with file.lock():
            ring = file.read()
            if not ring.waiting:
                ring = ring.with_next(new_key())
            file.replace(ring.rotated())
        _seal_again(store)


def reseal() -> None:
    """Every value that an older key opens is sealed with the one that seals now."""
    with _opened() as store:
        _seal_again(store)


def retire() -> None:
    """Keep a copy of the old key file with backups made before: they need it."""
    from models.clock import system_clock
    from models.errors import HotlineError
    from models.operations.keys import count_by_key

    with _opened() as store:
        file = _file(store)
        with file.lock():
            ring = file.read()
            with store.reading() as session:
                counts = count_by_key(session)
            if any(number < ring.sealing for number in counts):
                raise HotlineError(_("old keys still open something: run `hotline keys reseal`"))
            changed = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
            if system_clock() - changed < _SETTLED:
                told = _("the key file was changed just now: what began before may still seal with")
                raise HotlineError(told + " " + _("an old key; wait ten minutes"))
            file.replace(ring.without_old())
        typer.echo(_("Done: only the key that seals is left. Keep the old file with old backups."))


@contextmanager
def _opened() -> "Iterator[Store]":
    from models.security.roles import KEYS
    from scripts.bootstrap import allowed, open_store

    settings = load_settings()
    allowed(settings, KEYS)
    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def _seal_again(store: "Store") -> None:
    from models.operations.keys import count_by_key, reencrypt

    total = 0
    shown = sys.stderr.isatty()
    for size in reencrypt(store):
        total += size
        if shown:
            sys.stderr.write("\r" + _("{n} values sealed again").format(n=total))
    if shown:
        sys.stderr.write("\r")
    typer.echo(_("{n} values sealed again").format(n=total))
    with store.reading() as session:
        counts = count_by_key(session)
    if left := sum(n for number, n in counts.items() if number < store.cipher.ring.sealing):
        told = _(
            "{n} are under an older key still: others were using them, or have no new key yet;"
        )
        typer.echo(told.format(n=left) + " " + _("run `hotline keys reseal`"))


def _state(number: int, key: bytes | None, sealing: int) -> str:
    if key is None:
        return "gone"
    if number == sealing:
        return "seals"
    return "waits" if number > sealing else "opens"


def _file(store: "Store") -> "KeyFile":
    from models.errors import HotlineError

    if store.cipher.file is None:
        raise HotlineError(
            _("the key comes from HOTLINE_KEY: add the new one to it, start the service anew,")
            + " "
            + _("then run `hotline keys reseal`")
        )
    return store.cipher.file
