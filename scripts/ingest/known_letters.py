"""Letters that are in already, under another number than their mapping gives them now.

Which columns tell letters apart is part of a letter's number. A mapping that names other columns
than before must not make new tickets of old letters, nor must a number that a spreadsheet has
dressed otherwise.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.database import Session
from models.i18n import _
from models.operations.inbox import (
    known_ids,
    letters_numbered_like,
    number_patterns,
    stored_messages,
)
from models.rules.phones import normalize_phone
from models.rules.similarity import SIMILAR_FROM, jaccard, shingles_of
from models.rules.vocabulary import MessageType
from scripts.ingest.cells import DIGEST_CHARACTERS
from scripts.ingest.records import FeedError, FeedRecord
from scripts.ingest.spreadsheet_numbers import DRESSES, Dress, undressed

_DIGEST = re.compile(f"-[0-9a-f]{{{DIGEST_CHARACTERS}}}$")
"""The part of a number that a mapping's `key` adds."""


class LettersDoubled(FeedError):
    """A feed would take letters again that are in under other numbers."""

    def __init__(self, feed: str, letters: int, looked_at: int) -> None:
        super().__init__(
            _(
                "of {looked_at} letters looked at, {n} are in already under another "
                'number, and would come a second time: "key" of the mapping has changed. Use the '
                "key of before, or give --yes to take them again"
            ).format(n=letters, looked_at=looked_at),
            feed,
        )


def dresses_in_use(session: Session, source: str) -> list[Dress]:
    """Return the ways to dress a number that letters of a source are in under.

    They are from an older release, which took numbers as they came.
    """
    patterns = {name: dress.patterns for name, dress in DRESSES.items()}
    return [DRESSES[name] for name in number_patterns(session, source, patterns)]


def keep_dressed_numbers(
    session: Session, source: str, records: Sequence[FeedRecord], dresses: Sequence[Dress]
) -> None:
    """Give letters, and replies to them, the number that they are in under as it was dressed."""
    if not dresses and not any(record.dressed for record in records):
        return
    letters: dict[str, list[FeedRecord]] = {}
    for record in records:
        if record.message is not None and record.facts is not None:
            letters.setdefault(_letter_id(record.message), []).append(record)
    known = known_ids(session, source, letters)
    # an id is its own spelling where only the ticket's number beside it was dressed
    spellings = {i: i for i in known if (letters[i][0].message or {})["ticket"] != i}
    for letter_id in letters.keys() - known:
        record = letters[letter_id][0]
        number = letter_id.rpartition("-")[0] if record.keyed else letter_id
        dressed = {dress.put_on(number) for dress in dresses} | {record.dressed or number}
        spellings |= {text + letter_id.removeprefix(number): letter_id for text in dressed}
    for spelling, letter in stored_messages(session, source, spellings).items():
        letter_id, ticket = spellings[spelling], letter.body["ticket"]
        if letter.body["type"] == MessageType.TICKET_RECEIVED:
            for record in letters[letter_id]:
                # under its own id it may have another number: that is no matter of its dress
                if letter_id != spelling or undressed(ticket) == (record.message or {})["ticket"]:
                    _renumber(record, letter_id, spelling, ticket)


def _letter_id(message: Mapping[str, Any]) -> str:
    """The id of the letter that a message is, or that it replies to."""
    is_letter = message["type"] == MessageType.TICKET_RECEIVED
    return str(message["id"] if is_letter else message["id"].rsplit("#", 2)[0])


def keep_known_numbers(
    session: Session, source: str, records: Sequence[FeedRecord], *, rebased: bool
) -> None:
    """Give letters the number that they are in under, from before their mapping had a `key`."""
    keyed: dict[str, list[FeedRecord]] = {}
    for record in records:
        if record.message is not None and record.number not in (
            None,
            record.message.get("id"),
        ):
            keyed.setdefault(str(record.number), []).append(record)
    if not keyed:
        return
    known = stored_messages(session, source, keyed.keys())
    for number, message in known.items():
        if message.body["type"] != MessageType.TICKET_RECEIVED:
            continue
        same = [r for r in keyed[number] if _is_same(r, message.body, rebased=rebased)]
        if not same:
            # edited since: it is the only one like it that is no ticket of its own by now
            ids = [record.message["id"] for record in keyed[number] if record.message]
            taken = stored_messages(session, source, ids)
            rest = [r for r in keyed[number] if r.message and r.message["id"] not in taken]
            same = [r for r in rest if _may_be_edited(r, message.body, rebased=rebased)]
            same = same if len(same) == 1 else []
        for record in same[:1]:
            _renumber(record, _letter_id(record.message or {}), number, number)


def require_new_numbers(
    session: Session, source: str, feed: str, records: Sequence[FeedRecord], *, rebased: bool
) -> None:
    """Raise LettersDoubled where some of these letters are in under another number.

    One of them may be all that a day's file has of the days before.
    """
    letters = [r for r in records if r.message is not None and r.number is not None]
    known = known_ids(session, source, [_letter_id(r.message or {}) for r in letters])
    unknown: dict[str, list[FeedRecord]] = {}
    for record in letters:
        if _letter_id(record.message or {}) not in known:
            unknown.setdefault(str(record.number), []).append(record)
    doubled = {
        id(record)
        for number, old in letters_numbered_like(session, source, unknown, DIGEST_CHARACTERS)
        for record in (*unknown.get(number, ()), *unknown.get(_DIGEST.sub("", number), ()))
        if _is_same(record, old.body, rebased=rebased)
    }
    if doubled:
        raise LettersDoubled(feed, len(doubled), len(letters))


def are_two_persons(letter: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether two letters name two claimants, by name and, where both have it, by phone."""
    persons = [body.get("claimant") or {} for body in (letter, old)]
    names = {squeezed(person.get("name")) for person in persons}
    phones = {normalize_phone(str(person.get("phone") or "")) for person in persons}
    return len(names) == 2 and "" not in names and (len(phones) == 2 or phones == {""})


def is_of_another_moment(
    letter: Mapping[str, Any], old: Mapping[str, Any], *, rebased: bool
) -> bool:
    """Return whether two letters were written at different moments.

    One that is rebased, or dated by its arrival, has no moment of its own.
    """
    if rebased or "at" not in letter:
        return False
    return datetime.fromisoformat(letter["at"]) != datetime.fromisoformat(old["at"])


def squeezed(value: Any) -> str:
    """Return a text without white space, to be compared."""
    return "".join(str(value or "").split())


def _is_same(record: FeedRecord, old: Mapping[str, Any], *, rebased: bool) -> bool:
    letter = record.message or {}
    same = all(squeezed(letter.get(f)) == squeezed(old.get(f)) for f in record.facts or ())
    return same and _may_be_edited(record, old, rebased=rebased)


def _may_be_edited(record: FeedRecord, old: Mapping[str, Any], *, rebased: bool) -> bool:
    letter = record.message or {}
    if is_of_another_moment(letter, old, rebased=rebased) or are_two_persons(letter, old):
        return False
    return squeezed(letter.get("title")) == squeezed(old.get("title")) or (
        jaccard(shingles_of(letter), shingles_of(old)) >= SIMILAR_FROM
    )


def _renumber(record: FeedRecord, before: str, letter_id: str, ticket: str) -> None:
    assert record.message is not None
    for message in (record.message, *record.later):
        message["ticket"] = ticket
        message["id"] = letter_id + message["id"].removeprefix(before)
