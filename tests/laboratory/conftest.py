"""A home whose store holds two months, and the command on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.database import Store
from tests.report.two_months import fill_two_months
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import KEY_LINE, opened_store, prepared_store


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose store holds two months; nobody writes to it."""
    folder = tmp_path_factory.mktemp("home")
    key = folder / "hotline.key"
    key.write_text(KEY_LINE)
    key.chmod(0o600)
    with prepared_store(f"sqlite:///{folder / 'hotline.db'}") as store:
        fill_two_months(store)
    yield folder


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
