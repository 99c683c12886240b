"""Plain Dramatiq: one message a ticket, as its user guide has it; `delay=` for what comes later."""

from collections.abc import Iterable
from datetime import datetime

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from models.clock import system_clock
from models.settings import load_settings
from scripts.bench.peers import transactions

broker = RedisBroker(url=load_settings().broker_url, namespace="plain")  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)


@dramatiq.actor
def dispatch(body: transactions.Body) -> None:
    """Carry out one message."""
    transactions.dispatch(body)


@dramatiq.actor
def escalate(number: int, now: str) -> None:
    """Carry one ticket on."""
    transactions.escalate(number, now)


@dramatiq.actor
def record_run(due: str) -> None:
    """Record that the job has run."""
    transactions.record_run(due)


def _receive(bodies: Iterable[transactions.Body]) -> None:
    for body in bodies:
        dispatch.send(body)


def _clocks(clocks: Iterable[transactions.Body]) -> None:
    for clock in clocks:
        escalate.send(clock["id"], clock["now"])


def _later(times: Iterable[transactions.Body]) -> None:
    for job in times:
        left = datetime.fromisoformat(job["due"]) - system_clock()
        record_run.send_with_options(args=(job["due"],), delay=left)


if __name__ == "__main__":
    transactions.produce(_receive, _clocks, _later)
