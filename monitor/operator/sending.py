"""Send an operator's messages, and report what the workers decided about them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.errors import HotlineError
from models.i18n import _, render
from models.operations.inbox import AddedMessages, add_messages
from models.queries.message_answers import MessageAnswer, MessageKey
from models.store_errors import StoreError, is_transient, outage_reason
from monitor.background import OUTAGES
from monitor.formatting import one_line
from monitor.operator.batch import Batch, SelectAgain
from monitor.operator.operator import Operator

_AT_ONCE = 100
"""Messages of a batch that one transaction adds: other processes write in between."""

_TRY_AGAIN = 2.0
"""Real seconds until a part of a batch is sent again that the store did not take."""


class MessageNotSent(HotlineError):
    """A message did not get into the inbox; the text says why."""


class _Waiting(NamedTuple):
    """A message without its answer: what it does, the ticket, and the batch that it belongs to."""

    name: str
    ticket: str
    batch: Batch | None = None


class MessageSender:
    """Puts messages into the inbox, and tells their answers.

    `waiting` are the messages that no worker has decided about yet, `last_batch` is the last action
    with many tickets.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.waiting: dict[MessageKey, _Waiting] = {}
        self.last_batch: Batch | None = None

    async def send(self, source: str, body: Mapping[str, object], name: str) -> None:
        """Put a message into the inbox, and tell its answer when it is there."""
        result = await self._add(source, [body])
        if result.refused:
            why = result.refused[0][1]
            raise MessageNotSent(
                _("{what} was not taken: {why}").format(what=name, why=render(why))
            )
        if not result.enqueued:
            raise MessageNotSent(_("Nothing was changed, so nothing was sent"))
        self.waiting[source, str(body["id"])] = _Waiting(name, str(body["ticket"]))
        self._operator.app.notify(
            _("Sent, waiting for the answer: {what}").format(what=name), markup=False
        )
        self._operator.read_now()

    async def send_batch(
        self,
        source: str,
        bodies: Sequence[Mapping[str, object]],
        name: str,
        select_again: SelectAgain | None = None,
    ) -> None:
        """Put the messages of an action with many tickets into the inbox, a part at a time.

        A part that the store does not take during an outage is sent again until it does: each
        message has an id of its own and is taken once. `select_again` is the batch's.
        """
        batch = self.last_batch = Batch(name, len(bodies), select_again=select_again)
        for start in range(0, len(bodies), _AT_ONCE):
            part = bodies[start : start + _AT_ONCE]
            try:
                result = await self._add_patiently(source, part)
            except OUTAGES as error:
                rest = [str(body["ticket"]) for body in bodies[start:]]
                batch.refused |= dict.fromkeys(rest, outage_reason(error))
                self._tell_if_decided(batch)
                raise
            refused = dict(result.refused)
            for index, body in enumerate(part):
                ticket = str(body["ticket"])
                if (why := refused.get(index)) is not None:
                    batch.refused[ticket] = render(why)
                else:
                    self.waiting[source, str(body["id"])] = _Waiting(name, ticket, batch)
            self._operator.read_now()
        self._tell_if_decided(batch)

    async def _add_patiently(
        self, source: str, bodies: Sequence[Mapping[str, object]]
    ) -> AddedMessages:
        while True:
            try:
                return await self._add(source, bodies)
            except (StoreError, OSError) as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(_TRY_AGAIN)

    async def _add(self, source: str, bodies: Sequence[Mapping[str, object]]) -> AddedMessages:
        now, who = self._operator.now(), self._operator.who
        return await self._operator.write(
            lambda session: add_messages(session, source, bodies, now, sender=who)
        )

    def report_answers(self, answers: Mapping[MessageKey, MessageAnswer]) -> None:
        """Tell the operator what the workers have decided; of a batch when all of it is."""
        batches: dict[int, Batch] = {}
        for key, answer in answers.items():
            if (sent := self.waiting.pop(key, None)) is None:
                continue
            if sent.batch is None:
                self._tell(sent, answer)
                continue
            batches[id(sent.batch)] = sent.batch
            if answer.refused:
                sent.batch.refused[sent.ticket] = answer.why
            else:
                sent.batch.accepted.append(sent.ticket)
        for batch in batches.values():
            self._tell_if_decided(batch)

    def _tell(self, sent: _Waiting, answer: MessageAnswer) -> None:
        what = f"{sent.name} {one_line(sent.ticket)}"
        if answer.refused:
            text = _("Refused: {what}: {why}").format(what=what, why=answer.why)
            self._operator.app.notify(text, severity="error", timeout=20, markup=False)
        else:
            self._operator.app.notify(_("Accepted: {what}").format(what=what), markup=False)

    def _tell_if_decided(self, batch: Batch) -> None:
        if not batch.is_decided:
            return
        text = batch.summary()
        if batch.refused:
            text += "\n" + _("Ctrl+R lists the refused ones and why")
            if batch.select_again is not None and batch.select_again(batch.refused):
                text += "\n" + _("The refused ones stay selected where the list still has them")
            self._operator.app.notify(text, severity="warning", timeout=20, markup=False)
        else:
            self._operator.app.notify(text, markup=False)
