"""The answer to a request: what became of each message, kept in a file where it is long."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Self

import msgspec

from models.i18n import _, render, speaking
from models.rules.limits import LISTEN_PIECE_BYTES, MIB
from scripts.ingest.records import Outcome, TakenRecord
from scripts.listen.problems import Problem

UNREADABLE, NOT_TAKEN = "unreadable", "not_taken"
"""Codes of a refused message: it could not be read, or is not one that can be taken."""


class Answer:
    """The outcomes of the messages of one request, in the language of whoever sent it.

    It is filled in threads, a batch at a time, after the batch was committed. With `refused_only`
    the others are only counted.
    """

    def __init__(self, request: str, language: str, *, refused_only: bool = False) -> None:
        self._request, self._language, self._refused_only = request, language, refused_only
        self._results = tempfile.SpooledTemporaryFile(max_size=MIB)  # noqa: SIM115  (closed below)
        self.read = 0
        self.counts = Counter[Outcome]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._results.close()

    @property
    def size(self) -> int:
        """The bytes of the results."""
        return self._results.tell()

    def add(self, taken: Sequence[TakenRecord]) -> None:
        """Add what became of a batch."""
        self.read += sum(not each.record.continues for each in taken)
        self.counts.update(each.outcome for each in taken)
        listed = [
            each for each in taken if not self._refused_only or each.outcome is Outcome.REFUSED
        ]
        with speaking(self._language):
            results = b",\n".join(msgspec.json.encode(_result(each)) for each in listed)
        if results:
            self._results.write(b",\n" + results if self.size else results)

    def status(self, problem: Problem | None) -> int:
        """Return the status of the response; several outcomes are told by one of their own."""
        if problem is not None:
            return problem.kind.status
        return 207 if self.counts[Outcome.REFUSED] else 200

    def is_refused(self) -> bool:
        """Return whether there were messages, and each was refused."""
        return self.counts.keys() == {Outcome.REFUSED}

    def pieces(self, problem: Problem | None) -> Iterator[bytes]:
        """Yield the answer as JSON, in pieces."""
        head: dict[str, Any] = {"request": self._request}
        if problem is not None:
            with speaking(self._language):
                head["error"] = error_of(problem)
        head["read"] = self.read
        head |= {outcome.value: self.counts[outcome] for outcome in Outcome}
        yield msgspec.json.encode(head)[:-1] + b',"results":[\n'
        self._results.seek(0)
        while piece := self._results.read(LISTEN_PIECE_BYTES):
            yield piece
        yield b"]}\n"


def error_of(problem: Problem) -> dict[str, str]:
    """Return a problem as it stands in an answer, in the language shown."""
    message = _(problem.kind.text).format(**problem.values)
    return {"code": problem.kind.code, "message": message}


def _result(taken: TakenRecord) -> dict[str, Any]:
    """Return what became of a message: which one it was, and why it was refused."""
    record = taken.record
    message = record.message or {}
    result: dict[str, Any] = {"line": record.line}
    result |= {name: message[name] for name in ("id", "ticket") if name in message}
    result["outcome"] = taken.outcome.value
    if taken.why is not None:
        result["code"] = UNREADABLE if record.message is None else NOT_TAKEN
        result["why"] = render(taken.why)
        # the same in every language, for programs
        result["reason"] = taken.why.text
    return result
