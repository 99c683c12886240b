"""Units are renamed and merged by commands while a worker and a timekeeper run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.database import Store
from models.operations.units import merge_units, rename_unit
from models.rules.routing.units_file import Unit, UnitsFile
from tests.servers.key_value import KeyValueServer
from tests.store.factories import advance_tickets, at, feed, letter, log_of, message, row_of
from tests.workers.dispatching import YELLOW, ManualClock, notice_dispatcher, ring, yellow_cards
from tests.workers.processes import environment, process, wait_until
from tests.workers.receivers import mail_server

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


def _mail(port: int, rule_unit: str, *units: str) -> str:
    people = "".join(
        f'[people."{unit}".deputy_leader]\nmail = "{place}@example.cn"\n'
        for place, unit in enumerate(units)
    )
    return f"""
[channel.mail]
url = "mailto://127.0.0.1:{port}?from=desk@hotline.cn&to={{to}}&mode=insecure"

[[rule]]
kinds = ["yellow"]
units = ["{rule_unit}"]
channels = ["mail"]

{people}"""


@pytest.mark.store(units=UnitsFile((Unit(A), Unit(OTHER)), ("濠江",)))
@pytest.mark.parametrize(
    ("merged", "rule_unit", "units", "reached"),
    [
        (False, A, [A], "0@example.cn"),
        (False, B, [A, B], "1@example.cn"),
        (True, A, [A], "0@example.cn"),
        (True, B, [A, B, OTHER], "2@example.cn"),
    ],
)
def test_a_card_reaches_the_people_of_the_present_unit(
    store: Store, tmp_path: Path, merged: bool, rule_unit: str, units: list[str], reached: str
) -> None:
    """A card queued before a renaming or merger goes where the file has the unit by any name."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 1)
    clock.pass_by(timedelta(minutes=1))
    with (
        mail_server() as (server, port),
        notice_dispatcher(store, clock, tmp_path, _mail(port, rule_unit, *units)) as dispatcher,
    ):
        with store.writing() as session:
            rename_unit(session, A, B, clock())
            if merged:
                merge_units(session, B, OTHER, clock())
        advance_tickets(store, ["Y000"], clock())
        ring(store, clock, dispatcher)
        clock.pass_by(timedelta(minutes=2))
        ring(store, clock, dispatcher)
        wait_until(lambda: bool(server.mails), 30, "the card has gone out")
    assert server.recipients == [[reached]]
