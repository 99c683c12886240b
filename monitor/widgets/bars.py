"""The status line at the top, the key line at the bottom, and the line that tells of an outage."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from models.i18n import _, render
from models.queries.health import Health
from models.rules.calendar import SHANGHAI
from monitor.commands import Command, KeyFact
from monitor.formatting import one_line
from monitor.widgets.steady_text import SteadyText


@dataclass(frozen=True, slots=True)
class StatusLineData:
    """The facts of the status line. Of servers that were not asked yet the state is None.

    `filtered` is how many tickets of how many the filter lets through; `tells_alarms` says that a
    supervisor or auditor reads the line.
    """

    district: str = ""
    crumbs: tuple[str, ...] = ()
    filter: str = ""
    filtered: tuple[int, int] | None = None
    at: datetime | None = None
    age: float = 0.0
    demo: bool = False
    demo_over: bool = False
    paused: bool = False
    store: bool | None = None
    broker: bool | None = None
    health: Health = field(default_factory=Health)
    wall: datetime | None = None
    operator: str = ""
    waiting: int = 0
    selected: int = 0
    tells_alarms: bool = False


class StatusLine(SteadyText):
    """Shows the way to this screen, how old the data are, and whether the service runs."""

    def __init__(self) -> None:
        super().__init__()
        self._status = StatusLineData()

    def show(self, status: StatusLineData) -> None:
        """Show this status."""
        if status != self._status:
            self._status = status
            self._draw()

    def on_resize(self) -> None:
        """Draw again what fits now."""
        self._draw()

    def _draw(self) -> None:
        self.update(status_line(self._status, self.size.width))


def status_line(status: StatusLineData, width: int) -> Content:
    """Lay the line out in so many cells; the least important parts go where it is too long.

    A part's rank says how soon it goes: the highest first, 0 never. One with a short form takes
    that instead.
    """
    left = _place_parts(status)
    right = [*_session_parts(status), *_service_parts(status)]
    while True:
        sides = [[part.content for part in side] for side in (left, right)]
        length = sum(cell_len(content.plain) + 2 for side in sides for content in side)
        highest = max((part.rank for part in left + right), default=0)
        if length <= width or highest == 0:
            break
        side = right if any(part.rank == highest for part in right) else left
        index = max(i for i, part in enumerate(side) if part.rank == highest)
        short = side[index].short
        side[index : index + 1] = [Part(0, short)] if short is not None else []
    start, end = Content("  ").join(sides[0]), Content("  ").join(sides[1])
    if (room := width - cell_len(end.plain) - 3) < cell_len(start.plain):
        # the alarms at the end are whole in the narrowest terminal
        start = start.truncate(max(0, room))
    gap = max(2, width - 2 - cell_len(start.plain) - cell_len(end.plain))
    return Content.assemble(" ", start, " " * gap, end)


class Part(NamedTuple):
    """A part of the status line, and what stands in its place where there is little room."""

    rank: int
    content: Content
    short: Content | None = None


def _place_parts(status: StatusLineData) -> list[Part]:
    parts: list[Part] = []
    if status.demo:
        local = status.at.astimezone(SHANGHAI) if status.at else None
        time = f" {local:%m-%d %H:%M}" if local else ""
        demo = _("demo over, Ctrl+C ends it") if status.demo_over else _("demo clock")
        parts.append(Part(0, Content.styled(f" {demo}{time} ", "bold reverse $accent")))
    district = _("{district} 12345 hotline").format(district=status.district)
    parts.append(Part(2, Content.styled(district, "bold")))
    crumbs = Content(" > ".join(status.crumbs))
    parts.append(Part(1, crumbs, Content(status.crumbs[-1]) if status.crumbs else None))
    if status.filter:
        text = f"{_('Filter')} {status.filter}"
        passed, total = status.filtered or ("?", "?")
        short = _("{n} of {total}, filtered").format(n=passed, total=total)
        style = "bold $accent"
        parts.append(Part(3, Content.styled(text, style), Content.styled(short, style)))
    return parts


def _session_parts(status: StatusLineData) -> list[Part]:
    parts: list[Part] = []
    if status.paused:
        parts.append(Part(0, Content.styled(f" {_('paused')} ", "reverse $warning")))
    if status.selected:
        text = _("selected {n}").format(n=status.selected)
        parts.append(Part(0, Content.styled(f" {text} ", "bold reverse $accent")))
    if status.waiting:
        text = _("answers awaited {n}").format(n=status.waiting)
        parts.append(Part(0, Content.styled(f" {text} ", "reverse $accent")))
    if status.tells_alarms and status.health.limits_passed:
        text = _("beyond the limit of reveals {n}").format(n=status.health.limits_passed)
        parts.append(Part(0, Content.styled(f" {text} ", "reverse $error")))
    if status.health.quarantined:
        text = _("tickets quarantined {n}").format(n=status.health.quarantined)
        parts.append(Part(0, Content.styled(f" {text} ", "reverse $error")))
    if status.operator:
        parts.append(Part(4, Content(one_line(status.operator))))
    return parts


def _service_parts(status: StatusLineData) -> list[Part]:
    parts: list[Part] = []
    if status.at and not status.demo:
        local = status.at.astimezone(SHANGHAI)
        parts.append(Part(3, Content(_("data {time}").format(time=f"{local:%H:%M:%S}"))))
    if status.age >= 3 or (status.at and not status.store):
        text = _("{n} s ago").format(n=int(status.age))
        parts.append(Part(0, Content.styled(text, "bold $warning")))
    parts.append(_up_or_down(_("store"), status.store))
    if status.broker is not None:
        is_old = status.broker and not status.store
        parts.append(_up_or_down(_("queue"), None if is_old else status.broker))
    if status.wall is not None:
        is_known = status.store and status.broker is not False
        parts += _process_parts(status.health, status.wall) if is_known else _unknown_processes()
    return parts


def _unknown_processes() -> list[Part]:
    """Say that nobody knows: what processes told last is old, or they hear no bell."""
    texts = _("workers ?"), _("timer ?")
    return [Part(1, Content.styled(text, "bold $warning")) for text in texts]


def _process_parts(health: Health, wall: datetime) -> list[Part]:
    alive = [p for p in health.processes if p.is_alive(wall)]
    workers = [p for p in health.processes if p.role == "worker"]
    alive_workers = sum(p.role == "worker" for p in alive)
    text = _("workers {n}/{of}").format(n=alive_workers, of=len(workers))
    is_complete = bool(workers) and alive_workers == len(workers)
    parts = [Part(2, Content(text)) if is_complete else _alarm(text)]
    timekeepers = [p for p in alive if p.role == "timekeeper"]
    if timekeepers:
        lateness = min(p.lateness_ms for p in timekeepers) / 1000
        text = _("timer {late} s").format(late=f"{lateness:.1f}")
        parts.append(Part(4, Content.styled(text, "bold $warning" if lateness >= 1 else "")))
    else:
        parts.append(_alarm(_("no timekeeper")))
    return parts


def _alarm(text: str) -> Part:
    return Part(0, Content.styled(f" {text} ", "bold reverse $error"))


def _up_or_down(name: str, is_up: bool | None) -> Part:
    """Tell the state of a server; None where it is not known now."""
    if is_up is None:
        return Part(1, Content.styled(f"{name} ?", "bold $warning"))
    if is_up:
        return Part(1, Content.assemble(name, " ", (_("up"), "$success")))
    return Part(0, Content.assemble(name, " ", (_("DOWN"), "bold reverse $error")))


class KeyHint(Static):
    """A key and what it does; a click does it too."""

    def __init__(self, command: Command) -> None:
        name = render(command.label) if command.label else ""
        text = Content.assemble((_(command.key_label), "bold $foreground"), " ", name)
        super().__init__(text, markup=False)
        self.cells = cell_len(text.plain) + 2
        self.when = frozenset(command.when)
        self._key = command.keys.split(",")[0]

    async def on_click(self, event: events.Click) -> None:
        """Do what the key does."""
        event.stop()
        self.app.simulate_key(self._key)


class KeyLine(Horizontal):
    """The keys that work on this screen, as it is now."""

    def __init__(self, commands: list[Command]) -> None:
        super().__init__()
        self._commands = commands
        self._facts = frozenset({KeyFact.NOT_SELECTING, KeyFact.READING})

    def compose(self) -> ComposeResult:
        """Yield a hint for each key."""
        for command in self._commands:
            if command.in_key_line:
                yield KeyHint(command)

    def show_for(self, facts: frozenset[KeyFact]) -> None:
        """Show the keys that do something while these facts hold."""
        if facts != self._facts:
            self._facts = facts
            self.on_resize()

    def on_resize(self) -> None:
        """Leave out the hints that do not fit whole; the help screen has them all.

        The blank after the last one may be beyond the line.
        """
        room = self.size.width
        for hint in self.query(KeyHint):
            hint.display = fits = hint.when <= self._facts and room >= hint.cells - 1
            room -= hint.cells if fits else 0


class OutageLine(SteadyText):
    """Tells of an outage and of the next try; hidden while the store can be read."""

    def show(self, text: str) -> None:
        """Show this text, or hide the line where it is empty."""
        self.set_class(bool(text), "-on")
        self.update(Content(text))


def backlog(health: Health) -> Content:
    """Lay out in one line what waits and what has failed."""
    parts = [
        (_("messages waiting {n}").format(n=health.inbox_waiting), False),
        (_("notices queued {n}").format(n=health.notices_queued), False),
        (_("notices failed {n}").format(n=health.notices_failed), health.notices_failed > 0),
        (_("messages refused {n}").format(n=health.refused), health.refused > 0),
    ]
    texts = (Content.styled(text, "bold $error" if is_bad else "") for text, is_bad in parts)
    return Content("  ").join(texts)
