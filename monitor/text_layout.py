"""Lay out texts of several lines."""

from textual.content import Content


def indented(text: str, width: int) -> list[Content]:
    """Wrap a quiet text that begins with two blanks, its further lines below its beginning."""
    return hanging(Content("  "), Content.styled(text.strip(), "$quiet"), 2, width)


def hanging(head: Content, text: Content, indent: int, width: int) -> list[Content]:
    """Wrap a text beside its head, its further lines below its beginning."""
    if width < 2 * indent:
        return [head + text]
    first, *rest = text.wrap(width - indent) or [Content("")]
    # the blanks between two values may begin a line
    begins = (len(line.plain) - len(line.plain.lstrip()) for line in rest)
    rest = [line[begin:] for line, begin in zip(rest, begins, strict=True)]
    return [head + first, *(Content(" " * indent) + line for line in rest)]


def stack(parts: list[Content]) -> Content:
    """Put parts below each other."""
    return Content("\n").join(parts)
