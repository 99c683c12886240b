"""Workers and timekeepers that run on through an upgrade end with a clear word."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from models.database import Store
from models.tables.core import PROCESS
from tests.workers.processes import environment, process, wait_until

WITHIN = 30


@pytest.mark.store(databases=["sqlite"])
def test_processes_of_the_earlier_release_end(
    store: Store, store_url: str, broker_url: str, tmp_path: Path
) -> None:
    """They notice with what they write next, and end so that they can be started anew."""
    env = environment(tmp_path / "home", store_url, broker_url, LANG="en")
    logs = {role: tmp_path / f"{role}.log" for role in ("worker", "timekeeper")}

    def report() -> bool:
        with store.reading() as session:
            return session.scalar(select(func.count()).select_from(PROCESS)) == len(logs)

    with (
        process("worker", env=env, log=logs["worker"]) as worker,
        process("timekeeper", env=env, log=logs["timekeeper"]) as timekeeper,
    ):
        wait_until(report, WITHIN, "both are at work")
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
        assert (worker.wait(WITHIN), timekeeper.wait(WITHIN)) == (1, 1)
    for log in logs.values():
        words = log.read_text("utf-8")
        assert "the store is newer than this program (schema 0999" in words
        assert "Traceback" not in words
