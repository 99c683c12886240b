"""Every text that somebody sees is in the Chinese catalogue, and the catalogue is built."""

import ast
import gettext
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from models.rules.text import steady_width, terminal_text
from monitor.commands import GO_TO_SCREEN, KEYS
from monitor.formatting import one_line
from monitor.quick_actions import QUICK_ACTIONS

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "models" / "locale" / "zh" / "LC_MESSAGES" / "hotline.po"
PACKAGES = ("models", "workers", "monitor", "scripts")
GAP = re.compile(r"{(\w*)")


def _shown(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if name in ("_", "lazy", "N_") and isinstance(first, ast.Constant):
            yield str(first.value)


@pytest.fixture(scope="module")
def catalogue() -> dict[str, str]:
    """The Chinese texts by message id."""
    with CATALOGUE.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def test_every_text_in_the_code_is_in_chinese(catalogue: dict[str, str]) -> None:
    """Looked for in the syntax trees, so that a text inside an f-string counts too."""
    texts = {
        text
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for text in _shown(ast.parse(path.read_text("utf-8")))
    }
    assert sorted(t for t in texts if t and not catalogue.get(t)) == []


def test_gaps_are_the_same_in_both_languages(catalogue: dict[str, str]) -> None:
    """A translation that forgets a gap, or invents one, would hide a number or fail."""
    unequal = {i for i, s in catalogue.items() if s and set(GAP.findall(i)) != set(GAP.findall(s))}
    assert unequal == set()


def test_the_built_catalogue_is_the_written_one(catalogue: dict[str, str]) -> None:
    """`make messages` has been run since the catalogue was last edited."""
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        built = gettext.GNUTranslations(file)
    assert [i for i, s in catalogue.items() if s and built.gettext(i) != s] == []


PATTERNS = {
    "models/rules/personal/accounts.py": "separators that people write",
    "models/rules/personal/figures.py": "separators that people write",
    "models/rules/personal/names.py": "the point in a foreign name",
    "models/rules/phones.py": "separators that people write",
    "models/rules/text.py": "what is replaced, and by what",
    "models/rules/titles.py": "the end of a title that was cut, in stores as they are",
    "models/rules/topics.py": "separators of a classification's path",
    "monitor/filters.py": "signs that an operator may type",
    "scripts/ingest/cells.py": "signs in a table's cells",
    "scripts/ingest/spreadsheet_numbers.py": "signs in a table's cells",
    "scripts/listen/pages.py": "a page for a browser",
    "scripts/report/charts.py": "a page for a browser",
    "scripts/report/page.py": "a page for a browser",
    "scripts/report/topic_columns.py": "a page for a browser, or a table beside one",
    "scripts/service/health_checks.py": "what a terminal's widths are measured with",
    "scripts/service/logs.py": "a log's line",
    "scripts/training/known_words.py": "separators of words",
}
"""Modules whose texts may hold signs of ambiguous width, and what those are there."""


def _unsteady(text: str) -> bool:
    return not text.isascii() and any(
        unicodedata.east_asian_width(character) == "A" for character in text
    )


def test_no_text_is_drawn_in_two_widths(catalogue: dict[str, str]) -> None:
    """A terminal draws quotation marks, dashes and arrows one cell wide, or two: a line would end
    elsewhere, in a list or a log.
    """
    texts = [text for pair in catalogue.items() for text in pair]
    assert [text for text in texts if _unsteady(text)] == []


def test_nothing_else_is_drawn_in_two_widths() -> None:
    """The same of texts in the code that are in no catalogue; comments may hold what they want."""
    files = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        source = path.read_text("utf-8")
        if "\\u" not in source and not _unsteady(source):
            continue
        tree = ast.parse(source)
        bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        files |= {
            str(path.relative_to(ROOT))
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in bare
            and _unsteady(node.value)
        }
    assert files - PATTERNS.keys() == set()
    assert PATTERNS.keys() - files == set(), "no longer needed"


_HAN = re.compile("[一-鿿]")
_KEY = r"(?:Enter|Esc|Tab|Insert|Home|End|Page(?:Up|Down)|(?:Shift|Ctrl)\+[A-Za-z]+|F\d+)"
KEY_NAMES = {
    "another name": r"回车|换行键|制表键|插入键|退出键|\b(?:Return|Escape|ESC|Del)\b",
    "空格, 退格, 上, 下, 左, 右": r"\b(?:Space|Backspace|Up|Down|Left|Right)\b",
    "PageUp, PageDown": r"PgUp|PgDn|Page (?:Up|Down)",
    "Ctrl+A": r"\^[A-Z]\b|Ctrl[- ]|\+[a-z]\b",
    "a blank before it": rf"[一-鿿]{_KEY}\b",
    "a blank behind it": rf"\b{_KEY}[一-鿿]",
}
"""Spellings of keys that Chinese texts do not have, each with the one that they have."""


def test_a_key_has_one_name_in_chinese(catalogue: dict[str, str]) -> None:
    """As keyboards print it: Enter, Esc, Tab, Insert; the wide key is 空格, Backspace 退格."""
    pages = [ROOT / "docs/operators.md", ROOT / "README.zh.md", *ROOT.glob("docs/**/*.zh.md")]
    texts = [text for text in catalogue.values() if _HAN.search(text)]
    texts += [line for page in pages for line in page.read_text("utf-8").splitlines()]
    texts += [catalogue.get(c.key_label, c.key_label) for c in (*KEYS, *GO_TO_SCREEN)]
    texts += [quick.key_label for quick in QUICK_ACTIONS]
    faults = [
        f"{text!r} has {match[0]!r}: {rule}"
        for text in dict.fromkeys(texts)
        for rule, pattern in KEY_NAMES.items()
        if (match := re.search(pattern, text, re.ASCII))
    ]
    assert not faults, "\n".join(faults)


URGING = re.compile("催[办促]")


def test_urging_a_unit_has_one_name_in_chinese(catalogue: dict[str, str]) -> None:
    """It is the regulation's chapter 5, 督办, in texts, notices, templates and pages."""
    paths = [*(ROOT / "models" / "policy").glob("*.toml"), *ROOT.glob("docs/**/*.md")]
    texts = {str(path): path.read_text("utf-8") for path in [*paths, ROOT / "README.zh.md"]}
    assert [name for name, text in (texts | catalogue).items() if URGING.search(text)] == []


@pytest.mark.parametrize(
    ("text", "steady"),
    [
        ("评价为“不满意”——请核实…", "评价为「不满意」--请核实.."),
        ("① 25℃ · 3×4", "(1) 25oC . 3x4"),
        ("滨海花园Ⅱ期№3，占地½亩，⑴███", "滨海花园II期No3，占地1/2亩，(1)***"),
        ("路灯不亮（海边路12号）", "路灯不亮（海边路12号）"),
    ],
)
def test_what_people_wrote_is_shown_in_one_width(text: str, steady: str) -> None:
    """Logs of before, and letters, hold such signs too."""
    assert steady_width(text) == terminal_text(text) == steady
    assert one_line(f"{text}\n{text}") == f"{steady} {steady}"
