"""The hash chain of the logs: what a line's hash covers, and where a chain is broken.

Each line's keyed hash covers the line and the hash of the line before, so that whoever has the
store alone can change, drop or add no line unseen.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from models.i18n import lazy
from models.rules.vocabulary import AccessOutcome
from models.security.encryption import (
    Binding,
    Cipher,
    Encrypted,
    ForgedValue,
    KeyUnusable,
)
from models.security.findings import Finding, Harm
from models.security.heads import DIGEST_BYTES


class LogEnd(NamedTuple):
    """Where a log ends: the number of its last line, and that line's hash."""

    seq: int
    hash: bytes


class EventLine(NamedTuple):
    """A line of a ticket's log as it is stored; `data` is JSON with sorted keys.

    `private` are its texts in clear, as JSON, and `commitment` the keyed hash of them. Where an
    older release wrote texts into the data, `original` is that data, and `commitment` the keyed
    hash of `data`, its copy without texts, and of the line's hash. Where its ticket's texts are
    `erased`, both are None; where one of them `is_forged`, it does not belong there.
    """

    seq: int
    name: str
    at: datetime
    moment: datetime
    cause: int | None
    data: bytes
    private: bytes | None
    commitment: bytes | None
    original: bytes | None
    hash: bytes
    is_forged: bool = False
    erased: bool = False


class AccessLine(NamedTuple):
    """A line of the access log without its hash; `fields` are names, not what stood in them.

    `amount` is how many tickets, rows or denied acts it stands for, `reason` what was given as one.
    """

    id: int
    at: datetime
    who: str
    role: str
    act: str
    ticket: str | None
    fields: Sequence[str]
    outcome: str = AccessOutcome.DONE
    amount: int = 1
    reason: Encrypted | None = None


def first_link(number: str) -> bytes:
    """Return what the first line of a ticket's log is chained to: the ticket's number."""
    return b"ticket:" + number.encode()


REASON = Binding("access.reason", ("id",))
"""A reason belongs to its line of the access log."""


def event_line(
    seq: int, name: str, at: datetime, moment: datetime, cause: int | None, data: bytes
) -> bytes:
    """Return what the hash of a log's line covers besides the hash before and private texts."""
    return b"[%d" % seq + numberless_line(name, at, moment, cause, data)


def numberless_line(
    name: str, at: datetime, moment: datetime, cause: int | None, data: bytes
) -> bytes:
    """Return what a line's hash covers after its number: the same in logs of many tickets."""
    rest = msgspec.json.encode((name, at.astimezone(UTC), moment.astimezone(UTC), cause))
    return b"," + rest[1:] + data


def access_line(cipher: Cipher, line: AccessLine) -> bytes:
    """Return what the hash of a line of the access log covers besides the hash before.

    A line that was done once and for no reason is covered as before there were reasons. Raises
    KeyUnusable or ForgedValue where its reason cannot be read.
    """
    covered = [line.at.astimezone(UTC), line.id, line.who, line.role, line.act, line.ticket]
    covered.append(line.fields)
    reason = None
    if line.reason is not None:
        reason = msgspec.json.encode(cipher.decrypt(REASON, line.reason, line))
    more = [line.outcome, line.amount, reason and cipher.keyed_hash(reason).hex()]
    if more != [AccessOutcome.DONE, 1, None]:
        covered += more
    return msgspec.json.encode(covered)


