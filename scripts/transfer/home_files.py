"""The files of a home that a backup holds beside the store, as lines of JSON, and back again."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import msgspec

from models.errors import HotlineError
from models.i18n import _
from models.private_files import make_private_folder, open_private
from models.settings import Settings

_PIECE_BYTES = 1 << 20
_IN_HOME = (".env", "roles.toml", "monitor.json", "refused.jsonl")
_ENDPOINTS = "endpoints"
CHANNELS, POLICY = "channels.toml", "policy.toml"


class _Piece(msgspec.Struct, frozen=True):
    """A piece of a file; those of one file follow each other."""

    file: str
    content: bytes


class HomeNotEmpty(HotlineError):
    """A file that a backup holds is there already."""

    def __init__(self, path: Path) -> None:
        super().__init__(_("{path} is there already: restore into an empty home").format(path=path))


def home_files(settings: Settings) -> dict[str, Path]:
    """Return the files that belong to a store, by the name that they have in a backup.

    The key is none of them: it is kept apart. Nor are logs, notices that were sent, and fed files.
    """
    home = settings.home
    files = {name: home / name for name in _IN_HOME}
    files |= {CHANNELS: settings.channels_path}
    if settings.policy is not None:
        files[POLICY] = settings.policy
    states = sorted((home / _ENDPOINTS).glob("*.json"))
    files |= {f"{_ENDPOINTS}/{path.name}": path for path in states}
    return {name: path for name, path in files.items() if path.is_file()}


def file_lines(settings: Settings) -> Iterator[bytes]:
    """Yield the files of a home as lines. Raises HotlineError where one cannot be read."""
    for name, path in home_files(settings).items():
        try:
            with path.open("rb") as file:
                # an empty file has one piece, too
                yield msgspec.json.encode(_Piece(name, file.read(_PIECE_BYTES)))
                while piece := file.read(_PIECE_BYTES):
                    yield msgspec.json.encode(_Piece(name, piece))
        except OSError as error:
            raise HotlineError(f"{path}: {error.strerror}") from error


def restore_files(home: Path, lines: Iterator[bytes]) -> list[Path]:
    """Write the files into a home that has none of them; returns them.

    What was written is removed again where that fails. Raises HomeNotEmpty, ValueError.
    """
    written: list[Path] = []
    try:
        for line in lines:
            piece = msgspec.json.decode(line, type=_Piece)
            path = home / _safe_name(piece.file)
            is_new = not written or written[-1] != path
            if is_new:
                make_private_folder(path.parent)
            flags = os.O_WRONLY | (os.O_EXCL if is_new else os.O_APPEND)
            try:
                handle = open_private(path, flags)
            except FileExistsError as error:
                raise HomeNotEmpty(path) from error
            if is_new:
                written.append(path)
            with os.fdopen(handle, "wb") as file:
                file.write(piece.content)
    except BaseException:
        remove_files(written)
        raise
    return written


def remove_files(paths: list[Path]) -> None:
    """Remove files; those that are gone are none."""
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()


def require_no_files(home: Path) -> None:
    """Raise HomeNotEmpty where a home has a file that a backup could hold."""
    for name in (*_IN_HOME, CHANNELS, POLICY):
        if (home / name).exists():
            raise HomeNotEmpty(home / name)


def _safe_name(name: str) -> PurePosixPath:
    """Return the name of a file; raises ValueError for one that is none of a backup."""
    path = PurePosixPath(name)
    is_state = path.parent == PurePosixPath(_ENDPOINTS) and path.suffix == ".json"
    if name not in (*_IN_HOME, CHANNELS, POLICY) and not is_state:
        raise ValueError(name)
    return path
