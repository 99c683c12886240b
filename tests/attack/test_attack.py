"""Short runs of `make attack`."""

from pathlib import Path
from random import Random

import pytest
from sqlmodel import SQLModel

from tests.attack.copies import copies
from tests.attack.database import ACTS
from tests.attack.service import attack
from tests.attack.tampering import NOT_TOLD, by_dice, tamper
from tests.servers.key_value import KeyValueServer
from tests.servers.postgres import Databases


@pytest.mark.slow
def test_nothing_is_lost_forged_reached_or_made_public(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    result = attack(tmp_path, key_value_server, 10, seed=1)
    assert result.faults == []
    assert result.letters > 10
    assert all(result.attempts.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_whoever_writes_to_the_database_forges_nothing_unseen(
    tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    """Each act that has a name, and more by dice."""
    server: Databases | None = None
    if name == "postgresql":
        server = request.getfixturevalue("postgres_server")
    rng = Random(7)
    with copies(tmp_path, server) as copied:
        named = tamper(copied, rng, ACTS)
        diced = tamper(copied, rng, by_dice(rng, 5))
    assert named.faults + diced.faults == []
    assert named.changes > len(ACTS) / 2
    assert diced.changes > 0


def test_what_is_not_told_is_there() -> None:
    """Each entry is a table, a column, or an act on one of them."""
    tables = SQLModel.metadata.tables
    for what in NOT_TOLD:
        table, _dot, column = what.rpartition(" ")[2].partition(".")
        assert table in tables
        assert not column or column in tables[table].c
