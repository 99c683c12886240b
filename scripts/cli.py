"""The entry point of the `hotline` command."""

import gc
import logging
import sys

from models.i18n import _, activate
from models.settings import language_setting, load_settings
from scripts.exit_codes import exit_code_of
from scripts.help import App


def build() -> App:
    """Build the command with all its groups, in the active language."""
    # help texts are translated when a group is imported, so the language must be active before
    from scripts.commands import (
        bench,
        channels,
        deadlines,
        feed,
        keys,
        maintenance,
        policy,
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
        policy,
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
    """Run the command: exit 0 done, 1 refused or failed, 2 wrong usage."""
    # Rows are made by the thousand and form no cycles: at its default of 700 objects the collector
    # took a quarter of a worker's time, and a tenth of the time that libraries take to load.
    gc.set_threshold(50_000)
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.WARNING)
    sys.exit(exit_code_of(_run))


def _run() -> int:
    activate(language_setting())
    load_settings()
    code: int | None = build()(prog_name="hotline", standalone_mode=False)
    return code or 0
