"""The `hotline` command: its groups, its language, and its errors in one line."""

import gc
import logging
import sys
from collections.abc import Callable

from models.errors import HotlineError, database_message, describe_safely
from models.i18n import _, activate
from models.settings import language_setting, load_settings
from scripts.help import App, UsageError, usage_error_text

_FRAMES = 8
"""How much of the way of a mistake of ours is told."""


def build() -> App:
    """The command with all its groups, in the language that has been chosen."""
    # the groups' help texts are read when they are imported, so the language comes first
    from scripts.commands import (
        bench,
        channels,
        deadlines,
        feed,
        keys,
        maintenance,
        processes,
        replay,
        report,
        routing,
        service,
        similar,
        tickets,
        units,
    )

    app = App(help=_("The back end of a district's 12345 government hotline."))
    for group in (
        service,
        processes,
        feed,
        tickets,
        deadlines,
        units,
        routing,
        similar,
        replay,
        report,
        channels,
        maintenance,
        keys,
        bench,
    ):
        group.add_to(app)
    return app


def main() -> None:
    """Run the command; exit 0 done, 1 refused or failed, 2 wrong usage.

    Whoever works on a store makes rows by the thousand and no cycles: Python's collector, which
    by default looks through them after each 700, took a quarter of a worker's time, and a tenth of
    the time that libraries take to load.
    """
    gc.set_threshold(50_000)
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.WARNING)
    sys.exit(exit_code_of(_run))


def _run() -> int:
    activate(language_setting())
    load_settings()
    code: int | None = build()(prog_name="hotline", standalone_mode=False)
    return code or 0


def exit_code_of(work: Callable[[], int | None]) -> int:
    """Do this; the exit code is what it returns, or 1 with one line of what went wrong."""
    try:
        return work() or 0
    except HotlineError as wrong:
        sys.stderr.write(f"hotline: {wrong}\n")
        return 1
    except UsageError as wrong:
        if said := usage_error_text(wrong):
            sys.stderr.write(f"hotline: {said}\n")
        return 2
    except BrokenPipeError:
        # the reader of the output has had enough, as `head` does
        sys.stderr.close()
        return 0
    except Exception as wrong:
        if (why := database_message(wrong)) is None:
            # a mistake of ours: its text may hold what a citizen wrote
            text = _("this should not happen; please report: {what}")
            sys.stderr.write(f"hotline: {text.format(what=describe_safely(wrong, _FRAMES))}\n")
            return 1
        text = _("the database: {why}; see HOTLINE_DATABASE_URL and `hotline db upgrade`")
        sys.stderr.write(f"hotline: {text.format(why=why)}\n")
        return 1
    except KeyboardInterrupt:
        return 130
