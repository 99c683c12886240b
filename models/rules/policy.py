"""The policy (制度): every number and word of the regulation that a district may set otherwise."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import cached_property, partial
from typing import Annotated, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    model_validator,
)

from models.errors import HotlineError
from models.i18n import _
from models.rules.calendar import SHANGHAI
from models.rules.policy_checks import policy_problems
from models.rules.policy_overrides import apply_overrides, laid_over, leaf_paths, written_at
from models.rules.terms import HalfDay, Moment, OfficeHours, Term
from models.rules.text_templates import TextTemplate
from models.rules.toml_files import TomlFile, TomlModel
from models.rules.vocabulary import Category, ClockName, Level, NoticeKind, Recipient


class InvalidPolicy(HotlineError):
    """The policy file cannot be used; the message names the line and what is allowed there."""


def _half_day(value: object) -> object:
    match value:
        case [str(begins), str(ends)]:
            half = HalfDay(_of_day(time.fromisoformat(begins)), _of_day(time.fromisoformat(ends)))
            if half.begins < half.ends:
                return half
    raise ValueError(_("write two hours, as in ['08:30', '12:00'], the earlier one first"))


def _term(value: object) -> object:
    return Term.parse(value) if isinstance(value, str) else value


def _moment(value: object) -> object:
    return Moment.parse(value) if isinstance(value, str) else value


TermField = Annotated[Term, BeforeValidator(_term)]
MomentField = Annotated[Moment, BeforeValidator(_moment)]


class Hours(TomlModel):
    """Office hours of the two half-days."""

    morning: Annotated[HalfDay, BeforeValidator(_half_day)]
    afternoon: Annotated[HalfDay, BeforeValidator(_half_day)]

    @model_validator(mode="after")
    def _in_order(self) -> "Hours":
        if self.morning.ends > self.afternoon.begins:
            raise ValueError(_("the morning must end before the afternoon begins"))
        return self


def _of_day(at: time) -> time:
    # a bare number would be read as seconds of a day in UTC, and no zone but one is meant
    if at.tzinfo is not None:
        raise ValueError(_("write a time of day as '12:00'"))
    return at


TimeOfDay = Annotated[time, AfterValidator(_of_day)]


class Slots(TomlModel):
    """Periods of a day in which a claimant is called (时段): until when each lasts."""

    morning_until: TimeOfDay
    afternoon_until: TimeOfDay

    @model_validator(mode="after")
    def _in_order(self) -> "Slots":
        if self.morning_until >= self.afternoon_until:
            raise ValueError(_("the morning must end before the afternoon does"))
        return self


class Terms(TomlModel):
    """The term of each clock (Regulation 3, 4); the hotline's own duties may have none."""

    accept: TermField
    evidence: TermField
    consultation: TermField
    suggestion: TermField
    help: TermField
    complaint: TermField
    on_site: TermField
    emergency_report: TermField
    first_contact: TermField
    closing_contact: TermField
    survey: TermField
    proof: TermField
    archive: TermField
    designation: TermField = Term(1, "workdays")
    assignment: TermField | None = None
    return_review: TermField | None = None
    result_review: TermField | None = None
    mediation: TermField | None = None
    revisit: TermField | None = None

    def of(self, name: Category | ClockName) -> Term:
        """The term of a clock; the handling clock's is that of the ticket's category."""
        term: Term = getattr(self, name)
        return term

    def of_hotline(self, name: ClockName) -> Term | None:
        """The term of a duty of the hotline itself; None where the policy sets none."""
        term: Term | None = getattr(self, name)
        return term


class LevelRule(TomlModel):
    """One level of the ladder: its moment beside the expiry, and whom it reminds (Regulation 5)."""

    at: MomentField
    to: Recipient


class Ladder(TomlModel):
    """Pre-warning (预警), yellow card (黄牌), red card (红牌)."""

    prewarning: LevelRule
    yellow: LevelRule
    red: LevelRule

    @cached_property
    def moments(self) -> tuple[tuple[Level, Moment], ...]:
        """Each level in order, with its moment beside the expiry."""
        return tuple((level, self.of(level).at) for level in Level)

    def of(self, level: Level) -> LevelRule:
        """The rule of this level."""
        rule: LevelRule = getattr(self, level)
        return rule

    @model_validator(mode="after")
    def _in_order(self) -> "Ladder":
        keys = [(moment.workday, moment.offset) for _level, moment in self.moments]
        if keys != sorted(set(keys)):
            raise ValueError(_("the moments must follow one another: prewarning, yellow, red"))
        return self


class Extension(TomlModel):
    """Extensions (延期): how many, and asked by the end of which moment (Regulation 3.5)."""

    most: int = Field(ge=0)
    ask_by: MomentField


