"""Mend what failed: a refused message is edited and sent again, a failed notice sent again."""

from models.i18n import _
from models.operations.access import message_to_mend
from models.operations.notices.record import resend
from models.queries.failures import MESSAGE, Failure
from models.rules.vocabulary import MessageType, Permission, label
from monitor import message_edit
from monitor.formatting import one_line
from monitor.operator.operator import Operator
from monitor.operator.sending import MessageSender
from monitor.screens.dialogs import ConfirmDialog, MessageEditDialog


class FailureMender:
    """Has refused messages and failed notices sent again."""

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
        now, who = self._operator.now(), self._operator.who
        refused = await self._operator.write(lambda s: message_to_mend(s, who, failure.id, now))
        if refused is None:
            self._operator.app.notify(_("Somebody has mended it already"), markup=False)
            return
        name = label(MessageType, refused.type)
        dialog = MessageEditDialog(
            _("Mend the message: {type}").format(type=name),
            refused.why,
            message_edit.redacted_text(refused.body),
            lambda text: message_edit.apply_edit(text, refused.body),
        )
        body = await self._operator.app.push_screen_wait(dialog)
        if body is not None:
            again = {**body, "id": refused.message_id, "mended_by": self._operator.who.name}
            await self._sender.send(refused.source, again, name)

    async def _resend_notice(self, failure: Failure) -> None:
        title = _("Send the notice again?")
        text = f"{one_line(failure.ticket)}  {one_line(failure.source)}\n{one_line(failure.why)}"
        dialog = ConfirmDialog(title, text, _("Send again"))
        if not await self._operator.app.push_screen_wait(dialog):
            return
        now, who = self._operator.now(), self._operator.who.name
        count = await self._operator.write(lambda s: resend(s, [failure.id], now, who))
        result = _("The notice is queued again") if count else _("Somebody has sent it already")
        self._operator.app.notify(result, markup=False)
        self._operator.read_now()
