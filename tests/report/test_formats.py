"""The bulletin as people get it, by the command and in each format, with no text that acts."""

import csv
import io
import json
import re
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openpyxl import load_workbook

from models.i18n import speaking
from scripts.report.columns import FIGURE_TITLES
from scripts.report.definitions import COUNTED, FIGURES, RANK, RATES, definitions
from tests.report.two_months import FORMULA, home_of_two_months
from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import prepared_home

DESK = "城市管理和综合执法局"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store holds two months."""
    return home_of_two_months(tmp_path_factory.mktemp("two_months"))


def _report(
    home: Path, *arguments: str, code: int = 0, lang: str = "zh"
) -> subprocess.CompletedProcess[str]:
    return HotlineProcess(home, home)("report", *arguments, code=code, LANG=lang)


def test_the_terminal_shows_units_trend_and_talks(home: Path) -> None:
    completed = _report(home, "--month", "2026-10")
    row = next(line for line in completed.stdout.splitlines() if DESK in line)
    rates = ["66.7%", "0.0%", "0.0%", "50.0%"]
    assert row.split() == ["1", DESK, "7", "2", *rates, "1", "2", "4", "3", "3"]
    assert "约谈提醒建议" in completed.stdout
    assert "弄虚作假  情节严重" in completed.stdout
    english = _report(home, "--month", "2026-10", lang="en")
    assert "3 yellow and 3 red cards" in english.stdout


def test_machines_get_counts_and_rates(home: Path) -> None:
    report = json.loads(_report(home, "--month", "2026-11", "--json").stdout)
    assert report["total"]["tickets"] == sum(u["tickets"] for u in report["units"])
    assert [t["month"] for t in report["trend"]] == [f"2026-{n:02}" for n in range(6, 12)]
    behind = json.loads(
        _report(
            home, "--month", "2026-11", "--unit", "城管局", "--figure", "cards", "--json"
        ).stdout
    )
    (unit,) = [u for u in report["units"] if u["unit"] == DESK]
    assert len(behind) == unit["cards"] == unit["yellow"] + unit["red"]
    assert {case["unit"] for case in behind} == {DESK}
    assert all(case["at"].endswith("+08:00") for case in behind)


def test_no_format_holds_a_formula_or_a_number_of_a_person(home: Path, tmp_path: Path) -> None:
    """A title that is a formula is text everywhere, and a mobile number in one is masked."""
    page, book = tmp_path / "b.html", tmp_path / "b.xlsx"
    _report(home, "--month", "2026-10", "--format", "html", "--output", str(page))
    _report(home, "--month", "2026-10", "--format", "xlsx", "--output", str(book))
    text = _report(home, "--month", "2026-10", "--figure", "tickets", "--format", "csv").stdout
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    titles = [row[2] for row in rows]
    assert f"'{FORMULA}" in titles
    assert any(t.startswith("'@路** 139****2222") for t in titles)
    cells = [
        cell
        for sheet in load_workbook(book).worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]
    assert f"'{FORMULA}" in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    texts = [str(c.value) for c in cells if c.data_type == "s"] + [c for row in rows for c in row]
    assert [t for t in texts if t[:1] in "=+-@\t\r" and t not in ("", "-")] == []
    html = page.read_text("utf-8")
    assert "evil.example" in html
    assert 'HYPERLINK("http' not in html
    assert all("13900002222" not in result for result in (html, text, *texts))


class _Links(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.references += [
            f"{k}={v}" for k, v in attrs if k in ("src", "href", "xlink:href", "action")
        ]
        self.references += [k for k, _ in attrs if k.startswith("on")]


def test_the_page_needs_no_other_host(home: Path) -> None:
    """Nothing is loaded, nothing runs; it holds five charts and the tickets behind the figures."""
    html = _report(home, "--month", "2026-11", "--format", "html").stdout
    links = _Links()
    links.feed(html)
    assert links.references == []
    assert not links.tags & {"script", "link", "iframe", "object", "img"}
    assert "url(" not in html
    assert html.count("<svg") == 5
    assert "NaN" not in html
    assert not re.search(r'(width|height|x|y)="-', html)
    assert html.count("<details>") == 8


def test_the_workbook_lists_what_its_figures_count(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    _report(home, "--month", "2026-11", "--format", "xlsx", "--output", str(path))
    book = load_workbook(path)
    names = ["通报", "趋势", "约谈（六（一））", "接件", "办结", "逾期", "退件", "二次办理", "延期"]
    assert book.sheetnames[:9] == names
    figures = list(book["通报"].iter_rows(values_only=True))
    total = dict(zip(figures[0], figures[-1], strict=True))
    for name in ("接件", "办结", "退件", "二次办理"):
        assert book[name].max_row - 1 == total[name]
    assert 0 < total["按期率"] < 1
    assert book["办结"]["E2"].number_format == "yyyy-mm-dd hh:mm"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--month", "2026-13"), "2026-10"),
        (("--month", "October"), "2026-10"),
        (("--figure", "smiles"), "on_time"),
        (("--unit", DESK), "--figure"),
        (("--format", "xlsx"), "--output"),
        (("--figure", "cards", "--format", "html"), "csv"),
    ],
)
def test_wrong_usage_says_what_to_do(home: Path, arguments: tuple[str, ...], expected: str) -> None:
    called = _report(home, *arguments, code=2)
    assert expected in called.stderr


def test_a_file_that_cannot_be_written_is_one_line(home: Path, tmp_path: Path) -> None:
    for form in ("html", "csv", "table", "xlsx"):
        path = tmp_path / "no such folder" / "b"
        asked = ("--month", "2026-10", "--format", form, "--output", str(path))
        called = _report(home, *asked, code=1)
        assert called.stderr.count("\n") == 1
        assert str(path) in called.stderr


def test_an_empty_month_is_shown_too(home: Path, tmp_path: Path) -> None:
    """Long before the first ticket: no figure, no chart that divides by nought."""
    html = _report(home, "--month", "2025-01", "--format", "html").stdout
    assert "<svg" in html
    _report(home, "--month", "2025-01")
    path = tmp_path / "b.xlsx"
    _report(home, "--month", "2025-01", "--format", "xlsx", "--output", str(path))


def test_a_new_store_has_an_empty_bulletin(tmp_path: Path) -> None:
    """Nothing has been received: still no error."""
    report = json.loads(_report(prepared_home(tmp_path / "new"), "--json").stdout)
    assert report["units"] == []
    assert report["total"]["tickets"] == 0


def test_the_page_holds_the_definitions_of_its_figures(home: Path) -> None:
    """In its language, naming no file that a reader does not have; the manual has the same."""
    page = _report(home, "--month", "2026-11", "--format", "html").stdout
    assert ".md" not in page
    assert "评价" in page.split("<h2>指标口径</h2>")[1]
    english = _report(home, "--month", "2026-11", "--format", "html", lang="en").stdout
    manual = (Path(__file__).parents[2] / "docs" / "bulletin.md").read_text("utf-8")
    words = " ".join(manual.split())
    for name, text in FIGURES.items():
        assert f"| `{name}` | {text} |" in manual
    assert all(f"| {text} |" in manual for text in RATES.values())
    assert COUNTED in words
    assert RANK in words
    with speaking("en"):
        listed = dict(definitions())
    assert listed["on time"] == '"handled in time" of "handled"'
    assert all(text in unescape(english) for text in listed.values())
    assert set(FIGURE_TITLES) - set(FIGURES) - set(RATES) == {"yellow", "red"}
