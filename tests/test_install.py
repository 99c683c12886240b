"""An installation is complete, and works from a folder that holds packages of our names."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from models.version import VERSION

ROOT = Path(__file__).parent.parent
PACKAGES = {"models", "workers", "monitor", "scripts"}
LIBRARIES = Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built offline."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with foreign packages of our names, which end every program that imports them."""
    folder = tmp_path / "elsewhere"
    for package in (*PACKAGES, "tests"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(f"raise SystemExit('foreign {package}')\n")
    return folder


def installed(what: list[str | Path], folder: Path, libraries: Path = LIBRARIES) -> Path:
    """A new environment's `hotline`, with libraries of the one that runs the tests."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    # Read by path, so that our own editable install does not come along.
    (Path(done.stdout.strip()) / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    offline = ["install", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    done = subprocess.run([*pip, *offline, *what], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "hotline"


def run(command: Path, *arguments: str, cwd: Path) -> str:
    """Return the output of a command that is started in `cwd` without any settings."""
    environment = {"PATH": os.defpath, "HOME": str(cwd), "HOTLINE_LANG": "en"}
    done = subprocess.run(
        [command, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_the_command_finds_its_own_packages_and_their_data(
    way: str, wheel: Path, elsewhere: Path, tmp_path: Path
) -> None:
    """The help, the policy and the calendar are there, whatever lies in the current folder."""
    what: list[str | Path] = [wheel] if way == "wheel" else ["--editable", ROOT]
    hotline = installed(what, tmp_path / "environment")

    assert "feed" in run(hotline, "--help", cwd=elsewhere)
    assert run(hotline, "--version", cwd=elsewhere) == f"hotline {VERSION}\n"

    question = ["due", "--category", "complaint", "--from", "2026-09-29T16:00", "--json"]
    assert json.loads(run(hotline, *question, cwd=elsewhere))["due"].startswith("2026-10-14T17:30")


def test_the_benchmarks_say_that_they_need_a_clone(
    wheel: Path, elsewhere: Path, tmp_path: Path
) -> None:
    """An installed wheel has none: one line says where they are."""
    hotline = installed([wheel], tmp_path / "environment")

    done = subprocess.run(
        [hotline, "bench", "P1"],
        cwd=elsewhere,
        env={"PATH": os.defpath, "HOME": str(elsewhere), "HOTLINE_LANG": "en"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    assert "make bench" in line


def test_the_version_is_written_once(wheel: Path) -> None:
    """The wheel, the command and the image have that of models/version.py."""
    assert wheel.name.split("-")[1] == VERSION
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["x-hotline"]["image"]
    assert image == f"hotline:{VERSION}"


def test_the_wheel_holds_all_of_the_packages_and_nothing_else(wheel: Path) -> None:
    """Every file of the packages but those of the benchmarks; no test."""
    names = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    content = {name for name in names if not name.parts[0].endswith(".dist-info")}
    wanted = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.is_relative_to(ROOT / "scripts" / "bench")
    }
    assert content == wanted
    assert {".toml", ".jsonl", ".mo", ".mako"} <= {name.suffix for name in content}


IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module

for package in map(import_module, ("models", "workers", "monitor", "scripts")):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        # Learning and the benchmark have extras of their own; Alembic runs env.py itself.
        if not module.name.startswith(APART):
            import_module(module.name)
print(sorted(sys.modules.keys() & {"datasketch", "scipy", "sklearn"}))
"""
APART = ("scripts.training.fitting", "scripts.bench.", "models.migrations.env", "scripts.__main__")


def test_the_service_needs_no_extra(wheel: Path, elsewhere: Path, tmp_path: Path) -> None:
    """With what a plain install brings all of it imports; learning says what is missing."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for entry in _plain():
        (libraries / entry).symlink_to(LIBRARIES / entry)
    hotline = installed([wheel], tmp_path / "environment", libraries)
    environment = {"PATH": os.defpath, "HOME": str(elsewhere), "HOTLINE_LANG": "en"}

    python: list[str | Path] = [
        hotline.with_name("python"),
        "-P",
        "-c",
        f"APART = {APART}\n{IMPORT_ALL}",
    ]
    done = subprocess.run(
        python, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"

    table = elsewhere / "letters.csv"
    table.write_text("title,content,label\n路灯,路灯坏了,城管\n", encoding="utf-8")
    for command in ("train", "evaluate"):
        done = subprocess.run(
            [hotline, "routing", command, table, "--json"],
            cwd=elsewhere, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stdout
        assert "pip install 'hotline[train]'" in done.stderr


def _plain() -> set[str]:
    """Return the entries of the folder of libraries after an install without extras."""
    entries: set[str] = set()
    waiting = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    seen: set[tuple[str, ...]] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        key = (wanted.name.lower(), *sorted(wanted.extras))
        if key in seen or (library := _distribution(wanted.name)) is None:
            continue
        seen.add(key)
        entries |= {file.parts[0] for file in library.files or () if file.parts[0] != ".."}
        for extra in ("", *wanted.extras):
            waiting += [
                requirement
                for requirement in library.requires or ()
                if (marker := Requirement(requirement).marker) is None
                or marker.evaluate({"extra": extra})
            ]
    return {entry for entry in entries if (LIBRARIES / entry).exists()} - {"__pycache__"}


def _distribution(name: str) -> Distribution | None:
    """A library that is installed; one that another Python or processor needs is not."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
