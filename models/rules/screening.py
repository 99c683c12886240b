"""Screening: matters that are perhaps not the hotline's to take (不接诉, Regulation 2.2)."""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
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
    """The beginning of a ticket: when its receipt arrived, and when the city received it.

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


def find_repeats(beginnings: Iterable[Beginning]) -> dict[str, str]:
    """Return the tickets that repeat an earlier one (2.2.6), and the number of that one.

    A ticket is held against those of the same claimant with the same facts that have begun by the
    moment when it begins itself; it repeats the one received first, if that was before it.
    """
    repeats: dict[str, str] = {}
    first: dict[bytes, tuple[datetime, str]] = {}
    known = sorted((b for b in beginnings if b.key), key=attrgetter("begun_at"))
    for _begun_at, together in groupby(known, key=attrgetter("begun_at")):
        begun = list(together)
        for beginning in begun:
            received = beginning.received_at, beginning.ticket
            first[beginning.key] = min(first.get(beginning.key, received), received)
        for beginning in begun:
            earlier = first[beginning.key][1]
            if earlier != beginning.ticket:
                repeats[beginning.ticket] = earlier
    return repeats


def _first(words: tuple[str, ...], text: str) -> str | None:
    return next((word for word in words if word in text), None)
