"""The files that come with the program for what runs it and watches it, by what they are for."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _
from models.private_files import write_private

KINDS = ("systemd", "prometheus", "grafana", "logrotate", "roles")
"""The folders of `scripts/deploy`."""


def deploy_files(kind: str) -> dict[str, str]:
    """Return the files of a kind, by name. Raises HotlineError where there is no such kind."""
    if kind not in KINDS:
        text = _("there are no files for {kind}; there are: {known}")
        raise HotlineError(text.format(kind=kind, known=", ".join(KINDS)))
    folder = resources.files("scripts") / "deploy" / kind
    names = sorted(file.name for file in folder.iterdir())
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


def write_files(files: dict[str, str], folder: Path, *, replace: bool) -> Iterator[Path]:
    """Write files into a folder; gives those that it has written.

    Raises HotlineError before it writes any where one is there with other content, unless they are
    to be replaced, and where there is no such folder.
    """
    if not folder.is_dir():
        raise HotlineError(_("{path}: there is no such folder").format(path=folder))
    new = {folder / n: text for n, text in files.items() if not _has(folder / n, text)}
    kept = [path for path in new if path.exists()]
    if kept and not replace:
        text = _("{path} is there and differs: compare them, then add --replace")
        raise HotlineError(text.format(path=kept[0]))
    for path, text in new.items():
        write_private(path, text.encode())
        # those that read them run as other users, and there is no secret in them
        path.chmod(0o644)
        yield path


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
