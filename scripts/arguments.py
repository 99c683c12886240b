"""Parse what a person typed at the command line."""

import sys
from datetime import datetime

import typer

from models.i18n import _

OVERWRITE = _("Overwrite the output file if it is there.")
"""The help of `--overwrite`."""

REASON = typer.Option(
    "--reason",
    help=_(
        "With --reveal: why; claimant_asks, handling, checking, review, or in words of your own."
    ),
)


def asked_reason(reason: str) -> str:
    """Return the reason for seeing personal data; a person at a terminal is asked for it."""
    if reason.strip():
        return reason
    if not sys.stdin.isatty():
        raise typer.BadParameter(_("say why you need to see it: --reason"))
    return str(typer.prompt(_("Reason")))


def parse_time(text: str) -> datetime:
    """A time as 2026-09-29T16:00; without an offset it is Asia/Shanghai."""
    from models.rules.calendar import SHANGHAI

    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(_("write a time as 2026-09-29T16:00")) from error
    return (at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at).astimezone(SHANGHAI)