class Intake(TomlModel):
    """Limits of what is taken in: how far ahead a message may be dated, how long it may wait.

    With `desk_acts_for_city` operators may also send what is the city hotline's: reviews, ratings,
    revisits.
    `title_characters` is the length of a ticket's title, which is not encrypted: an excerpt.
    """

    ahead: TermField
    wait_for_receipt: TermField
    desk_acts_for_city: bool = False
    title_characters: int = Field(default=40, ge=10, le=200)


class PersonalData(TomlModel):
    """Limits of what one person sees in clear within an hour; only a supervisor may go beyond.

    Both count tickets. Claimants whose call is due are counted apart.
    """

    reveals_an_hour: int = Field(default=30, ge=0)
    calls_an_hour: int = Field(default=120, ge=0)


class Keep(TomlModel):
    """The time for which rows are kept: notices of archived tickets, shifts' notes once read.

    `texts_at_least` is for how long after its archiving the texts of a ticket must be kept, and
    `texts` after how long they are erased. `sent_notices` are lines of the file of notices, since
    they were queued, `access_log` those of the access log; `refused_rows` and `fed_files` are files
    of the home, since they were written.
    What has no time is kept until somebody removes it.
    """

    notices: TermField = Term(180, "days")
    shift_notes: TermField = Term(90, "days")
    texts_at_least: TermField | None = None
    texts: TermField | None = None
    sent_notices: TermField | None = None
    refused_rows: TermField | None = None
    fed_files: TermField | None = None
    access_log: TermField | None = None


class Screening(TomlModel):
    """Matters that are not taken (不接诉, Regulation 2.2).

    `advice` says for each item what the claimant is told. `decides` are the items that the system
    may decline by itself; every other item that it finds is a proposal. `elsewhere` names places
    outside the district; `emergency_lines` the words that belong to 110, 119, 120, 122;
    `least_characters` is how much a letter must say to have substance.
    """

    advice: dict[str, str]
    decides: tuple[Literal["1", "4", "6", "7"], ...] = ()
    elsewhere: tuple[str, ...] = ()
    emergency_lines: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    least_characters: int = Field(default=0, ge=0)

    def advice_for(self, item: str, number: str | None = None) -> str:
        """Return what the claimant is told; of several emergency lines only `number`, if given."""
        advice = self.advice.get(item, "")
        if number is None or not self.emergency_lines:
            return advice
        line = f"(?:{'|'.join(map(re.escape, self.emergency_lines))})"
        return re.sub(rf"{line}(?:[\s、，,/和或]+{line})+", number, advice)


def _kinds(value: object) -> object:
    kinds = value if isinstance(value, list | tuple) else ()
    if unknown := [kind for kind in kinds if kind not in tuple(NoticeKind)]:
        text = _("{kind} is no kind of notice; there are: {known}")
        raise ValueError(text.format(kind=repr(unknown[0]), known=", ".join(NoticeKind)))
    return value


NoticeKinds = Annotated[tuple[NoticeKind, ...], BeforeValidator(_kinds)]


