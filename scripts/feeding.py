"""Feeding: from a reader to the inbox, in batches, with what is refused kept aside."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from models.clock import monotonic, system_clock
from models.database import Store
from models.errors import HotlineError
from models.labels import Said, _, told
from models.operations.inbox import put
from models.queries.rulebook import load_rulebook
from models.rules.policy import in_force
from models.rules.roles import FEED
from models.settings import Settings
from scripts.edge import allowed, open_store, prepare, print_json
from scripts.feeds.reading import Options, read
from scripts.feeds.rows import Read

_BATCH = 1_000


@dataclass
class Counts:
    """What became of the records read."""

    read: int = 0
    enqueued: int = 0
    duplicate: int = 0
    refused: int = 0


class Feeding:
    """One call of `hotline feed`: its store, its options, and the file of refused rows."""

    def __init__(self, settings: Settings, options: Options, refused: Path | None) -> None:
        self._settings = settings
        self._options = options
        self._refused = refused or settings.home / "refused.jsonl"
        self._counts = Counts()
        self._began = monotonic()

    def run(self, paths: Sequence[str], *, as_json: bool) -> int:
        """Feed every path in turn; returns 1 where anything was refused. Raises HotlineError."""
        allowed(self._settings, FEED)
        store = open_store(self._settings)
        prepare(store, self._settings)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        console = Console(stderr=True)
        try:
            with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
                task = progress.add_task("")
                for path in paths:
                    for _batch in self._feed(store, path):
                        progress.update(task, description=self._told(path))
        finally:
            store.close()
        if as_json:
            print_json(asdict(self._counts))
        else:
            sys.stdout.write(self._summary() + "\n")
        return 1 if self._counts.refused else 0

    def _feed(self, store: Store, path: str) -> Iterator[None]:
        rows = iter(read(_opened(path), self._options) if path != "-" else self._stdin())
        while batch := list(islice(rows, _BATCH)):
            self._counts.read += len(batch)
            self._keep(path, [r for r in batch if r.message is None])
            for source in dict.fromkeys(r.source for r in batch if r.message is not None):
                self._put(store, path, source, [r for r in batch if r.source == source])
            yield

    def _stdin(self) -> Iterable[Read]:
        return read(sys.stdin.buffer, self._options)

    def _put(self, store: Store, path: str, source: str, batch: Sequence[Read]) -> None:
        rows = [r for r in batch if r.message is not None]
        messages = [r.message for r in rows if r.message is not None]
        with store.writing() as session:
            now = system_clock()
            # a feed that is played as of another day has messages that wait for their time
            latest = None
            if self._options.start is None:
                policy = in_force(list(load_rulebook(session).policies.values()), now)
                latest = now + (policy.intake.ahead.wall or timedelta())
            result = put(session, source, messages, now, latest)
        self._counts.enqueued += result.enqueued
        self._counts.duplicate += result.duplicate
        self._keep(path, [_refused(rows[i], why) for i, why in result.refused])

    def _keep(self, path: str, rows: Sequence[Read]) -> None:
        if not rows:
            return
        self._counts.refused += len(rows)
        self._refused.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            msgspec.json.encode(
                {
                    "feed": path,
                    "source": row.source,
                    "line": row.line,
                    "why": told(row.why) if row.why else "",
                    "raw": row.raw,
                },
                enc_hook=_plain,
            )
            for row in rows
        ]
        # raw rows hold personal data: nobody but the owner may read the file
        handle = os.open(self._refused, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(b"\n".join(lines) + b"\n")

    def _told(self, path: str) -> str:
        rate = self._counts.read / max(monotonic() - self._began, 0.001)
        text = _("{path}: {n} read, {rate} a second")
        return text.format(path=Path(path).name, n=self._counts.read, rate=round(rate))

    def _summary(self) -> str:
        text = _("read {read}, enqueued {enqueued}, duplicate {duplicate}, refused {refused}")
        summary = text.format(**asdict(self._counts))
        if self._counts.refused:
            summary += "\n" + _("refused rows are in {file}").format(file=self._refused)
        return summary


def _opened(path: str) -> Path:
    found = Path(path)
    if found.is_dir():
        raise HotlineError(_("{path} is a folder; name the files in it").format(path=path))
    return found


def _refused(row: Read, why: Said) -> Read:
    return Read(row.line, row.source, None, why, row.raw)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
