"""Units are renamed and merged by commands while a worker and a timekeeper run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.database import Store
from models.rules.routing.units_file import Unit, UnitsFile
from tests.servers.key_value import KeyValueServer
from tests.store.factories import feed, letter, log_of, message, row_of
from tests.workers.processes import environment, process, wait_until

A, B, OTHER = "城管局", "市容局", "住建局"


@pytest.mark.store(units=UnitsFile((Unit(A), Unit(OTHER)), ("濠江",)))
def test_a_running_service_passes_tickets_on(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """The renamed unit goes on under both names, and its successor after the merger."""

    def send(kind: str, unit: str) -> None:
        now = datetime.now(UTC)
        sent = message("N1", kind, now.isoformat(), unit=unit, text="在办")
        assert feed(store, [sent], now).refused == []

    def change(*words: str) -> None:
        with process("units", *words, env=env, log=log) as command:
            assert command.wait(60) == 0, log.read_text()

    def count(name: str) -> int:
        return sum(event.name == name for event in log_of(store, "N1"))

    with key_value_server as server:
        env = environment(tmp_path / "home", store.url, server.url)
        log = tmp_path / "log"
        with process("worker", env=env, log=log), process("timekeeper", env=env, log=log):
            now = datetime.now(UTC)
            feed(store, [letter("N1", now.isoformat())], now)
            send("unit.accepted", A)
            wait_until(lambda: count("ticket.accepted") == 1, 40, "accepted")
            change("rename", A, B)
            wait_until(lambda: row_of(store, "N1").unit == B, 20, "renamed")
            send("progress.reported", A)
            wait_until(lambda: count("progress.reported") == 1, 20, "reported by the old name")
            change("merge", B, "--into", OTHER)
            wait_until(lambda: row_of(store, "N1").unit == OTHER, 20, "merged")
            for unit in (A, B, OTHER):
                send("progress.reported", unit)
            wait_until(lambda: count("progress.reported") == 4, 20, "reported by every name")
    assert count("message.refused") == 0
    assert count("unit.succeeded") == 2
