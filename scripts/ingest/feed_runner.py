"""`hotline feed`: feed files, pipes, folders and endpoints into the inbox, and report on it."""

import gc
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from time import sleep
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from models.clock import monotonic
from models.database import Store
from models.errors import HotlineError
from models.i18n import _
from models.rules.text import one_line
from models.rules.vocabulary import Permission
from models.schema import StoreMissing
from models.settings import Settings
from scripts.bootstrap import acting, make_store, open_store
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.outage_log import OutageLog
from scripts.ingest.pipeline import IngestPipeline
from scripts.ingest.records import FeedRecord, FeedUnreadable
from scripts.ingest.refused_rows import require_refused_file
from scripts.output import print_json
from scripts.output_files import require_outside_home

log = logging.getLogger("hotline.command")

BATCH = 5_000
"""Records that are read and looked at together."""

_COLLECT_EVERY = 10
"""Batches between two garbage collections: left to itself the collector would hardly ever run."""

_BATCH_CHARACTERS = 8 << 20
"""Characters of a batch: five thousand letters of a megabyte would fill the memory."""


class FeedRunner:
    """One call of `hotline feed`: its options, its pipeline, and its report."""

    def __init__(
        self,
        settings: Settings,
        options: FeedOptions,
        refused: Path | None,
        *,
        doubling: bool = False,
        new: bool = False,
    ) -> None:
        self._new = new
        self._doubling = doubling
        self._settings = settings
        self._options = options
        self._refused = refused or settings.home / "refused.jsonl"
        if refused is not None:
            require_outside_home(refused, settings)
            require_refused_file(refused)
        self._started = monotonic()
        self._failed = False

    @contextmanager
    def pipeline(self) -> Iterator[IngestPipeline]:
        """Open the store and yield a pipeline into its inbox. Raises HotlineError."""
        rebased = self._options.start is not None
        with (
            closing(self._open_store()) as store,
            acting(store, self._settings, Permission.FEED) as sender,
            _rare_collections(),
        ):
            yield IngestPipeline(
                store,
                self._refused,
                rebased=rebased,
                doubling=self._doubling,
                quiet_before=self._options.quiet_day(),
                sender=sender,
            )

    def _open_store(self) -> Store:
        """Open the store, or make one where it is clear that this is the place for it."""
        try:
            return open_store(self._settings)
        except StoreMissing as error:
            if self._new or self._settings.home_named:
                return make_store(self._settings)
            advice = _("set HOTLINE_HOME, or feed with --new")
            raise StoreMissing(f"{error}; {advice}") from error

    def run(self, paths: Sequence[str], *, as_json: bool) -> int:
        """Feed every path in turn; returns 1 where anything was refused or could not be read."""
        with self.pipeline() as pipeline:
            for path in paths:
                try:
                    self._feed_path(pipeline, path)
                except HotlineError as error:
                    # one unreadable file keeps no other from being fed
                    self._failed = True
                    log.warning(one_line(str(error)))
        return self.report(pipeline, as_json=as_json)

    def report(self, pipeline: IngestPipeline, *, as_json: bool) -> int:
        """Print the notes and the counts; returns the exit code."""
        for note, times in sorted(pipeline.notes.items(), key=lambda item: -item[1]):
            log.warning(_("note, {n} times: {what}").format(n=times, what=one_line(note)))
        if as_json:
            print_json(asdict(pipeline.counts))
        else:
            sys.stdout.write(self._summary(pipeline) + "\n")
        return 1 if pipeline.counts.refused or self._failed else 0

    def watch(
        self, path: Path, kept: Path | None, *, every: float, calm: float, once: bool, as_json: bool
    ) -> int:
        """Feed what comes into a folder until interrupted, or `once` what is in it now.

        Files that were fed are kept in `done` and `failed` of the folder `kept`, by default one in
        the home. With `once` a file that is still being written is left for the next time.
        """
        from scripts.ingest.folder_watcher import FolderWatcher, kept_folder

        if self._settings.home.resolve().is_relative_to(path.resolve()):
            text = _("{path} holds the service's home and cannot be watched")
            raise HotlineError(text.format(path=path))

        with self.pipeline() as pipeline:

            def feed(file: IO[bytes], name: str, refused: Path) -> bool:
                refused_before = pipeline.counts.refused
                pipeline.refused = refused
                self.feed_file(pipeline, file, name, _size(file))
                return pipeline.counts.refused == refused_before

            folder = FolderWatcher(
                path, kept or kept_folder(self._settings.home, path), feed, calm=calm
            )
            outages = OutageLog()

            def poll() -> int:
                count = 0
                with nullcontext() if once else outages.outlasting():
                    count = folder.poll()
                return count

            with folder.locked():
                poll()
                give_up_at = monotonic() + calm + 2 * every
                while not once or (not folder.is_idle and monotonic() < give_up_at):
                    sleep(every)
                    if poll() and not as_json and not once:
                        sys.stdout.write(self._summary(pipeline) + "\n")
                        sys.stdout.flush()
                for name in folder.waiting():
                    text = _("{name} is still being written; left for the next time")
                    log.warning(text.format(name=name))
        self._failed = folder.failed > 0
        return self.report(pipeline, as_json=as_json)

    def poll(self, url: str, *, every: float | None, private: bool, as_json: bool) -> int:
        """Feed what is new at an Open311 endpoint, once or `every` so many seconds."""
        from scripts.ingest.open311_client import Open311Client

        client = Open311Client(url, self._settings.home, private=private, sleep=sleep)
        try:
            with self.pipeline() as pipeline:

                def feed(file: IO[bytes], name: str) -> int:
                    read_before = pipeline.counts.read
                    self.feed_file(pipeline, file, name)
                    return pipeline.counts.read - read_before

                client.poll(pipeline.now(), feed)
                outages = OutageLog()
                while every is not None:
                    sleep(every)
                    try:
                        with outages.outlasting():
                            client.poll(pipeline.now(), feed)
                    except HotlineError as error:  # a city that is away for an hour comes back
                        log.warning(one_line(str(error)))
        finally:
            client.close()
        return self.report(pipeline, as_json=as_json)

    def _feed_path(self, pipeline: IngestPipeline, path: str) -> None:
        if path == "-":
            self.feed_file(pipeline, sys.stdin.buffer, _("standard input"))
            return
        with _open(path) as file:
            self.feed_file(pipeline, file, path, _size(file))

    def feed_file(
        self, pipeline: IngestPipeline, file: IO[bytes], name: str, size: int | None = None
    ) -> None:
        """Feed one open file to its end; without a `size` it is a pipe."""
        pipeline.begin(one_line(name))
        records = read_feed(file, self._options, name)
        with _progress() as progress:
            task = progress.add_task(one_line(Path(name).name), total=size, rate="")
            for number, batch in enumerate(batches(records, read_ahead=size is not None), 1):
                for part in parts(batch, pipeline.transaction_size):
                    pipeline.take(part)
                if number % _COLLECT_EVERY == 0:
                    # statements leave little behind, but a million rows make many statements
                    gc.collect()
                seconds = max(monotonic() - self._started, 0.001)
                rate = _("{n} read, {rate} a second").format(
                    n=pipeline.counts.read, rate=round(pipeline.counts.read / seconds)
                )
                position = file.tell() if size is not None else None
                progress.update(task, completed=position, rate=rate)

    def _summary(self, pipeline: IngestPipeline) -> str:
        text = _("read {read}, enqueued {enqueued}, duplicate {duplicate}, refused {refused}")
        summary = text.format(**asdict(pipeline.counts))
        if pipeline.counts.refused:
            summary += "\n" + _("refused rows are in {file}").format(file=pipeline.refused)
        return summary


