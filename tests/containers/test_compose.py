"""docker-compose.yml, and the commands of the manual for it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from models.settings import SETTINGS
from scripts.cli import build
from tests.containers.dockerfile import Context, read_stages

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


MANUAL = ROOT / "docs" / "administrators" / "containers.md"
OURS = ("worker", "timekeeper", "monitor", "listen", "upgrade", "feed", "metrics", "backup")
WITHOUT_HEALTH = ("upgrade", "backup", "feed")
"""Two end when they have done their work; where the third is ill, it ends and is started again."""
_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


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
        assert name in WITHOUT_HEALTH or service["healthcheck"]["test"], name
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in ("PASSWORD", "KEY", "TOKEN")):
                assert variable.endswith("_FILE"), variable
                assert value.startswith("/run/secrets/"), variable
    assert compose["services"]["timekeeper"]["deploy"]["replicas"] == 2
    assert all(secret["file"].startswith("secrets/") for secret in compose["secrets"].values())


def test_each_process_of_ours_has_limits(compose: dict[str, Any]) -> None:
    """What is killed or crashes leaves no key behind, and one process does not take the host."""
    for name in OURS:
        service = compose["services"][name]
        assert service["ulimits"]["core"] == 0, name
        assert service["ulimits"]["nofile"] >= 4096, name
        assert service["mem_limit"].endswith(("m", "g")), name


def _parse(words: list[str]) -> None:
    """Parse a command as `hotline` does; raises UsageError for one that it would refuse."""
    command: Any = typer.main.get_command(build())
    context = command.make_context("hotline", [], resilient_parsing=True)
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(context, words)
        group = hasattr(command, "commands")
        context = command.make_context(
            name, [] if group else words, parent=context, resilient_parsing=group
        )


def _command(service: dict[str, Any]) -> list[str]:
    return [_DEFAULT.sub(r"\1", word) for word in service["command"]]


def test_each_service_runs_a_command_that_is_there(compose: dict[str, Any]) -> None:
    """By hotline's own parser, with its arguments; so do the health checks that call it."""
    for name in OURS:
        service = compose["services"][name]
        _parse(_command(service))
        check = service.get("healthcheck", {}).get("test", [])
        if check[1:2] == ["hotline"]:
            _parse(check[2:])
    with pytest.raises(Exception, match="nosuch"):
        _parse(["worker", "--nosuch"])


def test_each_name_in_the_file_is_defined(compose: dict[str, Any]) -> None:
    """Settings, secrets, volumes, networks, services that are waited for; and each is used."""
    used: dict[str, set[str]] = {"secrets": set(), "volumes": set(), "networks": set()}
    for name in OURS:
        service = compose["services"][name]
        assert set(service["environment"]) <= set(SETTINGS), name
        assert service["build"] == ".", name
    for name, service in compose["services"].items():
        used["secrets"].update(service.get("secrets", ()))
        used["networks"].update(service["networks"])
        places = [volume.rpartition(":")[0] for volume in service.get("volumes", ())]
        used["volumes"].update(place for place in places if re.fullmatch(r"\w+", place))
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name
        files = [v for k, v in service.get("environment", {}).items() if k.endswith("_FILE")]
        assert {Path(file).name for file in files} <= set(service["secrets"]), name
    assert used == {kind: set(compose[kind]) for kind in used}


def test_the_home_and_the_user_are_those_of_the_image(compose: dict[str, Any]) -> None:
    """The build's context is the clone, and what is kept lies in the image's home."""
    assert Context(ROOT).has(Path("pyproject.toml"))
    last = read_stages((ROOT / "Dockerfile").read_text("utf-8"))[-1]
    (home,) = last.rests("VOLUME")
    for name in OURS:
        assert f"home:{home}" in compose["services"][name]["volumes"]
    (user,) = last.rests("USER")
    manual = MANUAL.read_text("utf-8")
    assert f"chown {user} secrets/hotline_key" in manual
    assert f"install -d -o {user} -m 700 backup" in manual


def _manual_lines() -> list[list[str]]:
    """Return the words of each line of the manual that calls Docker."""
    blocks = re.findall(r"```sh\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("docker")]


def test_the_manual_s_commands_name_what_is_there(compose: dict[str, Any]) -> None:
    """Services and volumes of the file, and commands that hotline takes."""
    for words in _manual_lines():
        _check(words, compose)


def _check(words: list[str], compose: dict[str, Any]) -> None:
    """Check a line such as `docker compose exec -T SERVICE hotline COMMAND < FILE`."""
    services = compose["services"]
    words = words[: words.index("<")] if "<" in words else words
    if words[1] == "volume":
        assert set(words[3:]) <= {f"{compose['name']}_{name}" for name in compose["volumes"]}
        return
    action, rest = words[2], words[3:]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] == "--since" else rest[1:]
    if action not in ("run", "exec"):
        assert set(rest) <= set(services), words
        return
    service, rest = services[rest[0]], rest[1:]
    if action == "run":
        _parse(rest or _command(service))
    elif rest[0] == "hotline":
        _parse(rest[1:])


def test_the_manual_lists_the_variables_of_the_file() -> None:
    """Each that the file reads, and none that it does not; Compose itself reads one."""
    read = set(re.findall(r"\$\{(\w+):-", COMPOSE.read_text("utf-8"))) | {"COMPOSE_PROFILES"}
    rows = [line for line in MANUAL.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])} == read
