"""Tell what is new in a letter that is in already: new facts, a correction, another unit.

A letter is compared with the version that its source sent last, so that an edit that is taken back
is a change too, and the same file again is none.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from models.i18n import _
from models.operations.inbox import StoredMessage
from models.rules.fields import InvalidField
from models.rules.messages import FIELDS
from models.rules.phones import normalize_phone
from models.rules.routing.directory import Directory
from models.rules.routing.naming import find_all
from models.rules.vocabulary import MessageType
from scripts.ingest.known_letters import squeezed
from scripts.ingest.mapping import UPDATED
from scripts.ingest.records import FeedRecord
from scripts.ingest.spreadsheet_numbers import is_rounded, undressed, without_formula

SUPPLEMENTED, AMENDED, MOVED = "#changed#", "#amended#", "#unit#"
MARKS = (SUPPLEMENTED, AMENDED, MOVED)
"""Between the id of a letter and what tells its changes apart, in the ids of these."""

_CODES = ("category", "emergency")
_TEXTS = ("title", "address", "street", "topic")
_PERSON = ("name", "phone", "contact")
_MASKED = re.compile(r"[*\uff0a]")
"""Signs that hide a part of a name or number: an export that hides it corrects nothing."""

_FIELDS = FIELDS[MessageType.TICKET_AMENDED]


class LetterVersion(NamedTuple):
    """A letter as its source sent it last.

    `facts_digest` is that of facts that are not in `body`, since a supplement of an older release
    does not name them. `ids` are those of the messages about its changes, `updated` the latest
    moment at which the source says that it changed it.
    """

    body: Mapping[str, Any]
    facts_digest: str | None
    ids: frozenset[str]
    updated: datetime | None

    def is_older(self, letter: Mapping[str, Any]) -> bool:
        """Return whether a letter is an older version than this, by its source's own word."""
        updated = _moment(letter.get(UPDATED))
        return updated is not None and self.updated is not None and updated < self.updated

    def changed_facts(self, record: FeedRecord) -> list[str]:
        """Return the facts that are new in a record's letter; white space is nothing new."""
        letter, facts = record.message or {}, record.facts or ()
        if self.facts_digest is not None and self.facts_digest == facts_digest(letter, facts):
            return []
        known = self.body
        changed = [f for f in facts if _differ(f, letter.get(f), known.get(f))]
        if not changed and self.facts_digest is not None:
            # taken back: the first version again, and nobody knows which fields had been edited
            changed = list(facts)
        return [f for f in changed if f not in record.assumed and squeezed(letter.get(f))]

    def corrections(self, record: FeedRecord) -> dict[str, Any]:
        """Return the fields of `ticket.amended` that a record corrects (decision 35).

        What a row leaves blank says nothing, but that there is no emergency or limit any more.
        """
        letter, known = record.message or {}, self.body
        filled = {f: letter[f] for f in (*_CODES, *_TEXTS) if letter.get(f)}
        filled = {f: v for f, v in filled.items() if f not in record.assumed}
        changes = {f: v for f, v in filled.items() if _differ(f, v, known.get(f))}
        if (limit := _said(letter, "statutory_limit", record)) and limit != _limit(known):
            changes["statutory_limit"] = limit
        changes |= {f: None for f in record.cleared if known.get(f)}
        if person := self._corrected_person(_said(letter, "claimant", record)):
            changes["claimant"] = person
        return changes

    def _corrected_person(self, person: Mapping[str, Any]) -> dict[str, Any]:
        known = self.body.get("claimant") or {}
        return {
            field: person[field]
            for field in _PERSON
            if person.get(field)
            and not _MASKED.search(str(person[field]))
            and not is_rounded(str(person[field]))
            and _differ(field, person[field], known.get(field))
        }


def version_of(
    letter: StoredMessage, changes: Sequence[tuple[str, StoredMessage]]
) -> LetterVersion:
    """Return the last version of a letter, from the first and its changes in order of arrival."""
    body, digest = dict(letter.body), None
    moments = [_moment(body.get(UPDATED))]
    for message_id, message in changes:
        change = message.body
        moments.append(_moment(change.get(UPDATED)))
        if SUPPLEMENTED in message_id:
            body |= change.get("fields") or {}
            digest = None if "fields" in change else _digest_in(message_id)
            continue
        if AMENDED in message_id:
            body |= {f: change[f] for f in (*_CODES, *_TEXTS, "statutory_limit") if f in change}
            body["claimant"] = (body.get("claimant") or {}) | (change.get("claimant") or {})
        else:
            body["unit"] = change.get("named") or change.get("unit")
    updated = max((moment for moment in moments if moment is not None), default=None)
    return LetterVersion(body, digest, frozenset(i for i, _message in changes), updated)


class UnitChange(NamedTuple):
    """The meaning of a source's new unit: the type of the message, and the unit's name."""

    type: MessageType
    unit: str


