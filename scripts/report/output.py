"""Write bulletins and sheets on the screen or into a file."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scripts.arguments import SheetFormat
from scripts.output_files import OutputFile

if TYPE_CHECKING:
    from rich.console import Console

    from scripts.report.sheet import Sheet


@contextmanager
def console_on(output: OutputFile | None) -> "Iterator[Console]":
    """A console on the screen, or on the file that was named."""
    from rich.console import Console

    if output is None:
        # without a terminal nobody folds lines for a width that is not there
        yield Console() if sys.stdout.isatty() else Console(width=200)
        return
    with output.open() as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        yield Console(file=text, width=200)


def write_text(text: str, output: OutputFile | None) -> None:
    """Write a text to standard output, or into the file that was named."""
    if output is None:
        sys.stdout.write(text)
        return
    with output.open() as file:
        file.write(text.encode())


def write_sheet(sheet: "Sheet", form: SheetFormat, output: OutputFile | None) -> None:
    """Write a sheet in a format."""
    from scripts.report.sheet import print_sheet, sheet_csv, sheet_page

    match form:
        case SheetFormat.table:
            with console_on(output) as console:
                print_sheet(console, sheet)
        case SheetFormat.csv:
            write_text(sheet_csv(sheet), output)
        case SheetFormat.html:
            write_text(sheet_page(sheet), output)
