"""A short run of two districts on two hosts, with TLS and a failover under load."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
@pytest.mark.usefixtures("starts_servers")
def test_two_districts_share_servers_and_lose_nothing() -> None:
    """Each has what its own feed makes, once, though PostgreSQL failed over meanwhile."""
    command = [sys.executable, "-m", "tests.chaos.districts", "--seconds", "2", "--copies", "1"]
    done = subprocess.run(
        [*command, "--share", "10", "--seed", "1"], cwd=Path(__file__).parents[2],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert done.stdout.count("lost 0, twice 0, different 0") == 2, done.stdout
