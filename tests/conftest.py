"""Fixtures for all tests: servers (tests/servers) and stores (tests/stores.py)."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers.memory import memory_folder

pytest_plugins = ["tests.servers.fixtures", "tests.stores"]

# The time of one example depends on the machine, not on the rule.
settings.register_profile("hotline", deadline=None)
settings.load_profile("hotline")


def pytest_configure() -> None:
    """Keep the tests' files in memory where there is room: nothing has to survive them."""
    if (folder := memory_folder()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare the modules and tests the search for garbage, which takes a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that services of this run copy their anchors to, not that of whoever runs it."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder
