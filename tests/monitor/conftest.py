"""Every test of the monitor runs in Chinese, the language of its operators."""

from collections.abc import Iterator

import pytest

from models.i18n import activate


@pytest.fixture(autouse=True)
def _chinese() -> Iterator[None]:
    activate("zh")
    yield
    activate("en")
