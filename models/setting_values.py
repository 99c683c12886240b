"""Read the values of settings: one of a list, a server's address, a secret that a file holds."""

from pathlib import Path
from urllib.parse import quote, urlsplit

from models.errors import HotlineError
from models.i18n import _

_FILES = ("sqlite:", "unix:")


class InvalidSetting(HotlineError):
    """A setting has an invalid value; the message names the setting."""


def one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> str:
    """Return the value if it is allowed, the first allowed one where none is given.

    Raises InvalidSetting.
    """
    if value and value not in allowed:
        text = _("HOTLINE_{name}={value}: must be one of: {allowed}")
        raise InvalidSetting(text.format(name=name, value=repr(value), allowed=", ".join(allowed)))
    return value or allowed[0]


def server_url(name: str, url: str, password_file: str | None, schemes: tuple[str, ...]) -> str:
    """Return the URL of a server, with the password from its own file where one is named.

    `name` is that of the variables, between HOTLINE_ and _URL. Raises InvalidSetting.
    """
    if not url.startswith(schemes):
        # the value is not repeated: a URL may hold a password
        text = _("HOTLINE_{name}_URL: must begin with one of: {schemes}")
        raise InvalidSetting(text.format(name=name, schemes=", ".join(schemes)))
    if url.startswith("sqlite:") and not _names_file(url):
        text = _("HOTLINE_{name}_URL: names no file: sqlite:////var/lib/hotline/hotline.db")
        raise InvalidSetting(text.format(name=name))
    if not _is_readable(url):
        text = _(
            "HOTLINE_{name}_URL: cannot be read: the port must be a number, and in a password "
            "/ # ? @ : [ ] % are written as %2F %23 %3F %40 %3A %5B %5D %25, or it stands in the "
            "file of HOTLINE_{name}_PASSWORD_FILE"
        )
        raise InvalidSetting(text.format(name=name))
    if password_file is None:
        return url
    password = read_secret(f"HOTLINE_{name}_PASSWORD_FILE", password_file)
    scheme, _sep, rest = url.partition("://")
    user, _sep, where = rest.rpartition("@")
    if ":" in user:
        text = _("HOTLINE_{name}_URL: has a password, and so has its file; leave one out")
        raise InvalidSetting(text.format(name=name))
    return f"{scheme}://{user}:{quote(password, safe='')}@{where}"


def _names_file(url: str) -> bool:
    """Return whether a URL of SQLite has a path; without one each connection has its own tables."""
    _scheme, _sep, path = url.partition("?")[0].partition(":///")
    return path not in ("", ":memory:")


def _is_readable(url: str) -> bool:
    """Return whether a URL is taken apart at the right places.

    A password with `/`, `#` or `?` in it ends the host there, and one with `@` begins it: whoever
    connects would show a part of the password as the name of a host.
    """
    if url.startswith(_FILES):
        return True
    address, _sep, options = url.partition("://")[2].partition("?")
    server, _sep, path = address.partition("/")
    try:
        urlsplit(url).port  # noqa: B018  (asking is what raises)
    except ValueError:
        return False
    is_split = server and "@" in options and "@" not in server
    return not is_split and server.count("@") <= 1 and "@" not in path and "#" not in server


def read_secret(setting: str, file: str) -> str:
    """Return what stands in the file that a setting names. Raises InvalidSetting."""
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{setting}={file}: {why_unreadable(error)}") from error


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Say why a file cannot be read, and what to do."""
    if isinstance(error, UnicodeDecodeError):
        return _("not UTF-8: save it as UTF-8")
    if isinstance(error, PermissionError):
        return _("this user may not read it: give it to this user (chown), with mode 600")
    return error.strerror or type(error).__name__
