"""The processes of `hotline up`: forked from one that has loaded their libraries and watches them.

Loading them takes longer than all the rest of a start; forked, they also share the memory of it.
"""

import gc
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import sleep

from models.clock import monotonic
from models.labels import _
from models.settings import Settings
from scripts.forking import Forked, end
from scripts.processes import keep_time, work

_LOOK_EVERY = 0.2
_END_WITHIN = 12.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_WELL = 60.0


@dataclass
class Member:
    """A process of the service: what it does, and what is known of how it fares."""

    name: str
    run: Callable[[], int]
    process: Forked | None = None
    again_at: float = 0.0
    pause: float = _FIRST_PAUSE
    began: float = 0.0


@dataclass
class Crew:
    """Starts processes, starts anew those that die and says so, and ends them all."""

    log: Path
    say: Callable[[str], None]
    members: list[Member] = field(default_factory=list)

    def look(self) -> None:
        """Start what is not running; one that dies again and again is started ever more slowly."""
        for member in self.members:
            if member.process is not None and (code := member.process.poll()) is not None:
                member.process = None
                text = _("{name} ended ({code}); starting anew")
                self.say(text.format(name=member.name, code=code))
                lived = monotonic() - member.began
                member.pause = _FIRST_PAUSE if lived > _WELL else member.pause
                member.again_at = monotonic() + member.pause
                member.pause = min(member.pause * 2, _LONGEST_PAUSE)
            if member.process is None and monotonic() >= member.again_at:
                member.began = monotonic()
                member.process = Forked(member.name, member.run, self.log)

    def end(self) -> None:
        """Tell every process to stop, wait, and end by force what does not."""
        end([m.process for m in self.members if m.process is not None], _END_WITHIN)


def run_crew(
    settings: Settings, clock: str, workers: int, say: Callable[[str], None], parent: int
) -> int:
    """A timekeeper and so many workers, until told to stop or the process `parent` is gone."""
    # Ctrl-C is for the parent, which then has all of them end in order
    os.setsid()
    told: list[int] = []
    for stopping in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stopping, lambda number, _frame: told.append(number))
    # what is loaded is shared as long as nobody writes to it, as the collector would
    gc.freeze()
    own = os.getpid()
    crew = Crew(settings.home / "service.log", say)
    keeper = partial(keep_time, settings, clock=clock, parent=own)
    crew.members.append(Member("timekeeper", keeper))
    for number in range(1, workers + 1):
        worker = partial(work, settings, clock=clock, parent=own)
        crew.members.append(Member(f"worker {number}", worker))
    while not told and os.getppid() == parent:
        try:
            crew.look()
        except OSError as wrong:
            # no memory for another process just now; the next look tries again
            say(str(wrong))
        sleep(_LOOK_EVERY)
    crew.end()
    return 0
