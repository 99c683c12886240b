"""Write the pages of the manual that are made of the code: `python -m tests.manuals.reference`.

With `--check` nothing is written; the exit code is 1 where a page is not as it would be made.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.manuals.blocks import ROOT
from tests.manuals.messages_page import messages_page
from tests.manuals.settings_page import settings_page

MADE: Mapping[str, Callable[[], str]] = {
    "docs/messages.md": messages_page,
    "docs/settings.md": settings_page,
}
"""The pages that are made, and what makes them."""


def stale_pages() -> list[str]:
    """Return the pages that are not as they would be made."""
    return [name for name, make in MADE.items() if _text(ROOT / name) != make()]


def _text(page: Path) -> str:
    return page.read_text("utf-8") if page.exists() else ""


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or check them; returns the exit code."""
    stale = stale_pages()
    for name in stale:
        sys.stdout.write(f"{name}\n")
        if "--check" not in arguments:
            (ROOT / name).write_text(MADE[name](), "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
