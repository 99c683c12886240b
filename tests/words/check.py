"""Finds old words among the identifiers and file names of a tree."""

import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("models", "workers", "monitor", "scripts", "tests")
WORDS = Path(__file__).with_name("old_words.toml")


@dataclass(frozen=True)
class Words:
    """Old words with their replacements: whole identifiers, and file names without the ending."""

    identifiers: dict[str, str]
    modules: dict[str, str]


def load_words() -> Words:
    """The words of `old_words.toml`."""
    return Words(**tomllib.loads(WORDS.read_text(encoding="utf-8")))


def check(root: Path, words: Words) -> Iterator[str]:
    """A line for each old word in the Python files below `root`: where it is and what to use."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield from _check_file(path, path.relative_to(root), words)


def _check_file(path: Path, shown_path: Path, words: Words) -> Iterator[str]:
    if path.stem in words.modules:
        yield f"{shown_path}: the file's name: use {words.modules[path.stem]}"
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.NAME and token.string in words.identifiers:
                use = words.identifiers[token.string]
                yield f"{shown_path}:{token.start[0]}: {token.string}: use {use}"
