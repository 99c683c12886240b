"""Turn whatever ends a command or a child process into an exit code and one line on stderr."""

import errno
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from models.errors import HotlineError, UnreadableValue, describe_safely
from models.i18n import _, render
from models.private_files import foreign_path, unwritable_disk, why_unwritable
from models.rules.text import clean
from models.settings import load_settings
from scripts.help import UsageError, usage_error_text

log = logging.getLogger("hotline.command")

_FRAMES = 8
"""The frames of the traceback that are printed for a bug."""


def exit_code_of(run: Callable[[], int | None]) -> int:
    """Call `run`; returns its exit code, 1 after an error or 2 after wrong usage."""
    try:
        return run() or 0
    except HotlineError as error:
        _log_error(_home_fault(error.__cause__) or str(error))
        return 1
    except UsageError as error:
        if text := usage_error_text(error):
            _log_error(text)
        return 2
    except BrokenPipeError:
        # the reader of the output has ended, as `head` does
        sys.stderr.close()
        return 0
    except Exception as error:
        if (line := _outside_fault(error)) is None:
            # a bug: the text of the exception may hold what a citizen wrote
            text = _("this should not happen; please report: {what}")
            line = text.format(what=describe_safely(error, _FRAMES))
        _log_error(line)
        return 1
    except KeyboardInterrupt:
        return 130


def _outside_fault(error: Exception) -> str | None:
    """Return one line about an error that is no fault of the program; None for any other.

    It repeats no address, no password and nothing that somebody has written.
    """
    if isinstance(error, OSError):
        return _machine_fault(error)
    if isinstance(error, UnicodeEncodeError) and error.encoding.lower() not in ("utf-8", "utf8"):
        text = _("the output has characters that {encoding} lacks: set LANG to a UTF-8 locale")
        return text.format(encoding=error.encoding)
    if "redis" in sys.modules:
        from redis import RedisError

        from workers.broker_errors import broker_fault

        if isinstance(error, RedisError):
            why = render(broker_fault(error, with_tls=False))
            return _("the broker: {why}; see HOTLINE_BROKER_URL").format(why=why)
    if "sqlalchemy.exc" in sys.modules:
        # where it is not loaded, no error can come from it
        from models.store_errors import is_store_fault, is_unreadable, outage_reason

        if is_unreadable(error):
            return str(UnreadableValue())
        if line := _home_fault(error):
            return line
        if is_store_fault(error):
            text = _("the database: {why}; see HOTLINE_DATABASE_URL")
            return text.format(why=outage_reason(error))
    return None


def _home_fault(error: BaseException | None) -> str | None:
    """Return one line about an error of SQLite that the home's disk or folder is to blame for.

    None for any other, and where HOTLINE_DATABASE_URL names the database.
    """
    if "sqlalchemy.exc" not in sys.modules or error is None:
        return None
    from models.store_errors import is_store_fault, outage_reason, sqlite_code

    if (code := sqlite_code(error)) is None or not is_store_fault(error):
        return None
    settings = load_settings()
    if settings.database_url is not None:
        return None
    if code == "FULL" or (code == "IOERR" and not shutil.disk_usage(settings.home).free):
        return _disk_full()
    if code in ("CANTOPEN", "READONLY", "IOERR") and (why := why_unwritable(settings.home)):
        return why
    return _("the database: {why}; see HOTLINE_HOME").format(why=outage_reason(error))


def _disk_full() -> str:
    return _("the disk is full: make room, or move HOTLINE_HOME to another one")


def _machine_fault(error: OSError) -> str | None:
    path = error.filename
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full()
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return _("too many files are open: raise the limit (ulimit -n, LimitNOFILE)")
    if not path:
        return None
    if error.errno in (errno.EACCES, errno.EPERM):
        folder = Path(path).parent
        missing = os.access(folder, os.X_OK, effective_ids=True) and not os.path.lexists(path)
        text = _("{path} is not there, and this user may not make it; set HOTLINE_HOME to another")
        return text.format(path=path) if missing else foreign_path(path)
    if error.errno == errno.EROFS:
        return unwritable_disk(path)
    return f"{path}: {error.strerror}"


def _log_error(text: str) -> None:
    log.error(clean(text))
