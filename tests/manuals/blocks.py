"""The blocks of code of a page, with what HTML comments before them say to the tests.

A comment stands right before the block that it is about, one line each:

    <!-- not run: another host -->   its commands are only parsed; a reason of NOT_RUN
    <!-- ends with 1: WHY -->        the last command exits with that code
    <!-- stdin: TEXT -->             what a person types; `\\n` ends a line
    <!-- file: NAME -->              the block is that file, in the folder of the page's commands
    <!-- reader: NAME -->            the block is read by that reader (tests/manuals/readers.py)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "models/*.md", "workers/*.md", "scripts/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)

NOT_RUN = {
    "another host": "it needs a server, or a machine of another kind",
    "root": "it changes the machine",
    "Docker": "it needs Docker",
    "the internet": "it installs something",
    "long": "it takes more than seconds",
    "a model": "it needs a model that was trained on a year's letters",
}
"""The reasons for which commands are not run, and what is the matter there."""

_MARK = re.compile(r"<!--\s*([a-z ]+?)(?:\s+(\d+))?:\s*(.*?)\s*-->")
_MARKS = ("not run", "ends with", "stdin", "file", "reader")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, the line where it begins, and its marks."""

    language: str
    text: str
    line: int
    marks: dict[str, str] = field(default_factory=dict)
    code: int = 0

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands."""
        return self.language in ("sh", "bash", "console", "shell")

    @property
    def commands(self) -> str:
        """The commands alone: those behind the prompt where the block shows output too."""
        if self.language != "console":
            return self.text
        lines = [line[2:] for line in self.text.splitlines() if line.startswith(("$ ", "> "))]
        return "\n".join(lines) + "\n"

    @property
    def output(self) -> str | None:
        """The output that the block shows, if it shows any."""
        if self.language != "console":
            return None
        return "".join(f"{x}\n" for x in self.text.splitlines() if not x.startswith(("$ ", "> ")))


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order. Raises ValueError for a mark that is none."""
    marks: dict[str, str] = {}
    code = 0
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type == "html_block" and token.content.lstrip().startswith("<!--"):
            for name, number, text in _MARK.findall(token.content):
                if name not in _MARKS or (name == "not run" and text not in NOT_RUN):
                    raise ValueError(f"{page.name}: {token.content.strip()} is no mark")
                marks[name] = text
                code = int(number or 0)
        elif token.type == "fence":
            line = (token.map or [0])[0] + 1
            yield Block(token.info.split(" ")[0], token.content, line, marks, code)
            marks, code = {}, 0
        else:
            marks, code = {}, 0
