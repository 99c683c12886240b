"""The Chinese README says what the English one says."""

import re

from tests.manuals.blocks import ROOT, blocks_of
from tests.manuals.parsing import hotline_calls

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
_INLINE = re.compile(r"`(?:hotline )?([a-z][^`]*)`")
_PICTURE = re.compile(r"!\[[^]]*\]\(([^)]*)\)")


def test_both_run_the_same_commands() -> None:
    """In blocks, in the same order."""
    english, chinese = (
        [
            call
            for block in blocks_of(page)
            if block.is_shell
            for call in hotline_calls(block.commands)
        ]
        for page in (ENGLISH, CHINESE)
    )
    assert english == chinese != []


def test_both_name_the_same_commands() -> None:
    """In the table of commands, row by row."""
    english, chinese = (
        [
            [_INLINE.findall(cell) for cell in row.split("|")[1:2]]
            for row in page.read_text("utf-8").splitlines()
            if row.startswith("| `hotline ")
        ]
        for page in (ENGLISH, CHINESE)
    )
    assert english == chinese
    assert len(english) > 20


def test_both_have_the_same_sections_and_pictures() -> None:
    texts = [page.read_text("utf-8") for page in (ENGLISH, CHINESE)]
    assert len({len(re.findall(r"^#+ ", text, re.M)) for text in texts}) == 1
    assert len({len(re.findall(r"^\d+\. ", text, re.M)) for text in texts}) == 1
    english, chinese = (_PICTURE.findall(text) for text in texts)
    assert english == chinese
