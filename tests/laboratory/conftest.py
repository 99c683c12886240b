"""A home whose store holds two months, and the command on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.database import Store
from tests.report.two_months import home_of_two_months
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import opened_store


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store holds two months; nobody writes to it."""
    return home_of_two_months(tmp_path_factory.mktemp("two_months"))


@pytest.fixture
def store_of_home(home: Path) -> Iterator[Store]:
    """The store of that home, to be read."""
    with opened_store(f"sqlite:///{home / 'hotline.db'}") as store:
        yield store


@pytest.fixture
def hotline(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command on that home."""
    return InProcessHotline(home, monkeypatch, capsys)
