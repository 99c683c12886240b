"""List what was refused or given up, and send it again: messages that came in, notices that go out.

`m12` names a refused message, `n7` a notice that no channel took.
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from models.clock import system_clock
from models.database import Session
from models.errors import HotlineError
from models.i18n import N_, _, counted, render
from models.json_types import JsonObject
from models.operations.access import message_to_mend, record_reveal
from models.operations.edited_messages import in_own_name
from models.operations.inbox import add_messages
from models.operations.notices.record import resend
from models.queries.failures import (
    MESSAGE,
    Failure,
    RefusedMessage,
    failures,
    refused_message,
    unanswered_messages,
)
from models.queries.log import TicketNotFound
from models.rules.text import one_line
from models.rules.vocabulary import Permission
from models.security.roles import Actor
from models.settings import Settings, load_settings
from models.shared_clock import service_clock
from models.text_files import read_text
from monitor.message_edit import InvalidEdit, apply_edit, redacted_text
from scripts.bootstrap import acting, read_store, use_store
from scripts.failures import failure_as_dict, failure_table
from scripts.output import print_json
from scripts.screen import Screen


class NotResent(HotlineError):
    """Something cannot be sent again; the message says why."""


def show_failures(page: Screen, settings: Settings, reason: str | None, *, as_json: bool) -> None:
    """Show refused messages and given-up notices; for a reason in clear. Raises HotlineError."""
    if reason is None:
        with read_store(settings) as session:
            rows = failures(session, most=None).rows
        bodies: dict[int, JsonObject] = {}
    else:
        with (
            use_store(settings) as store,
            acting(store, settings, Permission.REVEAL) as actor,
            store.writing() as session,
        ):
            rows = failures(session, most=None).rows
            bodies = {
                row.id: refused.body
                for row in rows
                if row.sort == MESSAGE and (refused := refused_message(session, row.id))
            }
            if bodies:
                fields, now = ["refused messages"], system_clock()
                record_reveal(session, actor, None, fields, now, reason, amount=len(bodies))
    raw = {n: bodies[row.id] for n, row in enumerate(rows) if row.sort == MESSAGE and bodies}
    if as_json:
        for n, row in enumerate(rows):
            print_json(failure_as_dict(row) | ({"raw": raw[n]} if n in raw else {}))
    else:
        page.table(
            failure_table(rows, [repr(raw[n]) if n in raw else "" for n in range(len(rows))])
        )


def print_refused_ticket(page: Screen, session: Session, number: str) -> None:
    """Print what is known of a number without a ticket, for people. Raises TicketNotFound."""
    waiting, refused = _without_ticket(session, number)
    page.line(_("there is no ticket {number}").format(number=one_line(number)))
    if waiting:
        page.line(counted(waiting, N_("{n} message waits for it"), N_("{n} messages wait for it")))
    page.table(failure_table(refused))


def refused_ticket_as_dict(session: Session, number: str) -> dict[str, Any]:
    """Return what is known of a number without a ticket, as JSON. Raises TicketNotFound."""
    waiting, refused = _without_ticket(session, number)
    rows = [failure_as_dict(failure) for failure in refused]
    return {"ticket": number, "status": None, "waiting": waiting, "refused": rows}


def _without_ticket(session: Session, number: str) -> tuple[int, Sequence[Failure]]:
    waiting, refused = unanswered_messages(session, number)
    if not waiting and not refused:
        raise TicketNotFound(number)
    return waiting, refused


def print_to_mend(name: str) -> None:
    """Print a refused message to be mended, personal data redacted; this is logged.

    Raises HotlineError.
    """
    settings = load_settings()
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.ACT) as actor,
        store.writing() as session,
    ):
        refused = message_to_mend(session, actor, _row_of(name, "m"), service_clock(store)())
    if refused is None:
        raise _gone(name)
    sys.stdout.write(redacted_text(refused.body) + "\n")


def send_again(names: Sequence[str], file: Path | None) -> None:
    """Send refused messages and given-up notices again, by right. Raises HotlineError.

    A message goes as it was, or as a file has it: what is still redacted there is as it was.
    """
    settings = load_settings()
    with use_store(settings) as store, acting(store, settings, Permission.ACT) as actor:
        now = service_clock(store)()
        for name in names:
            with store.writing() as session:
                if name.startswith("n"):
                    if not resend(session, [_row_of(name, "n")], now, actor.name):
                        raise _gone(name)
                else:
                    _send_message(session, actor, name, file, now)
            sys.stdout.write(_("{name}: sent again").format(name=name) + "\n")


def _send_message(
    session: Session, actor: Actor, name: str, file: Path | None, now: datetime
) -> None:
    row_id = _row_of(name, "m")
    if file is None:
        refused = refused_message(session, row_id)
    else:
        refused = message_to_mend(session, actor, row_id, now)
    if refused is None:
        raise _gone(name)
    body = refused.body if file is None else _mended(file, refused)
    body = in_own_name(session, actor, refused, body, now)
    # without the moment the same content would be the refused message once more
    marks = {"id": refused.message_id, "mended_by": actor.name, "resent_at": now.isoformat()}
    result = add_messages(session, refused.source, [{**body, **marks}], now, sender=actor)
    for _index, why in result.refused:
        raise NotResent(f"{name}: {render(why)}")


def _mended(file: Path, refused: RefusedMessage) -> JsonObject:
    text = sys.stdin.read() if str(file) == "-" else read_text(file)
    try:
        return apply_edit(text, refused.body)
    except InvalidEdit as error:
        message = _("{path} is no JSON object: {why}")
        raise NotResent(message.format(path=file, why=error)) from error


def _row_of(name: str, sort: str) -> int:
    if name[:1] != sort or not name[1:].isdecimal():
        text = _(
            "{name}: write m12 for a message, n7 for a notice, as `hotline refused` lists them"
        )
        raise NotResent(text.format(name=name))
    return int(name[1:])


def _gone(name: str) -> NotResent:
    text = _("{name} is neither refused nor given up (any more); `hotline refused` lists what is")
    return NotResent(text.format(name=name))
