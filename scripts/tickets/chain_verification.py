"""`hotline log --verify`: verify the hash chain of the logs, and note down where each log ends."""

import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec

from models.errors import HotlineError
from models.i18n import _, render
from models.queries.verification import Verification, verify
from models.security.chain import LogEnd
from models.settings import load_settings
from scripts.bootstrap import use_store
from scripts.output import print_json
from scripts.output_files import OutputFile


def verify_logs(
    ticket: str | None, note: Path | None, against: Path | None, *, overwrite: bool, as_json: bool
) -> int:
    """Verify one log or all and print the result; returns 1 where a link is broken.

    `note` is a file to write the log ends to, `against` one that an earlier call wrote: a log that
    has lost lines since is broken. Raises HotlineError.
    """
    known = _read_note(against) if against else None
    with ExitStack() as stack:
        settings = load_settings()
        store = stack.enter_context(use_store(settings))
        file = None
        if note is not None:
            file = stack.enter_context(OutputFile(note, settings, overwrite).open())

        def write_note(number: str, end: LogEnd) -> None:
            if file is not None:
                file.write(msgspec.json.encode((number, *end)) + b"\n")

        result = verify(store, ticket, known=known, note=write_note)
    _print(result, as_json=as_json)
    return 1 if result.broken else 0


def _read_note(path: Path) -> dict[str, LogEnd]:
    try:
        lines = path.read_bytes().splitlines()
        entries = [msgspec.json.decode(line, type=tuple[str, int, bytes]) for line in lines]
    except (OSError, msgspec.DecodeError) as error:
        text = _("{path} is no note that `hotline log --verify --note` wrote")
        raise HotlineError(text.format(path=path)) from error
    return {number: LogEnd(seq, digest) for number, seq, digest in entries}


def _print(result: Verification, *, as_json: bool) -> None:
    broken = result.broken
    counts = {name: getattr(result, name) for name in ("tickets", "lines", "accesses")}
    if as_json:
        where = broken and {"ticket": broken.ticket, "seq": broken.seq, "why": render(broken.why)}
        print_json(counts | {"broken": where})
        return
    if broken is None:
        text = _("{tickets} logs with {lines} lines, {accesses} lines of the access log: ")
        sys.stdout.write(text.format(**counts) + _("the chain is whole") + "\n")
        return
    name = broken.ticket or _("the access log")
    sys.stdout.write(_("broken: {name}: {why}").format(name=name, why=render(broken.why)) + "\n")
