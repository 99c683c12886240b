"""The entry point of the `hotline` command."""

import atexit
import gc
import logging
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _, activate
from models.settings import (
    SETTINGS,
    language_setting,
    load_settings,
    log_setting,
    unknown_settings,
)
from models.version import VERSION
from scripts.completion import complete, is_completing
from scripts.exit_codes import exit_code_of
from scripts.help import App
from scripts.output import guard_terminal, log_for_people, open_closed_streams

log = logging.getLogger("hotline.command")

_LOADING_GC_THRESHOLD = 400_000
"""More objects than the libraries of any command make."""


def build() -> App:
    """Build the command with all its groups, in the active language."""
    # help texts are translated when a group is imported, so the language must be active before
    from scripts.commands import (
        anchors,
        bench,
        channels,
        completion,
        deadlines,
        defend,
        deploy,
        erase,
        events,
        export,
        feed,
        forecast,
        keys,
        listen,
        maintenance,
        policy,
        processes,
        refused,
        replay,
        report,
        roles,
        routing,
        service,
        similar,
        tickets,
        tokens,
        topics,
        units,
        whatif,
        why_late,
    )

    app = App(help=_("The back end of a district's 12345 government hotline."))
    app.callback()(_take_version)
    for group in (
        service,
        processes,
        feed,
        listen,
        refused,
        tickets,
        erase,
        deadlines,
        events,
        policy,
        units,
        topics,
        routing,
        similar,
        replay,
        whatif,
        forecast,
        defend,
        why_late,
        report,
        channels,
        maintenance,
        deploy,
        export,
        keys,
        tokens,
        roles,
        anchors,
        completion,
        bench,
    ):
        group.add_to(app)
    return app


def _take_version(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda value: _print_version(wanted=value),
            help=_("Show the version and end."),
        ),
    ] = False,
) -> None:
    """Take the options of `hotline` itself; each command has its own."""


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"hotline {VERSION}")
        raise typer.Exit


def main() -> None:
    """Run the command: exit 0 done, 1 refused or failed, 2 wrong usage."""
    # What libraries make while they load stays: looking through it took a tenth of that time, and
    # as much again at the end, where the system takes all memory back anyway. So nothing may count
    # on being finalized at the end where it is part of a cycle.
    gc.set_threshold(_LOADING_GC_THRESHOLD)
    atexit.register(gc.freeze)
    if is_completing():
        sys.exit(complete(_build_in_language))
    open_closed_streams()
    guard_terminal()
    _begin_log()
    sys.exit(exit_code_of(_run))


def _begin_log() -> None:
    """Let the log begin, in the form that is set; a service configures it anew."""
    log_for_people()
    if log_setting() == "json":
        # imported here: it takes longer than most commands
        from scripts.service.logs import configure_logging

        configure_logging("json")


def _build_in_language() -> App:
    activate(language_setting())
    return build()


def _run() -> int:
    activate(language_setting())
    settings = load_settings()
    for name in unknown_settings():
        _name_unknown(name)
    if _is_foreign_env(Path(".env"), settings.home):
        text = _(".env in this folder is not read; move what is meant to {path}")
        log.warning(text.format(path=settings.home / ".env"))
    code: int | None = build()(prog_name="hotline", standalone_mode=False)
    return code or 0


def _name_unknown(name: str) -> None:
    """Say that a variable is no setting, and which one was meant."""
    # what all of them begin with makes all of them alike
    known = {each.removeprefix("HOTLINE_"): each for each in SETTINGS}
    near = get_close_matches(name.removeprefix("HOTLINE_"), known, n=1)
    text = _("{name} is no setting").format(name=name)
    meant = _("; {name} was meant?").format(name=known[near[0]]) if near else ""
    log.warning(text + meant)


def _is_foreign_env(file: Path, home: Path) -> bool:
    """Return whether a `.env` file in this folder sets what earlier releases took from it."""
    try:
        if not file.is_file() or file.absolute() == home / ".env":
            return False
        with file.open("rb") as content:
            return b"HOTLINE_" in content.read(_ENV_BYTES)
    except OSError:
        # a folder that this user cannot enter, as where `sudo -u hotline` was typed, or a file that
        # he cannot read: earlier releases took nothing from there either
        return False


_ENV_BYTES = 1 << 16
