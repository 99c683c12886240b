"""Screening: matters that are perhaps not the hotline's to take (不接诉, Regulation 2.2)."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from models.i18n import lazy
from models.rules.divisions import divisions_around, is_road
from models.rules.messages import Finding, TicketReceived
from models.rules.phones import normalize_phone
from models.rules.policy import Policy
from models.rules.state import State
from models.rules.vocabulary import Status

OUTSIDE, EMERGENCY_LINE, REPEATED, EMPTY = "1", "4", "6", "7"
"""The items of 2.2 that the system itself looks for."""

_WORDS = re.compile(r"[^\W_]+")
_SPACES = re.compile(r"(?<!\d) | (?!\d)")
"""Spaces between words, but for those between two numbers."""

_GROUPED = re.compile("[,\uff0c](?<=\\d[,\uff0c])(?=\\d{3}(?!\\d))")
"""The comma in 1,000."""


def screen(
    received: TicketReceived, policy: Policy, territory: re.Pattern[str], earlier: str | None
) -> tuple[Finding, ...]:
    """Find what speaks against taking a received ticket; a proposal, it holds nothing up.

    `territory` finds the district's own places; `earlier` is the number of a ticket of the same
    claimant with the same facts (2.2.6).
    """
    screening = policy.screening
    text = f"{received.title}\n{received.content or ''}"
    address, street = received.address or "", received.street or ""
    findings = []
    place = _elsewhere(address, street, text, screening.elsewhere, territory, policy.district)
    if place is not None:
        why = lazy("the address lies in {place}", place=place)
        findings.append(Finding(OUTSIDE, why))
    for number, words in screening.emergency_lines.items():
        if word := _first(words, text):
            why = lazy("{word}: a case for {number}", word=word, number=number)
            findings.append(Finding(EMERGENCY_LINE, why, number=number))
            break
    if earlier is not None:
        why = lazy("the same claimant wrote the same in {ticket}", ticket=earlier)
        findings.append(Finding(REPEATED, why, earlier))
    if not _has_substance(text, screening.least_characters):
        why = lazy("fewer than {n} characters of substance", n=screening.least_characters)
        findings.append(Finding(EMPTY, why))
    return tuple(findings)


def _has_substance(text: str, least: int) -> bool:
    """Return whether a text has so many letters; numbers do not count."""
    return re.search(rf"(?:[^\W\d_][\W\d_]*){{{least}}}", text) is not None


def facts(text: str) -> str:
    """Return a letter's text in one width and case, without white space and punctuation.

    Numbers are facts: 3号楼 is not 5号楼, and 3-5号 is not 35号.
    """
    words = " ".join(_WORDS.findall(_GROUPED.sub("", text)))
    return unicodedata.normalize("NFKC", _SPACES.sub("", words)).casefold()


def duplicate_key(received: TicketReceived) -> bytes | None:
    """Return a key that is the same for the same facts by the same claimant.

    None if either is unknown. It is personal data: only its keyed hash may be kept.
    """
    claimant = received.claimant
    who = normalize_phone(claimant.phone) or claimant.name.strip()
    matter = facts(f"{received.title}\n{received.content or ''}")
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


Receipt: TypeAlias = tuple[datetime, str]
"""When the city received a ticket, and its number: by this a ticket is the first of several."""

_NEVER = datetime.max.replace(tzinfo=UTC)


class EarlierTickets:
    """The tickets that a new one may repeat (2.2.6), by the key of claimant and facts.

    `dismissed` says since when a ticket counts no more, as it was declined, or withdrawn before it
    was completed. It may be added to.
    """

    def __init__(self, dismissed: Mapping[str, datetime]) -> None:
        self._dismissed = dismissed
        self._receipts: dict[bytes, list[Receipt]] = {}

    def add(self, key: bytes, receipt: Receipt) -> None:
        """Let later tickets be compared with this one."""
        heappush(self._receipts.setdefault(key, []), receipt)

    def find(self, key: bytes, receipt: Receipt, now: datetime) -> str | None:
        """Return the first ticket that one with this receipt repeats; `now` never goes back."""
        earlier = self._receipts.get(key, [])
        while earlier and self._dismissed.get(earlier[0][1], _NEVER) <= now:
            heappop(earlier)
        return earlier[0][1] if earlier and earlier[0] < receipt else None


def find_repeats(
    beginnings: Iterable[Beginning], dismissed: Mapping[str, datetime]
) -> dict[str, str]:
    """Return the tickets of a whole history that repeat an earlier one, and that one's number.

    A ticket is compared with those that have begun by the moment when it begins itself.
    """
    repeats: dict[str, str] = {}
    tickets = EarlierTickets(dismissed)
    known = (beginning for beginning in beginnings if beginning.key)
    for key, begun_at, received_at, number in sorted(known, key=_order_of_screening):
        receipt = received_at, number
        if (earlier := tickets.find(key, receipt, begun_at)) is not None:
            repeats[number] = earlier
        tickets.add(key, receipt)
    return repeats


def _order_of_screening(beginning: Beginning) -> tuple[datetime, datetime, str]:
    return beginning.begun_at, beginning.received_at, beginning.ticket


def is_dismissed(state: State) -> bool:
    """Return whether a ticket ended unhandled: a later one with the same facts repeats nothing."""
    if state.status == Status.DECLINED:
        return True
    return state.status == Status.ARCHIVED and state.completed_at is None


def _elsewhere(
    address: str,
    street: str,
    text: str,
    words: tuple[str, ...],
    territory: re.Pattern[str],
    district: str,
) -> str | None:
    """Return the place outside the district where a matter is, by its address or else its text.

    `words` are places that the policy names. A place of the district's own wins wherever it is
    named, but for a road in an address elsewhere: 龙湖区濠江路.
    """
    divisions = divisions_around(district)
    in_address = divisions.named_in(address, address=True) or _first(words, address)
    place = in_address or divisions.named_in(text)
    if place is None or territory.search(street) or territory.search(text):
        return None
    ours = territory.finditer(address)
    if any(in_address is None or not is_road(address, match.end()) for match in ours):
        return None
    return place


def _first(words: tuple[str, ...], text: str) -> str | None:
    return next((word for word in words if word in text), None)
