"""The files of a home that the manual names (docs/administrators/home.md)."""

import re
from functools import cache
from pathlib import Path, PurePosixPath

from tests.manuals.blocks import ROOT

PAGE = ROOT / "docs" / "administrators" / "home.md"


@cache
def named_files() -> tuple[str, ...]:
    """Return the patterns in the first column of the page's table."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return tuple(name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1]))


def unnamed_files(home: Path) -> list[str]:
    """Return the files of a home that the page does not name."""
    files = [path.relative_to(home) for path in home.rglob("*") if not path.is_dir()]
    return sorted(str(file) for file in files if not _is_named(PurePosixPath(file)))


def _is_named(file: PurePosixPath) -> bool:
    return any(
        file.parts[0] == "demo" if name == "demo/**" else _matches(file, name)
        for name in named_files()
    )


def _matches(file: PurePosixPath, name: str) -> bool:
    # a pattern without a folder would match in any folder
    return len(PurePosixPath(name).parts) == len(file.parts) and file.match(name)
