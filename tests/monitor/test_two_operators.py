"""Two operators work at one store by keys for a moment; see `two_operators` for minutes."""

from pathlib import Path

import pytest

from models.clock import DemoClock, system_clock
from models.database import Store
from tests.monitor.scene import NOW, fill_scene
from tests.monitor.two_operators import find_faults, work
from tests.workers.processes import environment, process

_ACTS = 2


@pytest.mark.slow
@pytest.mark.store(databases=["postgresql"], fill=fill_scene)
async def test_no_act_of_two_operators_is_wrong_or_lost(
    store: Store, broker_url: str, tmp_path: Path
) -> None:
    """Each is in the log once, on the ticket under the cursor, by whoever pressed the key."""
    now = DemoClock(system_clock(), NOW, 1.0)
    env, log = environment(tmp_path / "home", store.url, broker_url), tmp_path / "log"
    clock = ("--clock", str(now))
    with (
        process("worker", *clock, env=env, log=log),
        process("timekeeper", *clock, env=env, log=log),
    ):
        operators = await work(store, now, lambda operator: len(operator.actions) >= _ACTS, seed=17)
    assert find_faults(store, operators) == []
