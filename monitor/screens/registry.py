"""The screens that have a key of their own, in the order of the keys."""

from collections.abc import Callable
from dataclasses import dataclass

from models.labels import Said
from monitor.screens.base import WatchScreen
from monitor.screens.overview import OverviewScreen
from monitor.screens.tickets import TicketsScreen


@dataclass(frozen=True, slots=True)
class Entry:
    """A screen: its key, its name, its title, and what makes it."""

    key: str
    name: str
    title: Said
    make: Callable[[], WatchScreen]


SCREENS = (
    Entry("1", OverviewScreen.NAME, OverviewScreen.TITLE_SAID, OverviewScreen),
    Entry("2", TicketsScreen.NAME, TicketsScreen.TITLE_SAID, TicketsScreen),
)
