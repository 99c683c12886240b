"""Send an operator's messages, and report what the workers decided about them."""

from collections.abc import Mapping

from models.errors import HotlineError
from models.i18n import _, render
from models.operations.inbox import add_messages
from models.queries.message_answers import MessageAnswer, MessageKey
from monitor.formatting import one_line
from monitor.operator.operator import Operator


class MessageNotSent(HotlineError):
    """A message did not get into the inbox; the text says why."""


class MessageSender:
    """Puts messages into the inbox, and tells their answers.

    `waiting` are the messages that no worker has decided about yet, with their names.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.waiting: dict[MessageKey, str] = {}

    async def send(self, source: str, body: Mapping[str, object], name: str) -> None:
        """Put a message into the inbox, and tell its answer when it is there."""
        now, who = self._operator.now(), self._operator.who
        result = await self._operator.write(
            lambda session: add_messages(session, source, [body], now, sender=who)
        )
        if result.refused:
            why = result.refused[0][1]
            raise MessageNotSent(
                _("{what} was not taken: {why}").format(what=name, why=render(why))
            )
        if not result.enqueued:
            raise MessageNotSent(_("Nothing was changed, so nothing was sent"))
        self.waiting[(source, str(body["id"]))] = f"{name} {one_line(str(body['ticket']))}"
        self._operator.app.notify(
            _("Sent, waiting for the answer: {what}").format(what=name), markup=False
        )
        self._operator.read_now()

    def report_answers(self, answers: Mapping[MessageKey, MessageAnswer]) -> None:
        """Tell the operator what the workers have decided."""
        for key, answer in answers.items():
            if (name := self.waiting.pop(key, None)) is None:
                continue
            if answer.refused:
                text = _("Refused: {what}: {why}").format(what=name, why=answer.why)
                self._operator.app.notify(text, severity="error", timeout=20, markup=False)
            else:
                self._operator.app.notify(_("Accepted: {what}").format(what=name), markup=False)
