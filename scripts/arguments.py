"""Parse what a person typed at the command line."""

from datetime import datetime

import typer

from models.i18n import _

OVERWRITE = _("Overwrite the output file if it is there.")
"""The help of `--overwrite`."""


def parse_time(text: str) -> datetime:
    """A time as 2026-09-29T16:00; without an offset it is Asia/Shanghai."""
    from models.rules.calendar import SHANGHAI

    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(_("write a time as 2026-09-29T16:00")) from error
    return (at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at).astimezone(SHANGHAI)
