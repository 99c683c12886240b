"""Real feeds of cities, where they lie beside the repository; tests skip without them."""

from pathlib import Path

import pytest

FEEDS = Path(__file__).parents[3] / "shared" / "feeds"


def real_feed(name: str) -> Path:
    """The path of a real feed; skips the test where there is none."""
    path = FEEDS / name
    if not path.exists():
        pytest.skip(f"no real feed {name} beside the repository")
    return path
