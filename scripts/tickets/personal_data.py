"""Personal data at the command: shown in clear or searched by, each time logged first."""

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.clock import system_clock
from models.errors import HotlineError
from models.i18n import _
from models.operations.access import REVEALABLE, find, record_access, reveal
from models.queries.access_log import access_log
from models.rules.calendar import SHANGHAI
from models.security.encryption import Encrypted
from models.security.roles import AUDIT, FIND, REVEAL
from models.settings import load_settings
from scripts.bootstrap import allowed, open_store, print_json


def show_personal_data(ticket: str, fields: Sequence[str], *, as_json: bool) -> None:
    """Show these fields of a ticket in clear (all, if none is named). Raises HotlineError."""
    settings = load_settings()
    who = allowed(settings, REVEAL)
    store = open_store(settings)
    try:
        # committed before anything is shown
        with store.writing() as session:
            shown = reveal(session, who, ticket, fields or REVEALABLE, system_clock())
    finally:
        store.close()
    if as_json:
        print_json({"ticket": ticket} | shown)
        return
    for field, value in shown.items():
        told = [f"{k}: {v}" for k, v in value.items()] if isinstance(value, dict) else [value]
        for line in told:
            sys.stdout.write(f"{_(field)}  {line}\n")


def find_tickets(kind: str, value: str, *, as_json: bool) -> None:
    """Show the tickets found by a number or a name. Raises HotlineError."""
    settings = load_settings()
    who = allowed(settings, FIND)
    store = open_store(settings)
    try:
        with store.writing() as session:
            found = find(session, who, kind, value, system_clock())
    finally:
        store.close()
    if as_json:
        print_json(found)
        return
    for number in found:
        sys.stdout.write(number + "\n")
    sys.stdout.write(_("{n} tickets").format(n=len(found)) + "\n")


def show_refused(file: Path | None, *, in_clear: bool, as_json: bool) -> None:
    """Show a file of refused rows; in clear only to who may, and logged. Raises HotlineError."""
    settings = load_settings()
    path = file or settings.home / "refused.jsonl"
    rows = _refused_rows(path) if path.exists() else []
    if in_clear:
        who = allowed(settings, REVEAL)
        store = open_store(settings)
        try:
            with store.writing() as session:
                record_access(session, who, REVEAL, None, ["refused rows"], system_clock())
            for row in rows:
                row["raw"] = store.cipher.decrypt(Encrypted(base64.b64decode(row["sealed"])))
        finally:
            store.close()
    for row in rows:
        del row["sealed"]
        if as_json:
            print_json(row)
            continue
        raw = f"  {row['raw']!r}" if in_clear else ""
        sys.stdout.write(f"{row['feed']}:{row['line']}  {row['why']}{raw}\n")


def _refused_rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        return [r | {k: r[k] for k in ("feed", "line", "why", "sealed")} for r in rows]
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        text = _("{path} is no file of refused rows")
        raise HotlineError(text.format(path=path)) from wrong


def show_accesses(ticket: str | None, *, as_json: bool) -> None:
    """Show the access log, of one ticket or whole. Raises HotlineError."""
    settings = load_settings()
    allowed(settings, AUDIT)
    store = open_store(settings)
    try:
        with store.reading() as session:
            for row in access_log(session, ticket):
                at = row.at.astimezone(SHANGHAI)
                if as_json:
                    print_json(row._asdict() | {"at": at})
                    continue
                what = ", ".join(_(f) for f in row.fields)
                told = f"{row.who} ({_(row.role)})  {_(row.act)}  {row.ticket or '-'}  {what}"
                sys.stdout.write(f"{at:%Y-%m-%d %H:%M:%S}  {told}\n")
    finally:
        store.close()
