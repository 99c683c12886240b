"""P10: the time that commands and the service take to start."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from models.child_environment import environment_for_child
from models.clock import system_clock
from models.operations.inbox import add_messages
from models.rulebook import load_rulebook
from models.settings import Settings
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.testbed import BenchFailed, Testbed

_ONE_COMMAND = """\
import typer
app = typer.Typer()
@app.command(help="Say hello.")
def hello(name: str = "you") -> None:
    print("hello", name)
app()
"""


def measure_startup(bench: BenchContext) -> Row:
    """P10: the command's help, the queue, and the service from nothing, on SQLite."""
    home = bench.folder / "P10"
    # The first run reads the files from the disk.
    warm = 0 if bench.quick else 1
    single = bench.folder / "one_command.py"
    single.write_text(_ONE_COMMAND)
    hotline = ("-m", "scripts")
    with Testbed(Settings(home=home)) as testbed:
        pairs = {
            "hotline --help": ((*hotline, "--help"), (str(single), "--help")),
            "hotline queue": ((*hotline, "queue"), ("-c", "import sqlmodel")),
        }
        figures = []
        for name, (ours, theirs) in pairs.items():
            against = "a Typer app of one command" if "help" in name else "import sqlmodel"
            first, second = [], []
            for _run in range(bench.runs + warm):
                first.append(_seconds(testbed, ours))
                second.append(_seconds(testbed, theirs))
            figures.append(Figure(name, "s", first[warm:], against, second[warm:], Goal(most=1.3)))
        up = [_until_answered(testbed, f"U{run}") for run in range(bench.runs + warm)][warm:]
        imports = [
            _seconds(testbed, ("-c", "import sqlmodel, dramatiq")) for _ in range(bench.runs)
        ]
    figures.append(
        Figure("hotline up to the first bell answered", "s", up, "import sqlmodel, dramatiq",
               imports, Goal(most=2))
    )  # fmt: skip
    return Row("P10", figures)


def _seconds(testbed: Testbed, arguments: Sequence[str]) -> float:
    command = [sys.executable, "-P", *arguments]
    env = _environment(testbed)

    def run() -> None:
        subprocess.run(command, env=env, check=True, capture_output=True, cwd=Path("/"))

    return measure_seconds(run)


def _environment(testbed: Testbed) -> dict[str, str]:
    # the first run keeps what it has compiled, as an installation does for the libraries beside
    env = environment_for_child(testbed.settings)
    return {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _until_answered(testbed: Testbed, name: str) -> float:
    """Seconds from the start of `hotline up` until a letter that lay there has a unit."""
    with testbed.store.writing() as session:
        directory = load_rulebook(session).directory
        now = system_clock()
        add_messages(session, "bench", list(workload.new_tickets(directory, name, 1, now)), now)
    process: list[subprocess.Popen[bytes]] = []

    def run() -> None:
        command = [sys.executable, "-P", "-m", "scripts", "up", "--headless"]
        with testbed.log.open("ab") as log:
            process.append(subprocess.Popen(
                command, env=_environment(testbed), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            ))  # fmt: skip
        testbed.until(
            lambda: _dispatched(testbed, f"{name}0000000"), 60, "`hotline up` answers a bell"
        )

    try:
        return measure_seconds(run)
    finally:
        for started in process:
            started.terminate()
            if started.wait(30):
                raise BenchFailed(
                    f"`hotline up` ended with {started.returncode}; see {testbed.log}"
                )


def _dispatched(testbed: Testbed, number: str) -> bool:
    from sqlalchemy import select

    from models.tables.core import TICKET

    with testbed.store.reading() as session:
        status = select(TICKET.c.status).where(TICKET.c.number == number)
        return session.scalar(status) == "dispatched"
