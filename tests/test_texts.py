"""Every text that somebody sees is in the Chinese catalogue, and the catalogue is built."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

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
