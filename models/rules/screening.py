"""Screening: matters that are perhaps not the hotline's to take (不接诉, Regulation 2.2)."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from models.i18n import lazy
from models.rules.messages import Finding, TicketReceived
from models.rules.phones import normalize_phone
from models.rules.policy import Screening

OUTSIDE, EMERGENCY_LINE, REPEATED, EMPTY = "1", "4", "6", "7"
"""The items of 2.2 that the system itself looks for."""

_NO_WORD = re.compile(r"[\W\d_]+")


def screen(
    received: TicketReceived, policy: Screening, territory: re.Pattern[str], earlier: str | None
) -> tuple[Finding, ...]:
    """Find what speaks against taking a received ticket; a proposal, it holds nothing up.

    `territory` finds the district's own places; `earlier` is the number of a ticket of the same
    claimant with the same facts (2.2.6).
    """
    text = f"{received.title}\n{received.content or ''}"
    address = received.address or ""
    findings = []
    if not territory.search(address) and (word := _first(policy.elsewhere, address)):
        findings.append(Finding(OUTSIDE, lazy("the address lies in {place}", place=word)))
    for number, words in policy.emergency_lines.items():
        if word := _first(words, text):
            why = lazy("{word}: a case for {number}", word=word, number=number)
            findings.append(Finding(EMERGENCY_LINE, why))
            break
    if earlier is not None:
        why = lazy("the same claimant wrote the same in {ticket}", ticket=earlier)
        findings.append(Finding(REPEATED, why, earlier))
    if len(facts(text)) < policy.least_characters:
        why = lazy("fewer than {n} characters of substance", n=policy.least_characters)
        findings.append(Finding(EMPTY, why))
    return tuple(findings)


def facts(text: str) -> str:
    """A letter's text without white space, punctuation and numbers."""
    return _NO_WORD.sub("", text).casefold()


def duplicate_key(received: TicketReceived) -> bytes | None:
    """A key that is the same for the same facts by the same claimant; None if either is unknown.

    It is personal data: only its keyed hash may be kept.
    """
    claimant = received.claimant
    who = normalize_phone(claimant.phone) or claimant.name.strip()
    said = facts(f"{received.title}{received.content or ''}")
    return f"{who}\n{said}".encode() if who and said else None


class Beginning(NamedTuple):
    """The beginning of a ticket: when its receipt arrived, when the city received it, its number.

    `key` is the hash of its claimant and facts, empty if either is unknown.
    """

    key: bytes
    begun_at: datetime
    received_at: datetime
    ticket: str

    @classmethod
    def of(
        cls, key: bytes | None, begun_at: datetime, received_at: datetime, ticket: str
    ) -> "Beginning":
        """Make a beginning from a `duplicate_key`."""
        hashed = hashlib.blake2b(key, digest_size=16).digest() if key is not None else b""
        return cls(hashed, begun_at, received_at, ticket)


class DuplicateIndex:
    """The tickets of the same claimant with the same facts (2.2.6), in memory."""

    def __init__(self, beginnings: Iterable[Beginning] = ()) -> None:
        # of each key only those that were received before all that had begun by then
        self._first: dict[bytes, list[Beginning]] = {}
        for beginning in sorted(filter(attrgetter("key"), beginnings), key=_BEGUN_AT):
            first = self._first.setdefault(beginning.key, [])
            if not first or _RECEIVED_AT(beginning) < _RECEIVED_AT(first[-1]):
                first.append(beginning)

    def earlier(self, beginning: Beginning) -> str | None:
        """Return the first ticket about the same that had begun when this one begins."""
        first = self._first.get(beginning.key, [])
        position = bisect_right(first, beginning.begun_at, key=_BEGUN_AT)
        if position == 0 or _RECEIVED_AT(first[position - 1]) >= _RECEIVED_AT(beginning):
            return None
        return first[position - 1].ticket


_BEGUN_AT = attrgetter("begun_at")
_RECEIVED_AT = attrgetter("received_at", "ticket")


def _first(words: tuple[str, ...], text: str) -> str | None:
    return next((word for word in words if word in text), None)
