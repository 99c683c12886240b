"""Variants of the rules: the store's own policies and calendar with changes over them."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from models.errors import HotlineError
from models.i18n import N_, _, render
from models.rules.calendar import Calendar, DeclaredDay
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.policy import Policy, PolicyFile, changed_policy, changed_values
from models.rules.state import RuleContext
from models.rules.terms import Term, describe_term
from models.rules.vocabulary import Category, ClockName, Code, label
from models.text_files import read_text
from scripts.rulebook.calendar_file import read_declared_days

_DOCUMENT = N_("an assumption")
_HEADING = ("district", "document", "valid_from")
"""Values of a policy that say what it is; a ticket keeps the policy that it was received under."""
_KINDS = ("set", "off", "working", "policy", "calendar")


class InvalidVariant(HotlineError):
    """A change of the rules cannot be read; the message says how to write it."""


@dataclass(frozen=True)
class Variant:
    """Changes of the rules: policy files and fragments in their order, and declared days.

    `name` is how they were written, `words` what they are, in the language of this process.
    """

    name: str
    changes: Sequence[PolicyFile] = ()
    days: Mapping[date, DeclaredDay] = field(default_factory=dict)
    words: str = ""

    def policy(self, stored: PolicyFile) -> Policy:
        """Return a policy of the store under this variant. Raises InvalidPolicy."""
        return changed_policy(stored, self.changes)

    def calendar(self, present: Calendar) -> Calendar:
        """Return the present calendar with the days of this variant."""
        if not self.days:
            return present
        return Calendar({**present.overlay, **self.days}, present.version, present.years)


TODAY = Variant(N_("today's rules"))
"""The rules as they stand."""


@dataclass(frozen=True)
class RuleSet:
    """The rules of one side of a comparison: contexts by the id of the policy.

    `days` are days that it declares: they count for tickets too that keep others. `words` are what
    people read in place of the name.
    """

    name: str
    contexts: Mapping[str, RuleContext]
    days: Mapping[date, DeclaredDay] = field(default_factory=dict)
    words: str = ""

    @property
    def title(self) -> str:
        """The name, as people read it."""
        return self.words or _(self.name)

    def context_of(self, outcome: TicketOutcome) -> RuleContext | None:
        """Return what a ticket was folded under; None where it did not begin."""
        context = self.contexts.get(outcome.policy)
        if context is None or not outcome.days_kept:
            return context
        calendar = context.calendar.keeping(outcome.days_kept)
        return RuleContext(context.policy, calendar, context.parents)

    def days_kept(self, kept: Mapping[str, bool]) -> dict[str, bool]:
        """Return the days that a ticket keeps under these rules."""
        return {day: w for day, w in kept.items() if date.fromisoformat(day) not in self.days}


def rules_differ(today: RuleSet, other: RuleSet) -> bool:
    """Return whether any value or day by which tickets are judged differs between two sides."""
    if today.contexts.keys() != other.contexts.keys():
        return True
    for policy_id, context in other.contexts.items():
        before = today.contexts[policy_id]
        changes = changed_values(before.policy, context.policy)
        if any(change.path not in _HEADING for change in changes):
            return True
        declared = today.days.keys() | other.days.keys()
        if any(before.calendar.is_working(d) != context.calendar.is_working(d) for d in declared):
            return True
    return False


def read_variant(changes: Iterable[tuple[str, str]], name: str = "") -> Variant:
    """Read a variant from its changes, each a kind and a value; without a name they name it.

    Kinds are `set` (`terms.complaint=5 workdays`), `off` and `working` (a day), `policy` and
    `calendar` (a file). Raises HotlineError.
    """
    files = list[PolicyFile]()
    days = dict[date, DeclaredDay]()
    names, words = list[str](), list[str]()
    for kind, value in changes:
        names.append(value if kind == "set" else f"{kind} {value}")
        words.append(_words(kind, value) or names[-1])
        match kind:
            case "set":
                files.append(_fragment(value))
            case "policy":
                files.append(PolicyFile(read_text(Path(value)), value))
            case "calendar":
                days |= read_declared_days(Path(value))
            case _:
                day = DeclaredDay(kind == "working", _DOCUMENT)
                if days.setdefault(_day(value), day) != day:
                    text = _("{day} cannot be off and a working day")
                    raise InvalidVariant(text.format(day=value))
    return Variant(name or "; ".join(names), files, days, "; ".join(words))


def parse_variant(text: str) -> Variant:
    """Read a variant as it is written on one line: `terms.complaint=5 workdays; off 2026-10-10`.

    Raises HotlineError.
    """
    parts = list(filter(None, map(str.strip, text.split(";"))))
    if not parts:
        raise InvalidVariant(_("a variant needs a change, as terms.complaint=5 workdays"))
    changes = list[tuple[str, str]]()
    for part in parts:
        kind, _blank, value = part.partition(" ")
        if kind in _KINDS and value and "=" not in kind:
            changes.append((kind, value.strip()))
        else:
            changes.append(("set", part))
    return read_variant(changes, "; ".join(parts))


def _words(kind: str, value: str) -> str | None:
    """Say what a change is, where there are words for it: of a term or a day."""
    if kind == "off":
        return _("{day} off").format(day=value)
    if kind == "working":
        return _("{day} a working day").format(day=value)
    path, _equals, written = (part.strip() for part in value.partition("="))
    table, _dot, key = path.partition(".")
    known: type[Code] | None = next((c for c in (Category, ClockName) if key in set(c)), None)
    if kind != "set" or table != "terms" or known is None:
        return None
    try:
        term = Term.parse(written.strip("\"'"))
    except ValueError:
        return None
    return _("{what}: {term}").format(what=label(known, key), term=render(describe_term(term)))


def _fragment(written: str) -> PolicyFile:
    """Return `terms.complaint=5 workdays` as a fragment of a policy file."""
    path, equals, value = (part.strip() for part in written.partition("="))
    if not equals or not path or not value:
        text = _("write a change as terms.complaint=5 workdays, not {written}")
        raise InvalidVariant(text.format(written=written))
    try:
        tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        value = json.dumps(value, ensure_ascii=False)
    return PolicyFile(f"{path} = {value}", "--set")


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        text = _("write a day as 2026-10-10, not {written}")
        raise InvalidVariant(text.format(written=written)) from error
