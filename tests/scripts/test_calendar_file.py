"""A table of declared days, as spreadsheets write it."""

import io
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from models.errors import HotlineError
from models.rules.calendar import DeclaredDay
from scripts.rulebook.calendar_file import document_of_year, read_declared_days

DOCUMENT = "国办发明电〔2026〕9号"
EXPECTED = {
    date(2026, 12, 1): DeclaredDay(False, DOCUMENT),
    date(2026, 12, 5): DeclaredDay(True, DOCUMENT),
}
PLAIN = f"日期,上班或放假,文件\n2026/12/1,放假,{DOCUMENT}\n2026/12/5,上班,{DOCUMENT}\n"


def _workbook(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes | str], Path]:
    """Write a file of declared days."""

    def write(content: bytes | str) -> Path:
        path = tmp_path / "days"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("gb18030"),
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
        PLAIN.replace(",", ";").encode("gb18030"),
        PLAIN.replace("2026/12/1,", "2026年12月1日,").replace("2026/12/5", "2026.12.5").encode(),
        PLAIN.replace("2026/12/1,", "2026/12/1 0:00,").replace("2026/12/5", "20261205").encode(),
        PLAIN.replace("放假", " OFF ").replace("上班,2", "上班,2").encode(),
        f"2026-12-01,off,{DOCUMENT}\n,,\n2026-12-05,working,{DOCUMENT},备注\n,,,\n".encode(),
        _workbook(
            ("日期", "安排", "文件"),
            (datetime(2026, 12, 1), "放假", DOCUMENT),  # noqa: DTZ001
            (None, None, None),
            ("2026/12/5", "上班", DOCUMENT),
        ),
        _workbook((date(2026, 12, 1), "off", DOCUMENT), (46361, "working", DOCUMENT)),
    ],
)
def test_all_that_a_spreadsheet_writes_is_read(
    file: Callable[[bytes | str], Path], content: bytes
) -> None:
    assert read_declared_days(file(content)) == EXPECTED


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "declares no day"),
        ("日期,安排,文件\n", "declares no day"),
        ("2026-12-01,off,\n", "line 1: name the document"),
        ("2026-12-01,off\n", "line 1: name the document"),
        ("2026-12-01,off,  \n", "line 1: name the document"),
        (f"{PLAIN}2026-12-05,off,{DOCUMENT}\n", "line 4: 2026-12-05 stands in line 3 already"),
        (f"{PLAIN}2026-12-05,working,{DOCUMENT}\n", "line 4: 2026-12-05 stands in line 3"),
        (f"{PLAIN}12/6/2026,off,{DOCUMENT}\n", "line 4: write the day as"),
        ("2026-13-01,off,文件\n", "line 1: write the day as"),
        ("2026-12-01,maybe,文件\n", "line 1: write working or off"),
        ("2026-12-01\n", "line 1: write working or off"),
        (b"PK\x03\x04 no workbook", "damaged"),
        (PLAIN * 2000, "too large"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    file: Callable[[bytes | str], Path], content: bytes | str, says: str
) -> None:
    with pytest.raises(HotlineError) as raised:
        read_declared_days(file(content))
    assert says in str(raised.value)


def test_a_year_is_declared_by_the_documents_that_name_its_days() -> None:
    assert document_of_year(EXPECTED, 2026) == DOCUMENT
    with pytest.raises(HotlineError, match="no day of 2027"):
        document_of_year(EXPECTED, 2027)
