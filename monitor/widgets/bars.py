"""The line at the top, the line at the bottom, and the line for trouble."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from models.i18n import _, render
from models.queries.health import Health
from models.rules.calendar import SHANGHAI
from monitor.formatting import one_line
from monitor.keys import KeyBinding

SILENT_AFTER = timedelta(seconds=15)
"""A process reports every two seconds; one that has not for so long is gone or stuck."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the line at the top says."""

    district: str = ""
    crumbs: tuple[str, ...] = ()
    filter: str = ""
    at: datetime | None = None
    age: float = 0.0
    demo: bool = False
    paused: bool = False
    store: bool = True
    broker: bool | None = None
    health: Health = field(default_factory=Health)
    wall: datetime | None = None
    operator: str = ""
    waiting: int = 0


class StatusLine(Static):
    """Where one is, how old the data are, and whether the machinery runs."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._status = Status()

    def tell(self, status: Status) -> None:
        """Show this status."""
        if status != self._status:
            self._status = status
            self._draw()

    def on_resize(self) -> None:
        """What fits has changed."""
        self._draw()

    def _draw(self) -> None:
        self.update(status_line(self._status, self.size.width))


def status_line(status: Status, width: int) -> Content:
    """The line in so many cells; what matters least is left out where it is too long."""
    left: list[tuple[int, Content]] = []
    right: list[tuple[int, Content]] = []
    if status.demo:
        local = status.at.astimezone(SHANGHAI) if status.at else None
        time = f" {local:%m-%d %H:%M}" if local else ""
        demo = _("demo clock")
        left.append((0, Content.styled(f" {demo}{time} ", "bold reverse $accent")))
    left.append(
        (2, Content.styled(_("{district} 12345 hotline").format(district=status.district), "bold"))
    )
    left.append((1, Content(" > ".join(status.crumbs))))
    if status.filter:
        left.append((2, Content.styled(f"{_('Filter')} {status.filter}", "$accent")))
    if status.paused:
        right.append((0, Content.styled(f" {_('paused')} ", "reverse $warning")))
    if status.waiting:
        text = _("answers awaited {n}").format(n=status.waiting)
        right.append((0, Content.styled(f" {text} ", "reverse $accent")))
    if status.operator:
        right.append((4, Content(one_line(status.operator))))
    right += _machinery(status)
    while True:
        sides = [[c for _rank, c in side] for side in (left, right)]
        length = sum(cell_len(c.plain) + 2 for side in sides for c in side)
        if length <= width or (worst := max(rank for rank, _c in left + right)) == 0:
            break
        side = right if any(rank == worst for rank, _c in right) else left
        side.pop(max(i for i, (rank, _c) in enumerate(side) if rank == worst))
    start, end = Content("  ").join(sides[0]), Content("  ").join(sides[1])
    gap = max(2, width - 2 - cell_len(start.plain) - cell_len(end.plain))
    return Content.assemble(" ", start, " " * gap, end)


def _machinery(status: Status) -> list[tuple[int, Content]]:
    found: list[tuple[int, Content]] = []
    if status.at and not status.demo:
        local = status.at.astimezone(SHANGHAI)
        text = _("data {time}").format(time=f"{local:%H:%M:%S}")
        found.append((3, Content(text)))
    if status.age >= 3:
        text = _("{n} s ago").format(n=int(status.age))
        found.append((0, Content.styled(text, "bold $warning")))
    found.append((1, _lamp(_("store"), status.store)))
    if status.broker is not None:
        found.append((1, _lamp(_("queue"), status.broker)))
    if status.wall is None:
        return found
    alive = [p for p in status.health.processes if status.wall - p.seen_at < SILENT_AFTER]
    workers = [p for p in status.health.processes if p.role == "worker"]
    here = sum(p.role == "worker" for p in alive)
    text = _("workers {n}/{of}").format(n=here, of=len(workers))
    found.append(
        (2, Content.styled(text, "" if workers and here == len(workers) else "bold $error"))
    )
    keepers = [p for p in alive if p.role == "timekeeper"]
    if keepers:
        late = min(p.lateness_ms for p in keepers) / 1000
        text = _("timer {late} s").format(late=f"{late:.1f}")
        found.append((4, Content.styled(text, "bold $warning" if late >= 1 else "")))
    else:
        found.append((2, Content.styled(_("no timekeeper"), "bold $error")))
    return found


def _lamp(name: str, good: bool) -> Content:
    if good:
        return Content.assemble(name, " ", (_("up"), "$success"))
    return Content.assemble(name, " ", (_("DOWN"), "bold reverse $error"))


class KeyHint(Static):
    """One key and what it does; a click does it too."""

    def __init__(self, key: KeyBinding) -> None:
        text = Content.assemble((key.shown, "bold $foreground"), " ", render(key.label))
        super().__init__(text, markup=False)
        self.cells = cell_len(text.plain) + 2
        self._key = key

    async def on_click(self, event: events.Click) -> None:
        """Do what the key does."""
        event.stop()
        self.app.simulate_key(self._key.keys.split(",")[0])


class KeyLine(Horizontal):
    """The keys that work here."""

    def __init__(self, keys: list[KeyBinding], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A hint for each key."""
        for key in self._keys:
            if key.foot:
                yield KeyHint(key)

    def on_resize(self) -> None:
        """Whatever does not fit whole is left out; F1 tells of it."""
        left = self.size.width
        for hint in self.query(KeyHint):
            left -= hint.cells
            hint.display = left >= 0


class Trouble(Static):
    """Why there is nothing new, and what happens next; hidden while all is well."""

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def tell(self, text: str) -> None:
        """Show this text, or nothing."""
        self.set_class(bool(text), "-on")
        self.update(Content(text))
