"""Read a Dockerfile and a .dockerignore as Docker does, for what ours use of them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """A word such as RUN, and what stands behind it on one line."""

    word: str
    rest: str


@dataclass
class BuildStage:
    """A part of the file that begins with FROM; another one copies from it by its name."""

    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def rests(self, word: str) -> list[str]:
        """Return what stands behind every instruction of this word."""
        return [each.rest for each in self.instructions if each.word == word]


def read_stages(text: str) -> list[BuildStage]:
    """Return the stages of a Dockerfile."""
    stages: list[BuildStage] = []
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if not line.strip():
            continue
        word, _space, rest = line.strip().partition(" ")
        if word == "FROM":
            stages.append(BuildStage(rest.partition(" AS ")[2]))
        stages[-1].instructions.append(Instruction(word, rest.strip()))
    return stages


def copied(build_stage: BuildStage) -> Iterator[tuple[list[str], str]]:
    """Yield the sources in the context and the target of each COPY that is not from a stage."""
    for rest in build_stage.rests("COPY"):
        if not rest.startswith("--from"):
            *sources, target = shlex.split(rest)
            yield sources, target


class Context:
    """The files that Docker sends to the build: those that no line of .dockerignore leaves out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        lines = (root / ".dockerignore").read_text("utf-8").splitlines()
        patterns = [line.strip() for line in lines if line.strip() and line[0] != "#"]
        self._rules = [
            (pattern.startswith("!"), _expression(pattern.lstrip("!"))) for pattern in patterns
        ]

    def files(self, source: str) -> list[Path]:
        """Return the files of the context at or below a source, relative to the context."""
        start = self.root / source
        entries = [start] if start.is_file() else start.rglob("*")
        relative = (path.relative_to(self.root) for path in entries if path.is_file())
        return sorted(path for path in relative if self.has(path))

    def has(self, path: Path) -> bool:
        """Return whether a file is sent: the last line counts that means it or a folder of it."""
        names = [path, *path.parents[:-1]]
        has = True
        for lets_in, expression in self._rules:
            if any(expression.fullmatch(str(name)) for name in names):
                has = lets_in
        return has


def _expression(pattern: str) -> re.Pattern[str]:
    """Translate a pattern: ** is any number of folders, * and ? do not pass a slash."""
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/")):
        wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        text += wild.get(part) or re.escape(part)
    return re.compile(text)
