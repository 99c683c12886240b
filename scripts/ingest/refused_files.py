"""The files of refused rows in a home, under the keys of its store."""

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from models.file_append import replace_lines
from models.security.encryption import Cipher, Encrypted, ForgedValue, KeyUnusable
from scripts.ingest.refused_rows import SEALED, decrypted, read_row


def refused_files(home: Path) -> list[Path]:
    """Return the files of refused rows in a home: of feeds, and of watched folders."""
    return sorted(home.rglob("*refused.jsonl"))


def count_by_key(home: Path) -> dict[int, int]:
    """Count the encrypted values in the files of a home by the number of their key."""
    counts = Counter[int]()
    for path in refused_files(home):
        counts.update(count_in_file(path))
    return dict(counts)


def count_in_file(path: Path) -> Counter[int]:
    """Count the encrypted values of one file by the number of their key."""
    rows = (read_row(line) or {} for line in path.read_bytes().splitlines())
    return Counter(value.number for row in rows for _name, value in _values(row))


def reencrypt_files(home: Path, cipher: Cipher) -> Iterator[int]:
    """Encrypt what the files of a home hold under the active key; yields each file's count.

    Values that no key opens stay as they are.
    """
    for path in refused_files(home):
        changed = Counter[Path]()

        def renewed(content: bytes) -> bytes:
            lines = []
            for line in content.splitlines():
                new, count = _renewed(line, cipher)
                changed[path] += count  # noqa: B023  (called before the next path)
                lines.append(new + b"\n")
            return b"".join(lines)

        replace_lines(path, renewed)
        yield changed[path]


def _renewed(line: bytes, cipher: Cipher) -> tuple[bytes, int]:
    """Return a line with its values under the active key, and how many have changed.

    A damaged line stays as it is.
    """
    row, count = read_row(line) or {}, 0
    for name, value in _values(row):
        if value.number != cipher.keyring.active:
            try:
                plain = decrypted(cipher, name, row)
            except (ForgedValue, KeyUnusable):
                continue
            row[name] = cipher.encrypt(SEALED[name], plain, {"source": None} | row).raw
            row[name] = base64.b64encode(row[name]).decode()
            count += 1
    return (msgspec.json.encode(row), count) if count else (line, 0)


def _values(row: dict[str, Any]) -> Iterator[tuple[str, Encrypted]]:
    """Yield the encrypted values of a row by name."""
    for name in SEALED:
        if isinstance(text := row.get(name), str) and text:
            yield name, Encrypted(base64.b64decode(text))
