"""The colours of the monitor, dark and light."""

from dataclasses import replace
from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme


class PlainBars(ScrollBarRender):
    """Scroll bars of coloured blanks: some terminals draw block characters two cells wide."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


DARK = Theme(
    name="harbour-night",
    dark=True,
    primary="#4fa3c7",
    secondary="#7aa89a",
    accent="#e0b15a",
    foreground="#d6dee3",
    background="#0f171c",
    surface="#141f26",
    panel="#1c2a33",
    success="#6fb98f",
    warning="#e3b341",
    error="#e5645c",
    variables={
        "card-prewarning": "#5b9bc8",
        "card-yellow": "#e8b93a",
        "card-red": "#d8483f",
        "card-ink": "#10181d",
        "card-ink-light": "#ffffff",
        "quiet": "#8496a1",
        "frame": "#3a4f5b",
        "rest": "#50646f",
        "stripe": "#121c22",
        "cursor": "#27475a",
        "footer-background": "#1c2a33",
        "scrollbar": "#2b3d48",
        "scrollbar-background": "#141f26",
        "scrollbar-corner-color": "#141f26",
    },
)

LIGHT = Theme(
    name="harbour-day",
    dark=False,
    primary="#1f6f93",
    secondary="#3f7566",
    accent="#9a6a10",
    foreground="#1d2a31",
    background="#f7f5f0",
    surface="#fffefa",
    panel="#e8e4da",
    success="#2f7d55",
    warning="#8a5f00",
    error="#b3261e",
    variables={
        "card-prewarning": "#9cc7e0",
        "card-yellow": "#f2c744",
        "card-red": "#c62f27",
        "card-ink": "#14202a",
        "card-ink-light": "#ffffff",
        "quiet": "#66757d",
        "frame": "#b9b3a3",
        "rest": "#b0a996",
        "stripe": "#f6f3ea",
        "cursor": "#cfe3ec",
        "footer-background": "#e8e4da",
        "scrollbar": "#c9c4b6",
        "scrollbar-background": "#f0ede4",
        "scrollbar-corner-color": "#f0ede4",
    },
)


def without_colours(theme: Theme) -> Theme:
    """Return a theme for terminals that show greys alone: what is red has the most contrast.

    As a grey, red would be the dimmest of all.
    """
    variables = theme.variables
    levels = {
        "card-red": theme.foreground or "",
        "card-ink-light": theme.background or "",
        "card-yellow": variables["quiet"],
        "card-prewarning": variables["rest"],
    }
    return replace(theme, error=theme.foreground, variables=variables | levels)
