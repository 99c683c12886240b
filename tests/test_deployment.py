"""docker-compose.yml, and what a container's process reads its secrets and its health from."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.settings import InvalidSetting, load_settings
from tests.servers.key_value import KeyValueServer
from tests.store.factories import prepared_store
from tests.workers.processes import environment, process, wait_until

COMPOSE = Path(__file__).parents[1] / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as YAML has it."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return content


def test_the_compose_file_follows_the_specification() -> None:
    """The schema of the Compose Specification accepts it."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, str(COMPOSE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_open_to_the_world(compose: dict[str, Any]) -> None:
    """Ports are published on this machine alone; the stores are on an internal network."""
    for name, service in compose["services"].items():
        assert "network_mode" not in service
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
    for name in ("database", "broker"):
        assert compose["services"][name]["networks"] == ["inside"]
        assert "ports" not in compose["services"][name]
    assert compose["networks"]["inside"]["internal"] is True


def test_each_service_is_watched_started_again_and_knows_no_secret(compose: dict[str, Any]) -> None:
    """A health check and a restart policy each, two timekeepers, and secrets as files only."""
    for name, service in compose["services"].items():
        assert service["restart"].startswith(("unless-stopped", "on-failure")), name
        assert name == "upgrade" or service["healthcheck"]["test"], name
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in ("PASSWORD", "KEY", "TOKEN")):
                assert variable.endswith("_FILE"), variable
                assert value.startswith("/run/secrets/"), variable
    assert compose["services"]["timekeeper"]["deploy"]["replicas"] == 2
    assert all(secret["file"].startswith("secrets/") for secret in compose["secrets"].values())


def test_each_process_of_ours_has_limits(compose: dict[str, Any]) -> None:
    """What is killed or crashes leaves no key behind, and one process does not take the host."""
    for name in ("worker", "timekeeper", "monitor", "listen", "upgrade"):
        service = compose["services"][name]
        assert service["ulimits"]["core"] == 0, name
        assert service["ulimits"]["nofile"] >= 4096, name
        assert service["mem_limit"].endswith(("m", "g")), name


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
