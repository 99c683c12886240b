"""The check for old words finds them, and this tree has none."""

from pathlib import Path

from tests.words.check import Allowed, Words, check, load_words

_CODE = '''"""Veil and veil may stand in texts."""
from models.veil import Veil as Redactor  # a veil

veiled = Redactor().veil
'''


def test_old_words_are_found_as_whole_identifiers_and_as_file_names(tmp_path: Path) -> None:
    """Each with its line and with the word to use; texts, comments and longer names may stay."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "turns.py").write_text(_CODE)
    words = Words({"Veil": "Redactor", "veil": "redactor"}, {"turns": "fair_lock"})
    assert list(check(tmp_path, words)) == [
        "models/turns.py: the file's name: use fair_lock",
        "models/turns.py:2: veil: use redactor",
        "models/turns.py:2: Veil: use Redactor",
        "models/turns.py:4: veil: use redactor",
    ]


def test_an_allowed_word_may_stand_in_its_files_or_after_a_dot(tmp_path: Path) -> None:
    """A decorator of a library in the tests, and a library's method everywhere; nothing else."""
    for name in ("models", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("given\nrows.one()\none\n")
    words = Words(
        {"given": "value", "one": "row"},
        {},
        [Allowed("given", "hypothesis", ["tests/*"]), Allowed("one", "SQL", only_attribute=True)],
    )
    assert list(check(tmp_path, words)) == [
        "models/a.py:1: given: use value",
        "models/a.py:3: one: use row",
        "tests/a.py:3: one: use row",
    ]


def test_every_allowed_word_is_an_old_one_and_has_a_reason() -> None:
    words = load_words()
    assert [a for a in words.allowed if a.identifier not in words.identifiers or not a.reason] == []


def test_none_has_come_back() -> None:
    """Also when the tests are run without `make check`."""
    assert list(check(Path(__file__).parents[2], load_words())) == []
