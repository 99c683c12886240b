"""`hotline log --verify`: verify the hash chain of the logs, and note down where each log ends."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from models.anchor_file import AnchorFile
from models.errors import HotlineError
from models.i18n import _, render
from models.json_types import JsonObject
from models.queries.verification import Verification, verify
from models.rules.calendar import SHANGHAI
from models.security.chain import LogEnd
from models.security.findings import HARMS, Finding
from models.settings import load_settings
from scripts.bootstrap import use_store
from scripts.output import print_json
from scripts.output_files import OutputFile


def verify_logs(
    ticket: str | None, note: Path | None, against: Path | None, *, overwrite: bool, as_json: bool
) -> int:
    """Verify one log or all and print the result; returns 1 where anything is not as it was.

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

        copy = AnchorFile(settings.anchors) if settings.anchors is not None else None
        outside = copy.lines() if copy is not None else ()
        result = verify(store, ticket, known=known, note=write_note, outside=outside)
    _print(result, copy, as_json=as_json)
    return 1 if result.findings else 0


def _read_note(path: Path) -> dict[str, LogEnd]:
    try:
        lines = path.read_bytes().splitlines()
        entries = [msgspec.json.decode(line, type=tuple[str, int, bytes]) for line in lines]
    except (OSError, msgspec.DecodeError) as error:
        text = _("{path} is no note that `hotline log --verify --note` wrote")
        raise HotlineError(text.format(path=path)) from error
    return {number: LogEnd(seq, digest) for number, seq, digest in entries}


def _print(result: Verification, copy: AnchorFile | None, *, as_json: bool) -> None:
    counts = {name: getattr(result, name) for name in ("tickets", "lines", "accesses", "anchors")}
    holding = result.holding
    if as_json:
        findings = [_as_dict(finding) for finding in result.findings]
        last = holding and {"number": holding.number, "at": holding.at}
        key = result.key and result.key.hex()
        more = {"broken": findings[0] if findings else None, "findings": findings}
        compared = str(copy.path) if copy is not None and copy.path.exists() else None
        print_json(counts | more | {"holding": last, "public_key": key, "copy": compared})
        return
    print_findings(result.findings)
    if not result.findings:
        text = _("{tickets} logs with {lines} lines, {accesses} lines of the access log: ")
        sys.stdout.write(text.format(**counts) + _("the chain is whole") + "\n")
    if holding is not None:
        text = _("the last anchor that holds is {n} of {at}")
        at = holding.at.astimezone(SHANGHAI)
        sys.stdout.write(text.format(n=holding.number, at=f"{at:%Y-%m-%d %H:%M}") + "\n")
    if copy is not None and not copy.path.exists():
        text = _("there is no copy of the anchors yet, {path}: that it was set back would not show")
        sys.stdout.write(text.format(path=copy.path) + "\n")


def print_findings(findings: Iterable[Finding]) -> None:
    """Print what is not as it was written, a line each."""
    for finding in findings:
        line = _as_dict(finding)
        harm = render(HARMS[finding.harm])
        sys.stdout.write(f"{harm}: {line['place']}: {line['why']}\n")


def _as_dict(finding: Finding) -> JsonObject:
    place = finding.place if isinstance(finding.place, str) else render(finding.place)
    return {
        "harm": finding.harm,
        "place": place,
        "ticket": finding.ticket,
        "seq": finding.seq,
        "why": render(finding.why),
    }
