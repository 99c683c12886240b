"""Consumers that hold as many bells as a worker can answer, of clocks one more."""

from collections.abc import Iterable
from threading import Semaphore

from dramatiq.broker import Consumer, MessageProxy

_CLOCKS_IN_A_ROW = 10
"""Bells of clocks after which another queue has its turn: by them alone a rush lasts seconds."""


class BellConsumer(Consumer):
    """Takes bells from a queue; while `most` are not answered, it waits for an answer to one.

    Dramatiq's own sleeps meanwhile, ever longer. `seconds` is how long it waits at most.
    """

    def __init__(self, bells: Consumer, most: int, seconds: float) -> None:
        self._bells, self._seconds = bells, seconds
        self._free = Semaphore(most)
        self._held: dict[int, MessageProxy] = {}

    def __next__(self) -> MessageProxy | None:
        if not self._free.acquire(timeout=self._seconds):
            return None
        bell = None
        try:
            bell = next(self._bells)
        finally:
            if bell is None:
                self._free.release()
            else:
                self._held[id(bell)] = bell
        return bell

    def ack(self, message: MessageProxy) -> None:
        """Take note that a bell was answered."""
        try:
            self._bells.ack(message)
        finally:
            self._let_go(message)

    def nack(self, message: MessageProxy) -> None:
        """Take note that a bell could not be answered."""
        try:
            self._bells.nack(message)
        finally:
            self._let_go(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put bells back for other workers."""
        self._bells.requeue(messages)

    def close(self) -> None:
        """Take no more bells."""
        self._bells.close()

    def _let_go(self, message: MessageProxy) -> None:
        # once, though the broker is told again after an outage, and none that another had taken
        if self._held.pop(id(message), None) is not None:
            self._free.release()


class ClockConsumer(BellConsumer):
    """Takes bells of clocks, one more than can be answered: it is there when a thread is free.

    Otherwise a batch of letters would come between any two of them. After some in a row it holds no
    more than can be answered, so that a thread finds none, and answers what else waits.
    """

    def __init__(self, bells: Consumer, most: int, seconds: float) -> None:
        super().__init__(bells, most + 1, seconds)
        self._in_a_row = 0

    def __next__(self) -> MessageProxy | None:
        lets_others = self._in_a_row >= _CLOCKS_IN_A_ROW
        if lets_others and not self._free.acquire(timeout=self._seconds):
            return None
        try:
            bell = super().__next__()
        finally:
            if lets_others:
                self._free.release()
        if bell is not None:
            self._in_a_row = 0 if lets_others else self._in_a_row + 1
        return bell
