"""Show personal data in clear or search by it; each time is logged before anything is shown."""

import sys
from collections.abc import Sequence

from models.clock import system_clock
from models.i18n import _
from models.operations.access import REVEALABLE, find, reveal
from models.queries.access_log import access_log
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import AccessAct, Permission, UserRole, label
from models.settings import load_settings
from scripts.bootstrap import require_permission, use_store
from scripts.output import print_json

_ACTS = {act.value: act.label for codes in (Permission, AccessAct) for act in codes}
"""The labels of what lines of the access log say was done."""


def show_personal_data(ticket: str, fields: Sequence[str], *, as_json: bool) -> None:
    """Show these fields of a ticket in clear, or all if none is named. Raises HotlineError."""
    settings = load_settings()
    actor = require_permission(settings, Permission.REVEAL)
    # the access log is committed before anything is shown
    with use_store(settings) as store, store.writing() as session:
        values = reveal(session, actor, ticket, fields or REVEALABLE, system_clock())
    if as_json:
        print_json({"ticket": ticket} | values)
        return
    for field, value in values.items():
        lines = [f"{k}: {v}" for k, v in value.items()] if isinstance(value, dict) else [value]
        for line in lines:
            sys.stdout.write(f"{_(field)}  {line}\n")


def find_tickets(kind: str, value: str, *, as_json: bool) -> None:
    """List the tickets of a person, found by a number or a name. Raises HotlineError."""
    settings = load_settings()
    actor = require_permission(settings, Permission.FIND)
    with use_store(settings) as store, store.writing() as session:
        numbers = find(session, actor, kind, value, system_clock())
    if as_json:
        print_json(numbers)
        return
    for number in numbers:
        sys.stdout.write(number + "\n")
    sys.stdout.write(_("{n} tickets").format(n=len(numbers)) + "\n")


def show_accesses(ticket: str | None, *, as_json: bool) -> None:
    """Show the access log, of one ticket or of all. Raises HotlineError."""
    with use_store(load_settings(), Permission.AUDIT) as store, store.reading() as session:
        for entry in access_log(session, ticket):
            at = entry.at.astimezone(SHANGHAI)
            if as_json:
                fields = {k: v for k, v in entry._asdict().items() if k != "id"}
                print_json(fields | {"at": at})
                continue
            actor = f"{entry.who} ({label(UserRole, entry.role)})"
            names = ", ".join(_(field) for field in entry.fields)
            act = _(_ACTS.get(entry.act, entry.act))
            line = f"{actor}  {act}  {entry.ticket or '-'}  {names}"
            sys.stdout.write(f"{at:%Y-%m-%d %H:%M:%S}  {line}\n")
