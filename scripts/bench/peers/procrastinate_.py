"""procrastinate: one job a ticket in PostgreSQL, deferred in batches; `schedule_at` for later."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from sqlalchemy import make_url

from models.settings import load_settings
from scripts.bench.peers import transactions

_URL = make_url(load_settings().store_url).set(drivername="postgresql")
_CONNINFO = _URL.render_as_string(hide_password=False)
_AT_ONCE = 1_000

app = App(connector=PsycopgConnector(conninfo=_CONNINFO))


@app.task(queue="bench", name="dispatch")
def dispatch(body: transactions.Body) -> None:
    """Carry out one message."""
    transactions.dispatch(body)


@app.task(queue="bench", name="escalate")
def escalate(number: int, now: str) -> None:
    """Carry one ticket on."""
    transactions.escalate(number, now)


@app.task(queue="bench", name="record_run")
def record_run(due: str) -> None:
    """Record that the job has run."""
    transactions.record_run(due)


def _batches(rows: Iterable[transactions.Body]) -> Iterator[list[transactions.Body]]:
    left = iter(rows)
    while batch := list(islice(left, _AT_ONCE)):
        yield batch


def _receive(bodies: Iterable[transactions.Body]) -> None:
    for batch in _batches(bodies):
        dispatch.batch_defer(*({"body": body} for body in batch))


def _clocks(clocks: Iterable[transactions.Body]) -> None:
    for batch in _batches(clocks):
        escalate.batch_defer(*({"number": clock["id"], "now": clock["now"]} for clock in batch))


def _later(times: Iterable[transactions.Body]) -> None:
    for job in times:
        due = datetime.fromisoformat(job["due"])
        record_run.configure(schedule_at=due).defer(due=job["due"])


def main() -> None:
    """Create the tables if they are missing, and enqueue."""
    connector = SyncPsycopgConnector(conninfo=_CONNINFO)
    with app.replace_connector(connector) as synchronous, synchronous.open():
        if not synchronous.check_connection():
            synchronous.schema_manager.apply_schema()
        transactions.produce(_receive, _clocks, _later)


if __name__ == "__main__":
    main()
