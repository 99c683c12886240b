"""The protocol by which screens use the app that shows them."""

from collections.abc import Sequence
from typing import Protocol

from models.queries.failures import Failure
from models.queries.saved_views import View


class MonitorHost(Protocol):
    """The app as its screens see it; it imports them, so they must not import it."""

    def read_now(self) -> None:
        """Read the store at once, or as soon as the read under way has ended."""

    def show_status(self) -> None:
        """Show how the service and the screen are now."""

    def release_keys(self) -> None:
        """Let the keys go on that were pressed since the filter line was asked for."""

    def open_tickets(self, filter_text: str) -> None:
        """Show the list of open tickets under this filter."""

    def open_view(self, view: View) -> None:
        """Show the list of open tickets as a saved view has it."""

    def action_go(self, name: str) -> None:
        """Show one of the main screens, with all its lines."""

    def open_calls(self, kind: str) -> None:
        """Show the calls of this kind."""

    def open_detail(self, number: str) -> None:
        """Show everything about one ticket."""

    def resolve_failure(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""

    def recent(self, line: str) -> Sequence[str]:
        """List what the operator entered last at this line, the newest first."""

    def remember(self, line: str, text: str, *, is_private: bool = False) -> None:
        """Remember what the operator entered at this line; private text only until the end."""

    def kept(self, name: str) -> object:
        """Return what the operator chose under this name, at this start or an earlier one."""

    def keep(self, name: str, value: object) -> None:
        """Keep what the operator chose for the next start."""
