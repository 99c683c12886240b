"""Mend what failed: a refused message is edited and sent again, a failed notice sent again."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.database import Session
from models.i18n import LazyText, _
from models.json_types import JsonObject
from models.operations.access import message_to_mend
from models.operations.edited_messages import find_wrong_fields, in_own_name
from models.operations.notices.record import resend
from models.queries.failures import MESSAGE, Failure, RefusedMessage
from models.rulebook import stored_units
from models.rules.messages import MISSING
from models.rules.vocabulary import MessageType, Permission, label
from monitor.formatting import one_line, short_reason
from monitor.message_edit import restored_body
from monitor.operator.operator import Operator
from monitor.operator.sending import MessageSender
from monitor.screens.dialogs import ConfirmDialog
from monitor.screens.mend_form import MendForm


class _ToMend(NamedTuple):
    """A refused message, why fields of it are refused, and the units to choose from."""

    refused: RefusedMessage
    reasons: Mapping[str, LazyText]
    units: Mapping[str, Sequence[str]]


class FailureMender:
    """Has refused messages and failed notices sent again; a draft has personal data redacted."""

    def __init__(self, operator: Operator, sender: MessageSender) -> None:
        self._operator = operator
        self._sender = sender

    async def mend(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        if not await self._operator.may(Permission.ACT, failure.ticket):
            return
        if failure.sort == MESSAGE:
            await self._mend_message(failure)
        else:
            await self._resend_notice(failure)

    async def _mend_message(self, failure: Failure) -> None:
        to_mend = await self._operator.write(lambda session: self._load(session, failure.id))
        if to_mend is None:
            self._operator.app.notify(_("Somebody has mended it already"), markup=False)
            return
        refused, reasons, units = to_mend

        async def send(edited: dict[str, object]) -> Mapping[str, LazyText]:
            return await self._send(refused, restored_body(edited, refused.body))

        draft = ("mend", str(failure.id))
        if await self._operator.drafts.fill_in(draft, MendForm(refused, reasons, units, send)):
            self._operator.drafts.forget(draft)

    def _load(self, session: Session, row_id: int) -> _ToMend | None:
        """Read a refused message; it is logged who sees it. None where it has been mended."""
        refused = message_to_mend(session, self._operator.who, row_id, self._operator.now())
        if refused is None:
            return None
        reasons = find_wrong_fields(session, refused.body)
        if not reasons:
            reasons = {name: LazyText(MISSING, {"names": name}) for name in refused.missing}
        return _ToMend(refused, reasons, {u.name: tuple(u.aliases) for u in stored_units(session)})

    async def _send(self, refused: RefusedMessage, body: JsonObject) -> Mapping[str, LazyText]:
        """Send a mended message, or return why fields of it are refused."""
        who, now = self._operator.who, self._operator.now()

        def check(session: Session) -> tuple[Mapping[str, LazyText], JsonObject]:
            if reasons := find_wrong_fields(session, body):
                return reasons, body
            return {}, in_own_name(session, who, refused, body, now)

        reasons, signed = await self._operator.recording_denials(self._operator.read(check))
        if not reasons:
            marks = {"id": refused.message_id, "mended_by": who.name}
            name = label(MessageType, str(body["type"]))
            await self._sender.send(refused.source, {**signed, **marks}, name)
        return reasons

    async def _resend_notice(self, failure: Failure) -> None:
        title = _("Send the notice again?")
        about = f"{one_line(failure.ticket)}  {one_line(failure.source)}"
        text = f"{about}\n{short_reason(failure.why)}"
        dialog = ConfirmDialog(title, text, _("Send again"))
        if not await self._operator.app.push_screen_wait(dialog):
            return
        now, who = self._operator.now(), self._operator.who.name
        count = await self._operator.write(lambda s: resend(s, [failure.id], now, who))
        result = _("The notice is queued again") if count else _("Somebody has sent it already")
        self._operator.app.notify(result, markup=False)
        self._operator.read_now()
