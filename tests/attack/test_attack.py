"""A short run of `make attack`."""

from pathlib import Path

import pytest

from tests.attack.service import attack
from tests.servers.key_value import KeyValueServer


@pytest.mark.slow
def test_nothing_is_lost_forged_reached_or_made_public(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    result = attack(tmp_path, key_value_server, 10, seed=1)
    assert result.faults == []
    assert result.letters > 10
    assert all(result.attempts.values())
