"""A panel: a title, and what it holds."""

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from models.i18n import LazyText, render
from monitor.widgets.steady_text import SteadyText


class Panel(Vertical):
    """Holds widgets under a title.

    Its frame is its colour and the gap around it: characters that draw lines are two cells wide in
    some terminals.
    """

    def __init__(self, title: LazyText, *children: Widget, id: str) -> None:
        self._title = title
        self._line = SteadyText(classes="panel-title")
        super().__init__(self._line, *children, id=id, classes="panel")

    def on_mount(self) -> None:
        """Show the title alone."""
        self.show_title()

    def show_title(self, *parts: Content | str) -> None:
        """Show the title with these parts after it."""
        rest = [part if isinstance(part, Content) else Content(part) for part in parts]
        title = Content.styled(render(self._title), "bold $primary")
        self._line.update(Content("  ").join([title, *rest]))
