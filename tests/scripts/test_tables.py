"""Commands print one kind of table: aligned, cut only where a screen is too narrow for it."""

import pytest
from rich.cells import cell_len

from scripts.tables import RED, Coloured, Table, table_lines

QUEUE = Table(
    ("ticket", "unit", "due", "second handlings"),
    (
        ("GD2026101000017", "城市管理和综合执法局", "2026-10-10 10:10", "3"),
        ("T1", "Ping'an 街道", "-", "12"),
    ),
    numbers=(3,),
)


def test_wide_characters_are_aligned() -> None:
    head, first, second = table_lines(QUEUE)
    assert head == "ticket           unit                  due               second handlings"
    columns = [
        cell_len(first[: first.index("2026-10-10")]),
        cell_len(second[: second.index("  -")]),
    ]
    assert columns[0] == columns[1] + 2
    assert first.endswith("  3")
    assert second.endswith(" 12")
    assert cell_len(first) == cell_len(second)


@pytest.mark.parametrize("width", range(30, 100))
def test_a_narrow_screen_cuts_texts_and_nothing_else(width: int) -> None:
    """Numbers of tickets, instants and figures are of no use if a part of them is missing."""
    lines = list(table_lines(QUEUE, width))
    least = 15 + 8 + 16 + 9 + 6
    assert all(cell_len(line) <= max(width, least) for line in lines)
    row = lines[-2]
    assert row.startswith("GD2026101000017  城市")
    assert row.split()[-3:] == ["2026-10-10", "10:10", "3"]
    assert (".." in row) == (width < least + 12)


def test_what_must_be_read_as_a_whole_is_not_cut() -> None:
    line = next(iter(table_lines(Table((), [("a b " * 50,)], whole=(0,)), 20)))
    assert ".." not in line


def test_a_line_end_in_a_cell_breaks_no_row() -> None:
    assert list(table_lines(Table((), [("a\nb\x1b[31m", "c")]))) == ["a b  c"]


def test_colours_take_no_room() -> None:
    table = Table(("level", "ticket"), [(Coloured("red", RED), "T1"), ("-", "T2")])
    plain = list(table_lines(table))
    head, first, second = table_lines(table, in_colour=True)
    assert head == f"\x1b[1m{plain[0]}\x1b[0m"
    assert first == "\x1b[1;31mred\x1b[0m    T1"
    assert second == plain[2] == "-      T2"


def test_an_empty_table_has_its_heads() -> None:
    assert list(table_lines(Table(("a", "b"), ()))) == ["a  b"]
