"""The screens that have a key of their own, in the order of the keys."""

from collections.abc import Callable
from dataclasses import dataclass

from models.i18n import LazyText
from monitor.screens.base import MonitorScreen
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.failures import FailuresScreen
from monitor.screens.overview import OverviewScreen
from monitor.screens.queues import QueuesScreen
from monitor.screens.tickets import TicketsScreen
from monitor.screens.units import UnitsScreen


@dataclass(frozen=True, slots=True)
class Entry:
    """A screen: its key, its name, its title, and what makes it."""

    key: str
    name: str
    title: LazyText
    make: Callable[[], MonitorScreen]

    @property
    def keys(self) -> str:
        """The key, and its twin as a Chinese input method sends it."""
        return f"{self.key},fullwidth_digit_{_FULL_WIDTH[int(self.key) - 1]}"


_FULL_WIDTH = ("one", "two", "three", "four", "five", "six")
"""How the digits of a Chinese input method are called."""

SCREENS = (
    Entry("1", OverviewScreen.NAME, OverviewScreen.TITLE_LABEL, OverviewScreen),
    Entry("2", TicketsScreen.NAME, TicketsScreen.TITLE_LABEL, TicketsScreen),
    Entry("3", UnitsScreen.NAME, UnitsScreen.TITLE_LABEL, UnitsScreen),
    Entry("4", CallbacksScreen.NAME, CallbacksScreen.TITLE_LABEL, CallbacksScreen),
    Entry("5", QueuesScreen.NAME, QueuesScreen.TITLE_LABEL, QueuesScreen),
    Entry("6", FailuresScreen.NAME, FailuresScreen.TITLE_LABEL, FailuresScreen),
)
