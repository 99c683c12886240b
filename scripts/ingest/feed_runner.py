"""`hotline feed`: files, pipes, folders and endpoints into the inbox, and what to tell about it."""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import sleep
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from models.clock import monotonic
from models.errors import HotlineError
from models.i18n import _
from models.security.roles import FEED
from models.settings import Settings
from scripts.bootstrap import allowed, bootstrap_store, print_json
from scripts.ingest.feed_reader import FeedOptions, read
from scripts.ingest.pipeline import IngestPipeline
from scripts.ingest.records import FeedRecord, FeedUnreadable

BATCH = 5_000
"""Rows of a transaction."""

_TIDIED = 10
"""Batches after which the garbage is collected: by itself that would be seldom, or never."""

_HEAVY = 8 << 20
"""Characters of a transaction: five thousand letters of a megabyte would fill the memory."""


class FeedRunner:
    """One call of `hotline feed`: its store, its options, and the file of refused rows."""

    def __init__(self, settings: Settings, options: FeedOptions, refused: Path | None) -> None:
        self._settings = settings
        self._options = options
        self._refused = refused or settings.home / "refused.jsonl"
        self._began = monotonic()
        self._failed = False

    @contextmanager
    def intake(self) -> Iterator[IngestPipeline]:
        """The inbox, open; closed at the end. Raises HotlineError."""
        allowed(self._settings, FEED)
        store = bootstrap_store(self._settings)
        try:
            rebased = self._options.start is not None
            with _seldom_collected():
                yield IngestPipeline(store, self._refused, rebased=rebased)
        finally:
            store.close()

    def run(self, paths: Sequence[str], *, as_json: bool) -> int:
        """Feed every path in turn; returns 1 where anything was refused or could not be read."""
        with self.intake() as intake:
            for path in paths:
                try:
                    self._feed(intake, path)
                except HotlineError as wrong:
                    # one file that cannot be read keeps no other from being fed
                    self._failed = True
                    sys.stderr.write(f"hotline: {wrong}\n")
        return self.told(intake, as_json=as_json)

    def told(self, intake: IngestPipeline, *, as_json: bool) -> int:
        """Print what became of everything; returns the exit code."""
        for note, times in sorted(intake.notes.items(), key=lambda item: -item[1]):
            sys.stderr.write(_("note, {n} times: {what}").format(n=times, what=note) + "\n")
        if as_json:
            print_json(asdict(intake.counts))
        else:
            sys.stdout.write(self._summary(intake) + "\n")
        return 1 if intake.counts.refused or self._failed else 0

    def watch(self, path: Path, *, every: float, once: bool, as_json: bool) -> int:
        """Feed what comes into a folder, until interrupted; `once` what is in it and no more."""
        from scripts.ingest.folder_watcher import FolderWatcher

        with self.intake() as intake:

            def feed(file: IO[bytes], name: str, refused: Path) -> bool:
                before = intake.counts.refused
                intake.refused = refused
                self.take(intake, file, name, _size(file))
                return intake.counts.refused == before

            folder = FolderWatcher(path, feed)
            with folder.locked():
                folder.look()
                while not once:
                    sleep(every)
                    if folder.look() and not as_json:
                        sys.stdout.write(self._summary(intake) + "\n")
                        sys.stdout.flush()
                sleep(every)
                folder.look()
        self._failed = folder.failed > 0
        return self.told(intake, as_json=as_json)

    def poll(self, url: str, *, every: float | None, private: bool, as_json: bool) -> int:
        """Take what an Open311 endpoint has that is new; again and again if `every` is given."""
        from scripts.ingest.open311_client import Open311Client

        endpoint = Open311Client(url, self._settings.home, private=private, sleep=sleep)
        try:
            with self.intake() as intake:

                def take(file: IO[bytes], name: str) -> int:
                    before = intake.counts.read
                    self.take(intake, file, name)
                    return intake.counts.read - before

                endpoint.poll(intake.now(), take)
                while every is not None:
                    sleep(every)
                    try:
                        endpoint.poll(intake.now(), take)
                    except HotlineError as wrong:  # a city that is away for an hour comes back
                        sys.stderr.write(f"hotline: {wrong}\n")
        finally:
            endpoint.close()
        return self.told(intake, as_json=as_json)

    def _feed(self, intake: IngestPipeline, path: str) -> None:
        if path == "-":
            self.take(intake, sys.stdin.buffer, _("standard input"))
            return
        with _opened(path) as file:
            self.take(intake, file, path, _size(file))

    def take(
        self, intake: IngestPipeline, file: IO[bytes], name: str, size: int | None = None
    ) -> None:
        """Feed one open file to its end."""
        began = intake.now()
        rows = read(file, self._options, name)
        with _progress() as progress:
            task = progress.add_task(Path(name).name, total=size, rate="")
            for number, batch in enumerate(batches(rows, ahead=size is not None), 1):
                intake.take(name, batch, began)
                if number % _TIDIED == 0:
                    # what statements leave behind is little, but a million rows have many
                    gc.collect()
                seconds = max(monotonic() - self._began, 0.001)
                rate = _("{n} read, {rate} a second").format(
                    n=intake.counts.read, rate=round(intake.counts.read / seconds)
                )
                place = file.tell() if size is not None else None
                progress.update(task, completed=place, rate=rate)

    def _summary(self, intake: IngestPipeline) -> str:
        text = _("read {read}, enqueued {enqueued}, duplicate {duplicate}, refused {refused}")
        summary = text.format(**asdict(intake.counts))
        if intake.counts.refused:
            summary += "\n" + _("refused rows are in {file}").format(file=intake.refused)
        return summary


def batches(rows: Iterator[FeedRecord], *, ahead: bool) -> Iterator[list[FeedRecord]]:
    """Rows by the batch; `ahead` reads the next one while the last one is being stored."""

    def some() -> list[FeedRecord]:
        batch: list[FeedRecord] = []
        weight = 0
        for row in rows:
            batch.append(row)
            weight += _weight(row)
            if len(batch) >= BATCH or weight >= _HEAVY:
                break
        return batch

    if not ahead:  # who waits for a pipe cannot be called back
        yield from iter(some, [])
        return
    with ThreadPoolExecutor(1, "reader") as reader:
        coming = reader.submit(some)
        while batch := coming.result():
            coming = reader.submit(some)
            yield batch


def _weight(row: FeedRecord) -> int:
    """About how many characters a row holds."""
    if row.message is None or isinstance(row.kept, str):
        return len(str(row.kept))
    return sum(len(value) for value in row.message.values() if isinstance(value, str))


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let the garbage collector look seldom: rows make no cycles, and looking took a third."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def _opened(path: str) -> IO[bytes]:
    found = Path(path)
    if found.is_dir():
        raise HotlineError(
            _("{path} is a folder; name the files in it, or give --watch").format(path=path)
        )
    try:
        return found.open("rb")
    except OSError as problem:
        raise FeedUnreadable(path, problem.strerror or _("cannot be read")) from problem


def _size(file: IO[bytes]) -> int | None:
    """The bytes of a file; None for a pipe, of which nobody knows how much is to come."""
    return os.fstat(file.fileno()).st_size if file.seekable() else None


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[rate]}", markup=False, table_column=Column(no_wrap=True)),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
