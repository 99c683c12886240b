"""The image's build: its files are in the context, and its commands make a `hotline` of them."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from models.settings import SETTINGS
from models.version import VERSION
from tests.containers.dockerfile import BuildStage, Context, copied, read_stages

ROOT = Path(__file__).parents[2]
LIBRARIES = Path(sysconfig.get_path("purelib"))
PACKAGES = ("models", "workers", "monitor", "scripts")

PYTHON = """\
#!/bin/sh
# Makes environments that find the libraries of the tests, since no index can be reached.
"{python}" "$@" || exit
if [ "$2" = venv ]; then
    for folder; do :; done
    printf '%s\\n' "{libraries}" > "$(echo "$folder"/lib/python*/site-packages)/libraries.pth"
    for tool in pip hatchling; do
        program="$folder/bin/$tool"
        printf '#!/bin/sh\\nexec "%s" -m %s "$@"\\n' "$folder/bin/python" $tool > "$program"
        chmod +x "$program"
    done
fi
"""


class Build:
    """A tree in which the commands of the image's first stage run, with its absolute paths."""

    def __init__(self, root: Path) -> None:
        self.root = root
        libraries = root / "libraries"
        libraries.mkdir()
        for entry in LIBRARIES.iterdir():
            # the clone itself is installed there too
            if not re.match(r"_*hotline|__editable__", entry.name):
                (libraries / entry.name).symlink_to(entry)
        (program := root / "bin" / "python").parent.mkdir()
        program.write_text(PYTHON.format(python=sys.executable, libraries=libraries))
        program.chmod(0o755)

    def path(self, name: str) -> Path:
        """Return where a path of the image lies here."""
        return self.root / name.strip("/")

    def run(self, command: str, folder: Path) -> str:
        """Run a command of the Dockerfile; what it prints is returned."""
        moved = re.sub(r"(?<![\w./])/(opt|dist)\b", rf"{self.root}/\1", command)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOTLINE_", "PIP_"))}
        tools = {
            "PATH": f"{self.root / 'bin'}:{os.defpath}",
            "PIP_NO_INDEX": "1",
            "PIP_NO_COMPILE": "1",
        }
        done = subprocess.run(
            ["sh", "-ec", moved.replace("-m venv", "-m venv --without-pip")],
            cwd=folder, env=kept | tools, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def stages() -> list[BuildStage]:
    """The stages of the Dockerfile: the build, and what is run."""
    return read_stages((ROOT / "Dockerfile").read_text("utf-8"))


@pytest.fixture(scope="module")
def build(stages: list[BuildStage], tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The first stage, from exactly the files that Docker would have."""
    made = Build(tmp_path_factory.mktemp("image"))
    context = Context(ROOT)
    folder = made.root
    for word, rest in stages[0].instructions:
        match word:
            case "WORKDIR":
                folder = made.path(rest)
                folder.mkdir(parents=True)
            case "COPY":
                _copy(context, rest.split(), folder)
            case "RUN":
                made.run(rest, folder)
    return made


def _copy(context: Context, names: list[str], folder: Path) -> None:
    *sources, target = names
    for source in sources:
        is_file = (context.root / source).is_file()
        for file in context.files(source):
            inside = Path(file.name) if is_file else file.relative_to(source)
            place = folder / target / inside
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(context.root / file, place)


def test_everything_that_is_copied_is_in_the_context(stages: list[BuildStage]) -> None:
    """And nothing that holds secrets or belongs to one clone alone."""
    context = Context(ROOT)
    sources = [source for each in stages for names, _to in copied(each) for source in names]
    assert set(PACKAGES) < set(sources)
    files = [file for source in sources for file in context.files(source)]
    assert [source for source in sources if not context.files(source)] == []
    for secret in (".git", ".venv", ".env", "secrets", "docs", "tests", "dist", "hotline.db"):
        assert not context.has(Path(secret, "anything"))
        assert not context.has(Path(secret))
    assert [file for file in files if "__pycache__" in file.parts] == []


def test_what_is_ignored_is_read_as_docker_reads_it(tmp_path: Path) -> None:
    """The last line that means a file or one of its folders counts; * does not pass a slash."""
    for name in ("kept/a.py", "kept/deep/__pycache__/a.pyc", "kept/b.txt", "other/a.py", "x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("# all\n*\n!kept\n**/__pycache__\nkept/*.txt\n!x.*\n")
    assert list(map(str, Context(tmp_path).files("."))) == ["kept/a.py", "x.py"]


def test_the_build_makes_a_command_that_runs(build: Build, tmp_path: Path) -> None:
    """With the data that it needs."""
    hotline = build.path("/opt/hotline/bin/hotline")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "HOTLINE_LANG": "en"}
    question = ["due", "--category", "complaint", "--from", "2026-09-29T16:00"]
    done = subprocess.run(
        [hotline, *question], env=environment, cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "2026-10-14" in done.stdout


def test_the_wheel_has_every_file_of_the_packages_in_the_context(build: Build) -> None:
    """And the entry point; the benchmarks stay out."""
    (wheel,) = build.path("/dist").glob(f"hotline-{VERSION}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entries,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "hotline = scripts.cli:main" in archive.read(entries).decode()
    context = Context(ROOT)
    files = {str(file) for package in PACKAGES for file in context.files(package)}
    assert {name for name in files if not name.startswith("scripts/bench/")} <= names
    suffixes = {Path(name).suffix for name in names}
    assert {".toml", ".jsonl", ".mo", ".mako"} <= suffixes


def test_the_image_runs_what_was_built(stages: list[BuildStage], build: Build) -> None:
    """As a user of its own, in a home of that user, by settings that there are."""
    last = stages[-1]
    copies = [rest for rest in last.rests("COPY") if rest.startswith("--from=build ")]
    assert copies == ["--from=build /opt/hotline /opt/hotline"]
    assert last.rests("ENTRYPOINT") == ['["hotline"]']
    assert build.path("/opt/hotline/bin/hotline").exists()
    (environment,) = last.rests("ENV")
    variables = dict(part.split("=", 1) for part in environment.split())
    assert variables["PATH"].startswith("/opt/hotline/bin:")
    assert {name for name in variables if name.startswith("HOTLINE_")} <= set(SETTINGS)
    (user,) = last.rests("USER")
    (made,) = (command for command in last.rests("RUN") if "useradd" in command)
    assert f"--uid {user} " in made
    assert f"--home-dir {variables['HOTLINE_HOME']} " in made
    assert last.rests("VOLUME") == last.rests("WORKDIR") == [variables["HOTLINE_HOME"]]
