"""Texts that cost nothing where they stay as they are, one of them laid out for its width."""

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.visual import VisualType
from textual.widgets import Static


class SteadyText(Static):
    """A text, never markup, that is drawn again only where it changes.

    The screen is laid out again only where its height changes: a layout of all widgets takes
    longer than all the rest of a refresh.
    """

    def __init__(
        self, content: VisualType = "", *, id: str | None = None, classes: str = ""
    ) -> None:
        super().__init__(content, id=id, classes=classes or None, markup=False)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show another text; the same one again changes nothing."""
        if _is_same(self.content, content):
            return
        # a grid asks even texts of a fixed height how high they are
        was_empty = not self.content
        super().update(content, layout=False)
        self.clear_cached_dimensions()
        if layout and (was_empty or self._needs_layout()):
            self.refresh(layout=True)

    def _needs_layout(self) -> bool:
        if not self.styles.auto_dimensions:
            return False
        width, height = self.content_size
        fits = self.get_content_height(Size(), Size(), width) == height
        return self.styles.is_auto_width or not fits


class SizedText(SteadyText):
    """A text that is laid out for its width, again where that changes."""

    def __init__(self, *, id: str, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self._laid_out: Callable[[int], Content] | None = None
        self._width = 0

    def lay_out(self, text: Callable[[int], Content]) -> None:
        """Show what this function returns for the width in cells."""
        self._laid_out, self._width = text, self.content_size.width
        self.update(text(self._width))

    def on_resize(self) -> None:
        """Lay out at the new width."""
        if self._laid_out is not None and self.content_size.width != self._width:
            self.lay_out(self._laid_out)


def _is_same(old: VisualType, new: VisualType) -> bool:
    """Return whether two texts look the same; `==` compares no styles."""
    if isinstance(old, Content) and isinstance(new, Content):
        return old.is_same(new)
    return type(old) is type(new) and old == new
