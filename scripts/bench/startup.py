"""P10: how long it takes until something is there."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from models.clock import system_clock
from models.operations.inbox import add_messages
from models.rulebook import load_rulebook
from models.settings import Settings, environment_for_child
from scripts.bench import workload
from scripts.bench.context import Bench
from scripts.bench.figures import Figure, Goal, Row, timed
from scripts.bench.testbed import BenchFailed, Site

_ONE_COMMAND = """\
import typer
app = typer.Typer()
@app.command(help="Say hello.")
def hello(name: str = "you") -> None:
    print("hello", name)
app()
"""


def starting(bench: Bench) -> Row:
    """P10: the command's help, the queue, and the service from nothing, on SQLite."""
    home = bench.folder / "P10"
    # the first run reads the files from the disk
    warm = 0 if bench.quick else 1
    single = bench.folder / "one_command.py"
    single.write_text(_ONE_COMMAND)
    hotline = ("-m", "scripts")
    with Site(Settings(home=home)) as site:
        pairs = {
            "hotline --help": ((*hotline, "--help"), (str(single), "--help")),
            "hotline queue": ((*hotline, "queue"), ("-c", "import sqlmodel")),
        }
        figures = []
        for name, (ours, theirs) in pairs.items():
            against = "a Typer app of one command" if "help" in name else "import sqlmodel"
            first, second = [], []
            for _run in range(bench.runs + warm):
                first.append(_seconds(site, ours))
                second.append(_seconds(site, theirs))
            figures.append(Figure(name, "s", first[warm:], against, second[warm:], Goal(most=1.3)))
        up = [_until_answered(site, f"U{run}") for run in range(bench.runs + warm)][warm:]
        imports = [_seconds(site, ("-c", "import sqlmodel, dramatiq")) for _ in range(bench.runs)]
    figures.append(
        Figure("hotline up to the first bell answered", "s", up, "import sqlmodel, dramatiq",
               imports, Goal(most=2))
    )  # fmt: skip
    return Row("P10", figures)


def _seconds(site: Site, arguments: Sequence[str]) -> float:
    command = [sys.executable, "-P", *arguments]
    env = _environment(site)

    def run() -> None:
        subprocess.run(command, env=env, check=True, capture_output=True, cwd=Path("/"))

    return timed(run)


def _environment(site: Site) -> dict[str, str]:
    # the first run keeps what it has compiled, as an installation does for the libraries beside
    env = environment_for_child(site.settings)
    return {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _until_answered(site: Site, name: str) -> float:
    """Seconds from the start of `hotline up` until a letter that lay there has a unit."""
    with site.store.writing() as session:
        directory = load_rulebook(session).directory
        now = system_clock()
        add_messages(session, "bench", list(workload.received(directory, name, 1, now)), now)
    process: list[subprocess.Popen[bytes]] = []

    def run() -> None:
        command = [sys.executable, "-P", "-m", "scripts", "up", "--headless"]
        with site.log.open("ab") as log:
            process.append(subprocess.Popen(
                command, env=_environment(site), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            ))  # fmt: skip
        site.until(lambda: _dispatched(site, f"{name}0000000"), 60, "`hotline up` answers a bell")

    try:
        return timed(run)
    finally:
        for one in process:
            one.terminate()
            if one.wait(30):
                raise BenchFailed(f"`hotline up` ended with {one.returncode}; see {site.log}")


def _dispatched(site: Site, number: str) -> bool:
    from sqlalchemy import select

    from models.tables.core import TICKET

    with site.store.reading() as session:
        found = select(TICKET.c.status).where(TICKET.c.number == number)
        return session.scalar(found) == "dispatched"
