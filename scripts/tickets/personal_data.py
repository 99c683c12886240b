"""Show personal data in clear or search by it; each time is logged before anything is shown."""

import sys
from collections.abc import Sequence

from models.clock import system_clock
from models.i18n import N_, _, counted
from models.json_types import Json
from models.operations.access import REVEALABLE, find, reveal
from models.queries.access_log import access_log, reason_given
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import (
    AccessAct,
    AccessOutcome,
    Permission,
    RevealReason,
    UserRole,
    label,
)
from models.security.chain import AccessLine
from models.settings import load_settings
from scripts.bootstrap import acting, use_store
from scripts.output import print_json
from scripts.screen import screen
from scripts.tables import Table

_ACTS = {act.value: act.label for codes in (Permission, AccessAct) for act in codes}
"""The labels of what lines of the access log say was done."""


def show_personal_data(ticket: str, fields: Sequence[str], reason: str, *, as_json: bool) -> None:
    """Show these fields of a ticket in clear, or all if none is named. Raises HotlineError."""
    settings = load_settings()
    # the access log is committed before anything is shown
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.REVEAL, ticket) as actor,
        store.writing() as session,
    ):
        values = reveal(session, actor, ticket, fields or REVEALABLE, system_clock(), reason)
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
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.FIND) as actor,
        store.writing() as session,
    ):
        numbers = find(session, actor, kind, value, system_clock())
    if as_json:
        print_json(numbers)
        return
    with screen(settings) as page:
        for number in numbers:
            page.line(number)
        page.line(counted(len(numbers), N_("{n} ticket"), N_("{n} tickets")))


def show_accesses(ticket: str | None, *, as_json: bool) -> None:
    """Show the access log, of one ticket or of all. Raises HotlineError."""
    settings = load_settings()
    with use_store(settings, Permission.AUDIT) as store, store.reading() as session:
        entries = [(entry, reason_given(session, entry)) for entry in access_log(session, ticket)]
    if as_json:
        for entry, reason in entries:
            fields = {k: v for k, v in entry._asdict().items() if k != "id"}
            print_json(fields | {"at": entry.at.astimezone(SHANGHAI), "reason": reason})
        return
    heads = (
        _("moment"),
        _("who"),
        _("what was done"),
        _("ticket"),
        _("fields"),
        _("outcome"),
        _("reason"),
    )
    with screen(settings) as page:
        page.table(Table(heads, [_access_row(entry, reason) for entry, reason in entries]))


def _access_row(entry: AccessLine, reason: Json) -> tuple[str, ...]:
    """An act for people: when, who, what, with which ticket and fields, how it ended, and why."""
    times = (_("{n} times").format(n=entry.amount),) if entry.amount != 1 else ()
    is_done = entry.outcome == AccessOutcome.DONE
    ended = () if is_done else (label(AccessOutcome, entry.outcome),)
    return (
        f"{entry.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        f"{entry.who} ({label(UserRole, entry.role) or _('no role')})",
        _(_ACTS.get(entry.act, entry.act)),
        entry.ticket or "-",
        ", ".join(_(field) for field in entry.fields),
        ", ".join((*ended, *times)),
        "" if reason is None else label(RevealReason, str(reason)),
    )
