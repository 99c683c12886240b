"""DBOS: one workflow with one transaction a ticket, on a queue; a durable sleep for later."""

import sys
import threading
from collections.abc import Iterable
from datetime import datetime

from dbos import DBOS, DBOSClient, SQLAlchemyDatasource, run_dbos_database_migrations

from models.clock import system_clock
from models.settings import load_settings
from scripts.bench.peers import transactions

_URL = load_settings().store_url
_QUEUE = "bench"

source = SQLAlchemyDatasource.create(_URL)


@source.transaction(isolation_level="READ COMMITTED")
def _dispatched(body: transactions.Body) -> None:
    transactions.dispatch_in(source.sql_session(), body)


@source.transaction(isolation_level="READ COMMITTED")
def _escalated(number: int, now: str) -> None:
    transactions.escalate_in(source.sql_session(), number, datetime.fromisoformat(now))


@DBOS.workflow(name="dispatch")
def dispatch(body: transactions.Body) -> None:
    """Carry out one message."""
    _dispatched(body)


@DBOS.workflow(name="escalate")
def escalate(number: int, now: str) -> None:
    """Carry one ticket on."""
    _escalated(number, now)


@DBOS.workflow(name="record_run")
def record_run(due: str) -> None:
    """Sleep until then, and record that the job has run."""
    DBOS.sleep((datetime.fromisoformat(due) - system_clock()).total_seconds())
    transactions.record_run(due)


def serve(name: str) -> None:
    """Work for the queue until the process is ended."""
    DBOS(config={
        "name": "bench", "system_database_url": _URL, "executor_id": name,
        "application_version": "1", "log_level": "WARNING",
    })  # fmt: skip
    DBOS.launch()
    DBOS.register_queue(_QUEUE, polling_interval_sec=0.1)
    threading.Event().wait()


def produce() -> None:
    """Enqueue what is read."""
    run_dbos_database_migrations(_URL)
    client = DBOSClient(system_database_url=_URL)

    def enqueue(workflow: str, *arguments: object) -> None:
        options = {"workflow_name": workflow, "queue_name": _QUEUE, "application_name": "bench"}
        client.enqueue(options, *arguments)

    def receive(bodies: Iterable[transactions.Body]) -> None:
        for body in bodies:
            enqueue("dispatch", body)

    def clocks(rows: Iterable[transactions.Body]) -> None:
        for clock in rows:
            enqueue("escalate", clock["id"], clock["now"])

    def later(times: Iterable[transactions.Body]) -> None:
        for job in times:
            enqueue("record_run", job["due"])

    transactions.produce(receive, clocks, later)


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else produce()
