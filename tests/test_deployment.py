"""What a container's process reads its secrets and its health from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.setting_values import InvalidSetting
from models.settings import load_settings
from tests.servers.key_value import KeyValueServer
from tests.store.factories import prepared_store
from tests.workers.processes import environment, process, wait_until


def test_a_password_may_lie_in_a_file(tmp_path: Path) -> None:
    """It goes into the URL, quoted; a missing file is named, a second password refused."""
    secret = tmp_path / "password"
    secret.write_text("a/b@c\n")
    variables = {
        "HOTLINE_DATABASE_URL": "postgresql+psycopg://hotline@database/hotline",
        "HOTLINE_DATABASE_PASSWORD_FILE": str(secret),
        "HOTLINE_BROKER_URL": "redis://broker:6379/0",
        "HOTLINE_BROKER_PASSWORD_FILE": str(secret),
    }
    settings = load_settings(variables)
    url = "postgresql+psycopg://hotline:a%2Fb%40c@database/hotline"
    assert settings.database_url == url
    assert settings.broker_url == "redis://:a%2Fb%40c@broker:6379/0"
    with pytest.raises(InvalidSetting, match="HOTLINE_DATABASE_PASSWORD_FILE"):
        load_settings(variables | {"HOTLINE_DATABASE_PASSWORD_FILE": str(tmp_path / "gone")})
    with pytest.raises(InvalidSetting, match="HOTLINE_DATABASE_URL"):
        load_settings(variables | {"HOTLINE_DATABASE_URL": url})


def test_a_health_check_tells_who_works(tmp_path: Path, key_value_server: KeyValueServer) -> None:
    """`hotline alive worker` is 0 while one works on this machine, and says so where none does."""
    url = f"sqlite:///{tmp_path / 'alive.db'}"
    with prepared_store(url), key_value_server as server:
        env = environment(tmp_path / "home", url, server.url)
        with process("worker", env=env, log=tmp_path / "log"):
            wait_until(lambda: _alive("worker", env).returncode == 0, 30, "the worker reports")
            none = _alive("timekeeper", env)
    assert none.returncode == 1
    assert none.stderr.startswith("hotline: ")


def _alive(role: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "scripts", "alive", role]
    return subprocess.run(
        command, env=os.environ | env, capture_output=True, text=True, check=False
    )
