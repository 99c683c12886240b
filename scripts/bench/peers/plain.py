"""Plain Dramatiq: one message a ticket, as its user guide has it; `delay=` for what comes later."""

from collections.abc import Iterable
from datetime import datetime

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from models.clock import system_clock
from models.settings import load_settings
from scripts.bench.peers import work

broker = RedisBroker(url=load_settings().broker_url, namespace="plain")  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)


@dramatiq.actor
def dispatch(body: work.Body) -> None:
    """Carry out one message."""
    work.dispatch(body)


@dramatiq.actor
def escalate(number: int, now: str) -> None:
    """Carry one ticket on."""
    work.escalate(number, now)


@dramatiq.actor
def come(due: str) -> None:
    """Note that it is done."""
    work.come(due)


def _receive(bodies: Iterable[work.Body]) -> None:
    for body in bodies:
        dispatch.send(body)


def _clocks(clocks: Iterable[work.Body]) -> None:
    for one in clocks:
        escalate.send(one["id"], one["now"])


def _later(times: Iterable[work.Body]) -> None:
    for one in times:
        left = datetime.fromisoformat(one["due"]) - system_clock()
        come.send_with_options(args=(one["due"],), delay=left)


if __name__ == "__main__":
    work.produce(_receive, _clocks, _later)
