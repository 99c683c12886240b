"""Write bulletins and sheets on the screen or into a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models.settings import Settings
from scripts.chosen_output import ChosenOutput
from scripts.output import json_line
from scripts.screen import Screen, screen

if TYPE_CHECKING:
    from scripts.report.sheet import Sheet


@contextmanager
def screen_on(output: ChosenOutput, settings: Settings) -> Iterator[Screen]:
    """The screen, or one that is written into the file that was named."""
    if output.file is None:
        with screen(settings) as page:
            yield page
        return
    page = Screen()
    yield page
    write_text(page.text, output)


def write_text(text: str, output: ChosenOutput) -> None:
    """Write a text to standard output, or into the file that was named."""
    if output.file is None:
        sys.stdout.write(text)
        return
    with output.file.open() as file:
        file.write(text.encode())


def write_json(value: Any, output: ChosenOutput) -> None:
    """Write a value as JSON to standard output, or into the file that was named."""
    write_text(json_line(value), output)


def write_sheet(sheet: "Sheet", output: ChosenOutput, settings: Settings) -> None:
    """Write a sheet in the format that was chosen, which is not JSON."""
    from scripts.report.sheet import print_sheet, sheet_csv, sheet_page

    match output.form:
        case "csv":
            write_text(sheet_csv(sheet), output)
        case "html":
            write_text(sheet_page(sheet), output)
        case _:
            with screen_on(output, settings) as page:
                print_sheet(page, sheet)
