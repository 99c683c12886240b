"""Finds old words among the identifiers and file names of a tree."""

import tokenize
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

PACKAGES = ("models", "workers", "monitor", "scripts", "tests")
WORDS = Path(__file__).with_name("old_words.toml")


@dataclass(frozen=True)
class Allowed:
    """An old word that may stand where others have named it so."""

    identifier: str
    reason: str
    files: Sequence[str] = ("*",)
    """Patterns of paths below the root; `*` also matches a slash."""
    only_attribute: bool = False
    """True if it may stand after a dot only, like another library's method."""

    def covers(self, identifier: str, path: str, *, is_attribute: bool) -> bool:
        """Return whether this identifier may stand in the file at `path`."""
        return (
            identifier == self.identifier
            and (is_attribute or not self.only_attribute)
            and any(fnmatch(path, pattern) for pattern in self.files)
        )


@dataclass(frozen=True)
class Words:
    """Old words with their replacements: whole identifiers, and file names without the ending."""

    identifiers: dict[str, str]
    modules: dict[str, str]
    allowed: Sequence[Allowed] = ()

    def allow(self, identifier: str, path: str, *, is_attribute: bool) -> bool:
        """Return whether an old word may stand in the file at `path`."""
        return any(a.covers(identifier, path, is_attribute=is_attribute) for a in self.allowed)


def load_words() -> Words:
    """The words of `old_words.toml`."""
    tables = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    allowed = [Allowed(**entry) for entry in tables.get("allowed", [])]
    return Words(tables["identifiers"], tables["modules"], allowed)


def check(root: Path, words: Words) -> Iterator[str]:
    """A line for each old word in the Python files below `root`: where it is and what to use."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield from _check_file(path, path.relative_to(root), words)


def _check_file(path: Path, shown_path: Path, words: Words) -> Iterator[str]:
    if path.stem in words.modules:
        yield f"{shown_path}: the file's name: use {words.modules[path.stem]}"
    previous = ""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            name = token.string
            use = words.identifiers.get(name)
            allowed = words.allow(name, shown_path.as_posix(), is_attribute=previous == ".")
            if token.type == tokenize.NAME and use and not allowed:
                yield f"{shown_path}:{token.start[0]}: {name}: use {use}"
            previous = name
