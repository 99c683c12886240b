"""`hotline log --verify`: the chain of the log, checked and noted down."""

import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec

from models.errors import HotlineError
from models.i18n import _, render
from models.security.chain import LogEnd, Verification, verify
from models.settings import load_settings
from scripts.bootstrap import open_store, print_json


def verify_logs(
    ticket: str | None, note: Path | None, against: Path | None, *, as_json: bool
) -> int:
    """Check and tell; returns 1 where a link is broken. Raises HotlineError."""
    known = _noted(against) if against else None
    store = open_store(load_settings())
    with ExitStack() as stack:
        stack.callback(store.close)
        file = stack.enter_context(note.open("wb")) if note else None

        def keep(number: str, head: LogEnd) -> None:
            if file is not None:
                file.write(msgspec.json.encode((number, *head)) + b"\n")

        result = verify(store, ticket, known=known, note=keep)
    _tell(result, as_json=as_json)
    return 1 if result.broken else 0


def _noted(path: Path) -> dict[str, LogEnd]:
    """Where logs ended, as an earlier call noted it down."""
    try:
        lines = path.read_bytes().splitlines()
        heads = [msgspec.json.decode(line, type=tuple[str, int, bytes]) for line in lines]
    except (OSError, msgspec.DecodeError) as wrong:
        text = _("{path} is no note that `hotline log --verify --note` wrote")
        raise HotlineError(text.format(path=path)) from wrong
    return {number: (seq, digest) for number, seq, digest in heads}


def _tell(result: Verification, *, as_json: bool) -> None:
    broken = result.broken
    if as_json:
        where = broken and {"ticket": broken.ticket, "seq": broken.seq, "why": render(broken.why)}
        counts = {k: getattr(result, k) for k in ("tickets", "lines", "accesses")}
        print_json(counts | {"broken": where})
        return
    text = _("{tickets} logs with {lines} lines, {accesses} lines of the access log: ")
    counts = {k: getattr(result, k) for k in ("tickets", "lines", "accesses")}
    if broken is None:
        sys.stdout.write(text.format(**counts) + _("the chain is whole") + "\n")
        return
    name = broken.ticket or _("the access log")
    sys.stdout.write(_("broken: {name}: {why}").format(name=name, why=render(broken.why)) + "\n")
