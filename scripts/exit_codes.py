"""Turn whatever ends a command or a child process into an exit code and one line on stderr."""

import sys
from collections.abc import Callable

from models.errors import HotlineError, database_message, describe_safely
from models.i18n import _
from models.rules.text import clean
from scripts.help import UsageError, usage_error_text

_FRAMES = 8
"""The frames of the traceback that are printed for a bug."""


def exit_code_of(run: Callable[[], int | None]) -> int:
    """Call `run`; returns its exit code, 1 after an error or 2 after wrong usage."""
    try:
        return run() or 0
    except HotlineError as error:
        _print_error(str(error))
        return 1
    except UsageError as error:
        if text := usage_error_text(error):
            _print_error(text)
        return 2
    except BrokenPipeError:
        # the reader of the output has ended, as `head` does
        sys.stderr.close()
        return 0
    except Exception as error:
        if isinstance(error, PermissionError) and error.filename:
            text = _("{path} belongs to somebody else, or this user may not open it")
            _print_error(text.format(path=error.filename))
            return 1
        if (reason := database_message(error)) is None:
            # a bug: the text of the exception may hold what a citizen wrote
            text = _("this should not happen; please report: {what}")
            _print_error(text.format(what=describe_safely(error, _FRAMES)))
            return 1
        text = _("the database: {why}; see HOTLINE_DATABASE_URL and `hotline db upgrade`")
        _print_error(text.format(why=reason))
        return 1
    except KeyboardInterrupt:
        return 130


def _print_error(text: str) -> None:
    sys.stderr.write(f"hotline: {clean(text)}\n")