class LogCheck:
    """Checks the chains of tickets' logs.

    Lines up to `unkeyed_until` of old tickets may be chained without a key, as the first release
    wrote them.
    """

    def __init__(self, cipher: Cipher, unkeyed_until: datetime | None) -> None:
        self._cipher = cipher
        self._unkeyed_until = unkeyed_until

    def __call__(
        self,
        ticket: str,
        lines: Sequence[EventLine],
        end: LogEnd,
        noted: Sequence[LogEnd],
        *,
        old: bool,
    ) -> Finding | None:
        """Return the first broken link of a log, None where it is whole.

        `end` is what the ticket's row says of the log's end, `noted` what was noted elsewhere
        before, with the beginning of the hash: the log must still have those lines. The log of an
        `old` ticket begins without its number.
        """
        chain, seq = b"" if old else first_link(ticket), 0
        ends = {note.seq: note.hash for note in noted}
        for line in lines:
            seq += 1
            if line.seq != seq:
                why = lazy("line {seq} is missing", seq=seq)
                return Finding(Harm.DELETED, ticket, why, ticket, seq)
            before, chain = chain, line.hash
            if not chain.startswith(ends.get(seq, b"")) or not any(
                _keeps(chain, hashed) for hashed in self._hashes(before, line, old=old)
            ):
                why = lazy("line {seq} is not as it was written", seq=seq)
                return Finding(Harm.ALTERED, ticket, why, ticket, seq)
        last = max([end.seq, *ends])
        if seq < last:
            why = lazy("the log ends with line {seq} instead of {last}", seq=seq, last=last)
            return Finding(Harm.DELETED, ticket, why, ticket, seq + 1)
        if seq != end.seq or chain != end.hash:
            why = lazy("line {seq} is not the one that the ticket ends with", seq=seq)
            return Finding(Harm.ALTERED, ticket, why, ticket, seq)
        return None

    def _hashes(self, before: bytes, line: EventLine, *, old: bool) -> Iterator[bytes]:
        """Return the hashes that a line may have, none where its texts were changed.

        Texts that have been erased change nothing: the commitment stands for them.
        """
        cipher = self._cipher
        if line.is_forged:
            return
        is_copy = line.commitment == copy_commitment(cipher, line.hash, line.data)
        if is_copy and (line.erased or line.original is None):
            # the line as it was is erased, and its copy vouches for its hash
            yield line.hash
            return
        if line.original is not None and not is_copy:
            return
        data, private = line.original or line.data, line.private or b""
        covered = event_line(line.seq, line.name, line.at, line.moment, line.cause, data)
        if line.commitment is not None and line.original is None:
            if line.private is not None and not _keeps(line.commitment, cipher.commitment(private)):
                return
            yield cipher.chain_hash(before + covered + line.commitment)
            return
        yield cipher.chain_hash(before + covered + private)
        if old and self._unkeyed_until is not None and line.at <= self._unkeyed_until:
            secret = cipher.keyed_hash(private) if private else b""
            yield hashlib.sha256(before + covered + secret).digest()


def _keeps(stored: bytes, hashed: bytes) -> bool:
    """Return whether what a line keeps is this hash: of one of an earlier release, all of it."""
    return stored in (hashed[:DIGEST_BYTES], hashed)


def copy_commitment(cipher: Cipher, line_hash: bytes, data: bytes) -> bytes:
    """Return the keyed hash that binds the copy of a line's data without texts to that line."""
    return cipher.commitment(line_hash + data)


ACCESS_LOG = lazy("the access log")


def check_access_log(
    cipher: Cipher,
    lines: Iterator[tuple[AccessLine | None, bytes]],
    noted: LogEnd | None,
    begin: LogEnd,
) -> tuple[int, Finding | None]:
    """Check the access log, given as lines with their hashes; returns the last, what is broken.

    A line that cannot be read is None. The first one follows `begin`. `noted` is what was noted
    elsewhere of a line that it must still have.
    """
    count, chain = begin
    for line, stored in lines:
        count += 1
        if line is not None and line.id != count:
            why = lazy("line {seq} is missing", seq=count)
            return count, Finding(Harm.DELETED, ACCESS_LOG, why, seq=count)
        before, chain = chain, stored
        try:
            as_written = (
                line is not None and cipher.chain_hash(before + access_line(cipher, line)) == chain
            )
        except (ForgedValue, KeyUnusable):
            # the key fits this store, or it would not be open: the ciphertext was changed
            as_written = False
        if noted is not None and noted.seq == count and not chain.startswith(noted.hash):
            as_written = False
        if not as_written:
            why = lazy("line {seq} is not as it was written", seq=count)
            return count, Finding(Harm.ALTERED, ACCESS_LOG, why, seq=count)
    if noted is not None and count < noted.seq:
        why = lazy("the log ends with line {seq} instead of {last}", seq=count, last=noted.seq)
        return count, Finding(Harm.DELETED, ACCESS_LOG, why, seq=count + 1)
    if count > (noted.seq if noted is not None else 0):
        why = lazy("lines from {seq} on are in no record of changes", seq=count)
        return count, Finding(Harm.ADDED, ACCESS_LOG, why, seq=count)
    return count, None