def batches(records: Iterator[FeedRecord], *, read_ahead: bool) -> Iterator[list[FeedRecord]]:
    """Records in batches; `read_ahead` reads the next batch while the last one is stored."""

    def next_batch() -> list[FeedRecord]:
        batch: list[FeedRecord] = []
        characters = 0
        for record in records:
            batch.append(record)
            characters += _characters(record)
            if len(batch) >= BATCH or characters >= _BATCH_CHARACTERS:
                break
        return batch

    if not read_ahead:
        # a thread that waits for a pipe cannot be called back
        yield from iter(next_batch, [])
        return
    with ThreadPoolExecutor(1, "reader") as reader:
        future = reader.submit(next_batch)
        while batch := future.result():
            future = reader.submit(next_batch)
            yield batch


def parts(batch: Sequence[FeedRecord], size: int) -> Iterator[Sequence[FeedRecord]]:
    """Yield a batch in parts that are stored one after the other, so that workers begin early.

    Rows of a table stay together: what number each keeps depends on the others.
    """
    if any(record.facts is not None for record in batch):
        yield batch
        return
    for first in range(0, len(batch), size):
        yield batch[first : first + size]


def _characters(record: FeedRecord) -> int:
    """About how many characters a record holds."""
    if record.message is None or isinstance(record.kept, str):
        return len(str(record.kept))
    return sum(len(value) for value in record.message.values() if isinstance(value, str))


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector run rarely: records form no cycles, and it took a third."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _open(name: str) -> IO[bytes]:
    path = Path(name)
    if path.is_dir():
        raise HotlineError(
            _("{path} is a folder; name the files in it, or give --watch").format(path=path)
        )
    try:
        return path.open("rb")
    except OSError as error:
        raise FeedUnreadable(name, error.strerror or _("cannot be read")) from error


def _size(file: IO[bytes]) -> int | None:
    """The bytes of a file; None for a pipe, whose length is not known."""
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