def unit_change(
    record: FeedRecord,
    version: LetterVersion,
    directory: Directory,
    holder: str | None,
    *,
    received: bool,
) -> UnitChange | None:
    """Return what a source says by naming another unit than before; None if it does not.

    The ticket is reassigned (decision 36), or assigned where none has it; `received` says that it
    has been dispatched or not by now. That its holder is named by now is only noted.
    """
    named = str((record.message or {}).get("unit") or "")
    if not named or "unit" in record.assumed:
        return None
    unit = _lead(named, directory)
    before = _lead(str(version.body.get("unit") or ""), directory)
    if unit == before:
        return None
    if holder is not None and unit == _lead(holder, directory):
        return UnitChange(MessageType.NOTE_ADDED, unit)
    if holder is not None or (before and not received):
        return UnitChange(MessageType.TICKET_REASSIGNED, unit)
    return UnitChange(MessageType.TICKET_ASSIGNED, unit)


class ChangeMessages:
    """Makes the messages about what is new in one letter, each with an id of its own."""

    def __init__(
        self, letter: Mapping[str, Any], version: LetterVersion, source: str, now: datetime
    ) -> None:
        self._letter, self._version, self._source, self._now = letter, version, source, now

    def supplement(self, facts: Sequence[str], changed: Sequence[str]) -> dict[str, Any]:
        """Return the claimant's new facts (Regulation 3.4.6)."""
        fields = {f: self._letter[f] for f in changed}
        return {
            **self._envelope(
                MessageType.CLAIMANT_SUPPLEMENTED, SUPPLEMENTED, facts_digest(self._letter, facts)
            ),
            "text": "\n".join(map(str, fields.values())),
            "fields": fields,
        }

    def amendment(self, corrections: Mapping[str, Any]) -> dict[str, Any]:
        """Return the correction of what was received (decision 35)."""
        digest = _digest([json.dumps(corrections, sort_keys=True, ensure_ascii=False)])
        return {
            **self._envelope(MessageType.TICKET_AMENDED, AMENDED, digest),
            **corrections,
            "by": self._source,
            "why": _("corrected in {source}").format(source=self._source),
        }

    def of_unit(self, change: UnitChange, at: datetime) -> dict[str, Any]:
        """Return the message about another unit; it happened at `at`."""
        envelope = self._envelope(change.type, MOVED, _digest([change.unit]))
        named = {"named": self._letter["unit"], "by": self._source, "at": at.isoformat()}
        if change.type == MessageType.NOTE_ADDED:
            text = _("{source} names {unit} by now, which has the ticket")
            return envelope | named | {"text": text.format(source=self._source, unit=change.unit)}
        why = _("{source} names {unit} by now").format(source=self._source, unit=change.unit)
        return envelope | named | {"unit": change.unit, "why": why}

    def _envelope(self, kind: MessageType, mark: str, digest: str) -> dict[str, Any]:
        message_id = f"{self._letter['id']}{mark}{digest}"
        if message_id in self._version.ids:
            # said before, and something else since: from another version it is another change
            message_id += f"#{len(self._version.ids)}"
        updated = {UPDATED: self._letter[UPDATED]} if UPDATED in self._letter else {}
        return {
            "type": kind.value,
            "ticket": self._letter["ticket"],
            "id": message_id,
            "at": self._now.isoformat(),
            **updated,
        }


def facts_digest(letter: Mapping[str, Any], facts: Sequence[str]) -> str:
    """Return a short digest of a letter's facts without their white space."""
    return _digest([squeezed(letter.get(field)) for field in facts])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _digest_in(message_id: str) -> str:
    return message_id.rpartition(SUPPLEMENTED)[2].partition("#")[0]


def _said(letter: Mapping[str, Any], field: str, record: FeedRecord) -> dict[str, Any]:
    """An object of a letter without the parts that its row does not say itself."""
    value = letter.get(field)
    parts = value if isinstance(value, Mapping) else {}
    return {k: v for k, v in parts.items() if f"{field}.{k}" not in record.assumed}


def _limit(letter: Mapping[str, Any]) -> dict[str, Any]:
    limit = letter.get("statutory_limit")
    return dict(limit) if isinstance(limit, Mapping) else {}


def _differ(field: str, value: Any, known: Any) -> bool:
    # most are the same to the letter, and a telephone number takes long to read
    return bool(value != known) and bool(_read(field, value) != _read(field, known))


def _read(field: str, value: Any) -> Any:
    """A value in the form in which two are compared."""
    if value is None or value == "":
        return "wanted" if field == "contact" else ""
    if field == "phone":
        return normalize_phone(undressed(str(value)))
    if field in _CODES:
        with suppress(InvalidField):
            return _FIELDS[field].check(field, value)
    if field == "contact":
        with suppress(InvalidField):
            change: Any = _FIELDS["claimant"].check("claimant", {"contact": value})
            return change.contact
    # an older release kept a formula that shows a text as it was
    return squeezed(without_formula(str(value)))


def _lead(named: str, directory: Directory) -> str:
    """The full name of the first unit in a cell, or the cell without white space."""
    units = find_all(named, directory.resolve) if named else []
    return units[0] if units else squeezed(named)


def _moment(text: Any) -> datetime | None:
    """The moment in `updated`, which a mapping may also keep as the text of another column."""
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is not None else None
    return None
