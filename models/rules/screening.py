"""Screening: matters that are perhaps not the hotline's to take (不接诉, Regulation 2.2)."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, TypeAlias

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
    """Return a letter's text without white space, punctuation and numbers."""
    return _NO_WORD.sub("", text).casefold()


def duplicate_key(received: TicketReceived) -> bytes | None:
    """Return a key that is the same for the same facts by the same claimant.

    None if either is unknown. It is personal data: only its keyed hash may be kept.
    """
    claimant = received.claimant
    who = normalize_phone(claimant.phone) or claimant.name.strip()
    matter = facts(f"{received.title}{received.content or ''}")
    return f"{who}\n{matter}".encode() if who and matter else None


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
    """Return the tickets of a whole history that repeat an earlier one, and that one's number.

    A ticket is compared with those that have begun by the moment when it begins itself.
    """
    repeats: dict[str, str] = {}
    first: dict[bytes, Receipt] = {}
    known = sorted((b for b in beginnings if b.key), key=attrgetter("begun_at"))
    for _begun_at, together in groupby(known, key=attrgetter("begun_at")):
        repeats |= match_repeats(first, [(b.key, (b.received_at, b.ticket)) for b in together])
    return repeats


Receipt: TypeAlias = tuple[datetime, str]
"""When the city received a ticket, and its number: by this a ticket is the first of several."""


def match_repeats(
    first: dict[bytes, Receipt], begun: Sequence[tuple[bytes, Receipt]]
) -> dict[str, str]:
    """Return those of the tickets just begun that repeat an earlier one (2.2.6), and its number.

    A ticket repeats the first received of those by the same claimant with the same facts. `first`
    has that one by the key of claimant and facts, and is brought up to date.
    """
    for key, receipt in begun:
        first[key] = min(first.get(key, receipt), receipt)
    return {ticket: first[key][1] for key, (_at, ticket) in begun if first[key][1] != ticket}


def _first(words: tuple[str, ...], text: str) -> str | None:
    return next((word for word in words if word in text), None)
