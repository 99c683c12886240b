"""Celery: one task a ticket on the same key-value server, acknowledged late as for idempotent work.

https://docs.celeryq.dev: late acknowledgement and a prefetch of its own; `eta` for later.
"""

from collections.abc import Iterable
from datetime import datetime

from celery import Celery

from models.settings import load_settings
from scripts.bench.peers import transactions

app = Celery("bench", broker=str(load_settings().broker_url).replace("unix://", "redis+socket://"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="dispatch")
def dispatch(body: transactions.Body) -> None:
    """Carry out one message."""
    transactions.dispatch(body)


@app.task(name="escalate")
def escalate(number: int, now: str) -> None:
    """Carry one ticket on."""
    transactions.escalate(number, now)


@app.task(name="record_run")
def record_run(due: str) -> None:
    """Record that the job has run."""
    transactions.record_run(due)


def _receive(bodies: Iterable[transactions.Body]) -> None:
    for body in bodies:
        dispatch.delay(body)


def _clocks(clocks: Iterable[transactions.Body]) -> None:
    for clock in clocks:
        escalate.delay(clock["id"], clock["now"])


def _later(times: Iterable[transactions.Body]) -> None:
    for job in times:
        record_run.apply_async((job["due"],), eta=datetime.fromisoformat(job["due"]))


if __name__ == "__main__":
    transactions.produce(_receive, _clocks, _later)
