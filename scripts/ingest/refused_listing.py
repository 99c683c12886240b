"""`hotline refused`: show the refused rows of feeds, redacted, or for a reason in clear."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.clock import system_clock
from models.errors import HotlineError
from models.i18n import _
from models.operations.access import record_reveal
from models.rules.text import one_line
from models.rules.vocabulary import Permission
from models.security.encryption import Cipher, ForgedValue, KeyUnusable
from models.settings import Settings
from scripts.bootstrap import acting, use_store
from scripts.ingest.refused_rows import SEALED, decrypted, read_row
from scripts.output import print_json
from scripts.screen import Screen
from scripts.tables import Table

log = logging.getLogger("hotline.command")


def show_refused(
    page: Screen, settings: Settings, file: Path | None, reason: str | None, *, as_json: bool
) -> bool:
    """Show the refused rows of a file, by default the home's; in clear for a reason.

    Returns False where some of it is damaged: that is named by its line, and all else is listed.
    Raises HotlineError for a file without any row, and where somebody may not see them.
    """
    path = file or settings.home / "refused.jsonl"
    if not path.exists():
        return True
    amount = _count(path)
    if reason is None:
        return _show_rows(page, path, None, as_json=as_json)
    with (
        use_store(settings) as store,
        acting(store, settings, Permission.REVEAL) as actor,
    ):
        with store.writing() as session:
            revealed, now = ["refused rows"], system_clock()
            record_reveal(session, actor, None, revealed, now, reason, amount=amount)
        return _show_rows(page, path, store.cipher, as_json=as_json)


def _show_rows(page: Screen, path: Path, cipher: Cipher | None, *, as_json: bool) -> bool:
    """Show the rows, in clear with a cipher; returns False where some are damaged."""
    all_whole = True
    listed: list[tuple[str, ...]] = []
    for number, row in _rows(path):
        damage = _("is damaged, and no refused row") if row is None else None
        if row is not None:
            if cipher is not None:
                damage = _reveal(row, cipher)
            fields = {name: value for name, value in row.items() if name not in SEALED}
            if as_json:
                print_json(fields)
            else:
                # what is sealed may be damaged
                raw = (repr(fields.get("raw", "")),) if cipher is not None else ()
                listed.append((f"{row['feed']}:{row['line']}", str(row["why"]), *raw))
        if damage is not None:
            all_whole = False
            text = _("{path}, line {n}: {why}").format(path=path, n=number, why=damage)
            log.warning(one_line(text))
    heads = [_("row"), _("reason"), *[_("as it was sent")] * (cipher is not None)]
    page.table(Table(heads, listed, whole=(1, 2)))
    return all_whole


def _reveal(row: dict[str, Any], cipher: Cipher) -> str | None:
    """Add to a row what it has encrypted; returns why that cannot be."""
    try:
        row["raw"] = decrypted(cipher, "sealed", row)
        if "reason" in row:
            row["why"] = decrypted(cipher, "reason", row)
    except (ForgedValue, KeyUnusable) as error:
        return str(error)
    return None


def _count(path: Path) -> int:
    """Count the rows of a file; raises HotlineError where it has lines, and none is one."""
    are_rows = [row is not None for _number, row in _rows(path)]
    if are_rows and not any(are_rows):
        raise HotlineError(_("{path} is no file of refused rows").format(path=path))
    return sum(are_rows)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the rows with the numbers of their lines, from 1; None for a line that is damaged."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, read_row(line)
    except OSError as error:
        raise HotlineError(f"{path}: {error.strerror}") from error
