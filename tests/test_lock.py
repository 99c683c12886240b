"""requirements.lock has what pyproject.toml asks for, on every supported Python and processor."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11.0", "3.11.2", "3.12.0", "3.13.0", "3.14.0")
"""Debian 12 has 3.11.2; some libraries require more on releases before 3.11.3."""
PROCESSORS = ("x86_64", "aarch64")
ENTRY = re.compile(
    r"^(\S+==[^\s;]+)(?: ; ([^\\\n]*[^\\\s]))?((?: \\\n +--hash=sha256:[0-9a-f]{64})*)", re.M
)


def _locked() -> list[tuple[str, str, int]]:
    """Each release in the lock with its marker and the number of its hashes."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    return [(m[1], m[2] or "", m[3].count("--hash")) for m in ENTRY.finditer(text)]


def test_every_release_has_hashes() -> None:
    """`make install` refuses a release without any."""
    locked = _locked()
    assert len(locked) > 100
    assert [release for release, _marker, hashes in locked if not hashes] == []


def test_constraints_are_the_lock_without_hashes() -> None:
    """`make lock` writes both files; one that is edited by hand would differ."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    expected = [f"{release} ; {marker}" if marker else release for release, marker, _ in _locked()]
    assert lines[1:] == expected


@pytest.mark.parametrize(("python", "processor"), list(product(PYTHONS, PROCESSORS)))
def test_the_lock_is_complete(python: str, processor: str) -> None:
    """Every requirement of every locked release is locked too; with hashes pip adds nothing."""
    environment = {
        **{name: str(value) for name, value in default_environment().items()},
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "platform_machine": processor,
    }
    versions = {}
    for release, marker, _hashes in _locked():
        if not marker or Marker(marker).evaluate(environment):
            name, _, version = release.partition("==")
            versions[canonicalize_name(name)] = version

    waiting = [Requirement("hotline[dev]")]
    seen = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, *sorted(wanted.extras)) in seen:
            continue
        seen.add((name, *sorted(wanted.extras)))
        if name != "hotline":
            assert name in versions, f"{wanted} is not locked"
            assert versions[name] in wanted.specifier, f"{wanted}, but {versions[name]} is locked"
        allowed, requires = _metadata(name, wanted.extras)
        assert python in SpecifierSet(allowed), f"{name} needs Python {allowed}"
        for extra in ("", *wanted.extras):
            waiting += _holding(requires, environment | {"extra": extra})
    assert set(versions) - {name for name, *_extras in seen} == set()


def _metadata(name: str, extras: set[str]) -> tuple[str, Sequence[str]]:
    """The Python that a project allows, and what it requires."""
    if name == "hotline":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        optional = [r for extra in extras for r in project["optional-dependencies"][extra]]
        return project["requires-python"], project["dependencies"] + optional
    try:
        package = metadata(name)
    except PackageNotFoundError:
        # Required on another Python or processor than those of this machine.
        return "", []
    return (package.get_all("Requires-Python") or [""])[0], package.get_all("Requires-Dist") or []


def _holding(requires: Sequence[str], environment: dict[str, str]) -> Iterator[Requirement]:
    for requirement in map(Requirement, requires):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield requirement