class Notices(TomlModel):
    """Rules for notices (通知): when they may disturb people, which are gathered, what they say.

    From `quiet_from` to `quiet_until`, and with `quiet_days_off` on weekends and holidays, only
    `urgent` kinds go out, and those of an emergency. Kinds in `digest` wait `gather` for others to
    the same person; of kinds in `similar` those about similar tickets become one message, and what
    comes later about the same waits `similar_again`. `texts` stand by language, zh or en.
    """

    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    quiet_days_off: bool = False
    urgent: NoticeKinds = ()
    digest: NoticeKinds = ()
    gather: TermField = Term(1, "seconds")
    similar: NoticeKinds = ()
    similar_again: TermField = Term(15, "minutes")
    texts: dict[Literal["zh", "en"], dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> "Notices":
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError(_("quiet_from and quiet_until belong together"))
        return self


class BulletinRules(TomlModel):
    """Limits from which on the bulletin (通报) proposes a talk (约谈提醒) with a unit (6.1(3)).

    `red_from` red or `yellow_from` yellow cards in a month, or a place among the `last_ranks` of
    the units that completed at least `ranked_from` tickets; 0 switches a ground off.
    """

    red_from: int = Field(default=1, ge=0)
    yellow_from: int = Field(default=3, ge=0)
    last_ranks: int = Field(default=3, ge=0)
    ranked_from: int = Field(default=5, ge=1)


class Policy(TomlModel):
    """One district's policy, in force from `valid_from` at midnight, Asia/Shanghai.

    `overridden` says which values a higher rule has set, with its document (Regulation 7.3).
    """

    district: str
    document: str
    valid_from: date
    hours: Hours
    slots: Slots
    terms: Terms
    ladder: Ladder
    extension: Extension
    intake: Intake
    screening: Screening
    notices: Notices = Notices()
    bulletin: BulletinRules = BulletinRules()
    keep: Keep = Keep()
    personal_data: PersonalData = PersonalData()
    templates: tuple[TextTemplate, ...] = ()
    overridden: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def office(self) -> OfficeHours:
        """Office hours as the terms need them."""
        return OfficeHours(self.hours.morning, self.hours.afternoon)

    @cached_property
    def begins_at(self) -> datetime:
        """The instant from which the policy holds."""
        return datetime.combine(self.valid_from, time(), SHANGHAI)


def load_policy(text: str, name: str) -> Policy:
    """Read the policy from the TOML `text` of the file `name`; raises InvalidPolicy."""
    policy, file = _read_policy(text, name)
    for path, why in policy_problems(policy):
        raise file.invalid(path, why, place=written_at(path, file.values))
    return policy


def load_stored_policy(text: str, name: str) -> Policy:
    """Read a policy that a store holds; raises InvalidPolicy.

    What an earlier release took is taken here too: tickets run under it.
    """
    return _read_policy(text, name)[0]


def _read_policy(text: str, name: str) -> tuple[Policy, TomlFile]:
    file = TomlFile(text, name, InvalidPolicy)
    values, documents = apply_overrides(file)
    policy = file.convert(
        Policy, values | {"overridden": documents}, lambda path: written_at(path, file.values)
    )
    return policy, file


class PolicyFile(NamedTuple):
    """The text of a policy, or of a fragment of one, and the name by which errors call it."""

    text: str
    name: str

    @property
    def is_whole(self) -> bool:
        """Whether it is a policy by itself, and no fragment. Raises InvalidPolicy."""
        values = TomlFile(self.text, self.name, InvalidPolicy).values
        return all(key in values for key, f in Policy.model_fields.items() if f.is_required())


def changed_policy(stored: PolicyFile, changes: Sequence[PolicyFile]) -> Policy:
    """Return a policy with changes over it, one after the other; raises InvalidPolicy.

    A fragment sets the values that it names; a whole policy takes the place of what is below it.
    """
    policy, file = _read_policy(*stored)
    values, documents = apply_overrides(file)
    for change in changes:
        before = set(policy_problems(policy))
        file = TomlFile(change.text, change.name, InvalidPolicy)
        above, cited = apply_overrides(file)
        if change.is_whole:
            values, documents, before = above, cited, set()
        else:
            named = leaf_paths(above)
            documents = {k: d for k, d in documents.items() if k not in named} | cited
            values = laid_over(values, above)
        written = partial(written_at, values=file.values)
        policy = file.convert(Policy, values | {"overridden": documents}, written)
        for path, why in policy_problems(policy):
            if (path, why) not in before:
                raise file.invalid(path, why, place=written(path))
    return policy


def lacking_terms(policy: Policy) -> list[str]:
    """Return the names of the terms that the policy does not set, and that have a default."""
    return [name for name in Terms.model_fields if name not in policy.terms.model_fields_set]


class ValueChange(NamedTuple):
    """A value that differs between two policies: its path, and both as a policy file has them."""

    path: str
    before: str
    after: str


def changed_values(before: Policy, after: Policy) -> list[ValueChange]:
    """Return the values that differ between two policies; one that is not there is empty."""
    old, new = dict(_values(before)), dict(_values(after))
    return [
        ValueChange(path, old.get(path, ""), new.get(path, ""))
        for path in dict.fromkeys([*old, *new])
        if old.get(path, "") != new.get(path, "")
    ]


def _values(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case BaseModel():
            tables: Mapping[str, object] = {
                key: getattr(value, key) for key in type(value).model_fields
            }
        case dict():
            tables = value
        case (TextTemplate(), *_):
            tables = {item.name: item for item in value if isinstance(item, TextTemplate)}
        case None:
            return
        case _:
            yield path, _written(value)
            return
    for key, inner in tables.items():
        yield from _values(inner, f"{path}.{key}" if path else str(key))


def _written(value: object) -> str:
    match value:
        case HalfDay(begins, ends):
            return f"{begins:%H:%M}-{ends:%H:%M}"
        case tuple():
            return ", ".join(map(str, value))
        case time():
            return f"{value:%H:%M}"
    return str(value)


def in_force(policies: Sequence[Policy], received_at: datetime) -> Policy:
    """Return the policy that a ticket received at `received_at` runs under to its end (7.2).

    Tickets older than the first policy run under the first; of two with the same day the later in
    the sequence holds.
    """
    ordered = sorted(policies, key=lambda p: p.begins_at)
    begun = [p for p in ordered if p.begins_at <= received_at]
    return begun[-1] if begun else ordered[0]
