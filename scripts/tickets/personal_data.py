"""Show personal data in clear or search by it; each time is logged before anything is shown."""

import sys
from collections.abc import Sequence

from models.clock import system_clock
from models.i18n import _
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
    for number in numbers:
        sys.stdout.write(number + "\n")
    sys.stdout.write(_("{n} tickets").format(n=len(numbers)) + "\n")


def show_accesses(ticket: str | None, *, as_json: bool) -> None:
    """Show the access log, of one ticket or of all. Raises HotlineError."""
    with use_store(load_settings(), Permission.AUDIT) as store, store.reading() as session:
        for entry in access_log(session, ticket):
            at = entry.at.astimezone(SHANGHAI)
            reason = reason_given(session, entry)
            if as_json:
                fields = {k: v for k, v in entry._asdict().items() if k != "id"}
                print_json(fields | {"at": at, "reason": reason})
            else:
                sys.stdout.write(f"{at:%Y-%m-%d %H:%M:%S}  {_access_text(entry, reason)}\n")


def _access_text(entry: AccessLine, reason: Json) -> str:
    """An act for people: who, what, with which ticket and fields, how it ended, and why."""
    parts = [
        f"{entry.who} ({label(UserRole, entry.role) or _('no role')})",
        _(_ACTS.get(entry.act, entry.act)),
        entry.ticket or "-",
        ", ".join(_(field) for field in entry.fields),
    ]
    if entry.outcome != AccessOutcome.DONE:
        parts.append(label(AccessOutcome, entry.outcome))
    if entry.amount != 1:
        parts.append(_("{n} times").format(n=entry.amount))
    if reason is not None:
        parts.append(label(RevealReason, str(reason)))
    return "  ".join(parts)
