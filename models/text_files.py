"""Read a text file that a person named."""

from pathlib import Path

from models.errors import HotlineError
from models.i18n import _


def read_text(path: Path, error: type[HotlineError] = HotlineError) -> str:
    """Read a UTF-8 file without its byte order mark; raises `error` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as failure:
        why = failure.strerror or _("cannot be read")
        raise error(f"{path}: {why}") from failure
    except UnicodeDecodeError as failure:
        raise error(f"{path}: {_('not UTF-8: save it as UTF-8')}") from failure
