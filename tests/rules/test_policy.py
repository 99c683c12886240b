"""The policy as a file: what the district's says, how an invalid one is named, and another one."""

import re
from datetime import date, time, timedelta
from typing import Any

import pytest

from models.errors import HotlineError
from models.i18n import render
from models.rules.explain import explain
from models.rules.lifecycle.decide import fold
from models.rules.policy import (
    InvalidPolicy,
    changed_values,
    in_force,
    load_policy,
    load_stored_policy,
)
from models.rules.policy_checks import policy_problems
from models.rules.state import RuleContext, State
from models.rules.terms import Moment, Term
from models.rules.text_templates import templates_for
from models.rules.vocabulary import MessageType
from tests.rules.district import CALENDAR, LIVE_POLICY, POLICY, POLICY_TEXT, instant, policy_with
from tests.rules.moves import message, received
from tests.rules.random_lives import ACCEPTED


def line_of(text: str, fragment: str) -> int:
    """The number of the only line that holds `fragment`."""
    (number,) = [n for n, line in enumerate(text.splitlines(), 1) if fragment in line]
    return number


def test_the_districts_policy_says_what_the_regulation_says() -> None:
    terms = POLICY.terms
    one_day = Term(1, "workdays")
    assert (terms.accept, terms.evidence) == (one_day, Term(1, "halfdays"))
    assert (terms.consultation, terms.suggestion) == (one_day, Term(2, "workdays"))
    assert (terms.help, terms.complaint) == (Term(3, "workdays"), Term(7, "workdays"))
    assert (terms.on_site, terms.emergency_report) == (Term(2, "hours"), Term(24, "hours"))
    assert {terms.first_contact, terms.closing_contact, terms.survey, terms.proof} == {one_day}
    assert terms.archive == Term(5, "workdays")
    assert (POLICY.office.opening, POLICY.office.closing) == (time(8, 30), time(17, 30))
    assert (POLICY.hours.morning.ends, POLICY.hours.afternoon.begins) == (time(12), time(14, 30))
    assert (POLICY.slots.morning_until, POLICY.slots.afternoon_until) == (time(12), time(18))
    ladder = POLICY.ladder
    assert (ladder.prewarning.at, ladder.prewarning.to) == (Moment(-1), "unit_contact")
    assert (ladder.yellow.at, ladder.yellow.to) == (Moment(1), "deputy_leader")
    assert (ladder.red.at, ladder.red.to) == (Moment(2), "principal_leader")
    assert (POLICY.extension.most, POLICY.extension.ask_by) == (2, Moment(-1))
    assert POLICY.intake.ahead == Term(5, "minutes")
    assert POLICY.intake.wait_for_receipt == Term(7, "days")
    assert POLICY.begins_at == instant("2023-01-01 00:00")
    assert set(POLICY.screening.advice) == {str(n) for n in range(1, 12)}
    assert all(number in POLICY.screening.advice["4"] for number in ("110", "119", "120", "122"))


def test_another_district_counts_in_hours_and_seconds() -> None:
    live = load_policy(LIVE_POLICY, "live.toml")
    assert live.district == "试验区"
    assert live.terms.complaint == Term(30, "seconds")
    assert live.terms.consultation == Term(2, "hours")
    assert live.terms.suggestion == Term(90, "minutes")
    assert live.ladder.prewarning.at == Moment(offset=timedelta(seconds=-10))
    assert live.ladder.red.at == Moment(offset=timedelta(seconds=20))
    assert live.ladder.prewarning.to == "district_desk"
    assert (live.extension.most, live.extension.ask_by.offset) == (1, timedelta(seconds=-5))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('help = "3 workdays"', 'help = "3 weeks"', ["terms.help", "'3 weeks' is no term"]),
        ('help = "3 workdays"', "help = 3", ["terms.help"]),
        ('at = "workday +2"', 'at = "second day"', ["ladder.red.at", "is no moment"]),
        ('to = "deputy_leader"', 'to = "mayor"', ["ladder.yellow.to", "deputy_leader"]),
        ('morning = ["08:30", "12:00"]', 'morning = ["12:00", "08:30"]', ["hours.morning"]),
        ('morning = ["08:30", "12:00"]', 'morning = ["8:30", "9:00"]', ["hours.morning"]),
        ("valid_from = 2023-01-01", 'valid_from = "soon"', ["valid_from"]),
        ("most = 2", "most = -1", ["extension.most"]),
        ('proof = "1 workday"', 'proof = "1 workday"\nproofs = 1', ["terms.proofs"]),
        (
            'messages = ["result.reviewed"]',
            'messages = ["result.review"]',
            ["7.messages", "result.reviewed"],
        ),
        (
            'messages = ["result.reviewed"]',
            'messages = ["survey.rated"]',
            ["7.messages", "unit.urged"],
        ),
        ('messages = ["result.reviewed"]', "messages = []", ["templates.7.messages", "at least 1"]),
        ('name = "结果不完整"', 'name = ""', ["templates.7.name", "text"]),
        ('name = "结果不完整"', f'name = "{"长" * 31}"', ["templates.7.name", "30"]),
    ],
)
def test_a_wrong_value_is_named_with_its_line(old: str, new: str, says: list[str]) -> None:
    text = policy_with((old, new))
    with pytest.raises(InvalidPolicy) as raised:
        load_policy(text, "mine.toml")
    message = str(raised.value)
    assert message.startswith("mine.toml: line ")
    assert f"line {line_of(text, new.splitlines()[-1])}: " in message
    for fragment in says:
        assert fragment in message


def test_a_missing_value_names_the_table_it_belongs_to() -> None:
    text = policy_with(('survey = "1 workday"', "# survey"))
    with pytest.raises(InvalidPolicy, match=rf"line {line_of(text, '[terms]')}: terms\.survey"):
        load_policy(text, "mine.toml")


def test_what_is_no_toml_says_where() -> None:
    with pytest.raises(InvalidPolicy, match=r"mine\.toml: not valid TOML: .*line 2") as raised:
        load_policy('district = "x"\nvalid_from 2023', "mine.toml")
    assert isinstance(raised.value, HotlineError)


@pytest.mark.parametrize(
    "levels",
    [
        {"prewarning": "workday +1", "yellow": "workday -1", "red": "workday +2"},
        {"prewarning": "workday -1", "yellow": "workday +2", "red": "workday +2"},
        {"prewarning": "-1h", "yellow": "+20s", "red": "+10s"},
    ],
)
def test_a_ladder_out_of_order_is_refused(levels: dict[str, str]) -> None:
    text = POLICY_TEXT
    for level, at in levels.items():
        before, header, after = text.partition(f"[ladder.{level}]")
        assert header
        lines = after.splitlines(keepends=True)
        assert lines[1].startswith("at = ")
        lines[1] = f'at = "{at}"\n'
        text = before + header + "".join(lines)
    with pytest.raises(InvalidPolicy, match="prewarning, yellow, red"):
        load_policy(text, "mine.toml")


def test_a_ticket_runs_under_the_policy_in_force_when_it_was_received() -> None:
    """Regulation 7.2, to the second, and also for what is older than the first policy."""
    later = load_policy(LIVE_POLICY, "live.toml")
    assert later.valid_from == date(2025, 7, 1)
    policies = [later, POLICY]
    assert in_force(policies, instant("2025-06-30 23:59:59")) is POLICY
    assert in_force(policies, instant("2025-07-01 00:00")) is later
    assert in_force(policies, instant("2019-05-01 10:00")) is POLICY


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('wait_for_receipt = "7 days"', 'wait_for_receipt = "5 workdays"', "wall-clock"),
        ('ahead = "5 minutes"', 'ahead = "1 half-day"', "wall-clock"),
        ('ahead = "5 minutes"', 'ahead = "30 days"', "one day at most"),
        ('on_site = "2 hours"', 'on_site = "1 workday"', "wall-clock"),
        ('emergency_report = "24 hours"', 'emergency_report = "1 workday"', "wall-clock"),
        ('gather = "2 minutes"', 'gather = "1 half-day"', "wall-clock"),
        ('notices = "180 days"', 'notices = "180 calendar-days"', "wall-clock"),
        ('at = "workday +1"', 'at = "-2h"', "after the expiry"),
        ('ask_by = "workday -1"', 'ask_by = "workday +1"', "before the expiry"),
        ('quiet_until = "07:30"', 'quiet_until = "21:00"', "must differ"),
        ('name = "结果不完整"', 'name =  "群体诉求"', "has this name"),
        ('name = "结果不完整"', r'name = "结果\n不完整"', "one line"),
        ('survey = "1 workday"', 'survey = "00 workdays"', "is no term"),
        ('morning = ["08:30", "12:00"]', 'morning = ["08:30+08:00", "12:00"]', "time of day"),
    ],
)
def test_what_no_value_shows_alone_is_named_too(old: str, new: str, says: str) -> None:
    text = policy_with((old, new))
    with pytest.raises(InvalidPolicy, match=re.escape(says)) as raised:
        load_policy(text, "mine.toml")
    assert f"mine.toml: line {line_of(text, new)}: " in str(raised.value)


@pytest.mark.parametrize(
    "levels", [{"yellow": "+3d"}, {"yellow": "workday +1", "red": "+9d"}, {"yellow": "+9h"}]
)
def test_the_red_card_cannot_come_before_the_yellow_one(levels: dict[str, str]) -> None:
    shipped = {"yellow": 'at = "workday +1"', "red": 'at = "workday +2"'}
    text = policy_with(*((shipped[level], f'at = "{at}"') for level, at in levels.items()))
    with pytest.raises(InvalidPolicy, match=r"follow one another|both be"):
        load_policy(text, "mine.toml")


def test_a_pre_warning_comes_before_the_expiry() -> None:
    levels = [('at = "workday -1"', 'at = "+1h"'), ('at = "workday +1"', 'at = "+2h"')]
    with pytest.raises(InvalidPolicy, match="before the expiry"):
        load_policy(policy_with(*levels, ('at = "workday +2"', 'at = "+3h"')), "mine.toml")


def test_a_yellow_card_within_hours_may_come_before_a_red_one_at_opening_time() -> None:
    policy = load_policy(policy_with(('at = "workday +1"', 'at = "+2h"')), "mine.toml")
    assert policy.ladder.red.at == Moment(2)


def test_a_store_may_hold_what_an_earlier_release_took() -> None:
    text = policy_with(('wait_for_receipt = "7 days"', 'wait_for_receipt = "5 workdays"'))
    policy = load_stored_policy(text, "policy 1")
    ((path, why),) = policy_problems(policy)
    assert (path, "wall-clock" in why) == (("intake", "wait_for_receipt"), True)
    assert policy.intake.wait_for_receipt.span == timedelta(days=5), "not zero"


def test_the_values_that_differ_are_listed_as_they_are_written() -> None:
    changed = load_policy(
        policy_with(
            ('help = "3 workdays"', 'help = "30 hours"'),
            ('at = "workday +2"', 'at = "workday +3"'),
            ('quiet_from = "21:00"', 'quiet_from = "22:00"'),
            ('morning = ["08:30", "12:00"]', 'morning = ["09:00", "12:00"]'),
            ('text = "经核对职责分工，该事项由该单位承办。"', 'text = "改派。"'),
        ),
        "mine.toml",
    )
    assert [tuple(change) for change in changed_values(POLICY, changed)] == [
        ("hours.morning", "08:30-12:00", "09:00-12:00"),
        ("terms.help", "3 workdays", "30 hours"),
        ("ladder.red.at", "workday +2", "workday +3"),
        ("notices.quiet_from", "21:00", "22:00"),
        ("templates.职责不符.text", "经核对职责分工，该事项由该单位承办。", "改派。"),
    ]
    assert changed_values(POLICY, POLICY) == []


_HIGHER = """
[[override]]
document = "汕府办〔2025〕1号"
terms.help = "2 workdays"
"""


def test_a_higher_rule_wins_and_is_cited() -> None:
    """Regulation 7.3: the value of the city's document holds, the district's others stay."""
    policy = load_policy(POLICY_TEXT + _HIGHER, "p")
    assert policy.terms.help == Term(2, "workdays")
    assert policy.terms.complaint == POLICY.terms.complaint
    assert policy.overridden == {"terms.help": "汕府办〔2025〕1号"}
    context, state = RuleContext(policy, CALENDAR), State("T")
    at = instant("2026-11-02 09:00")
    letter = message(received(category="help"), at, 1)
    fold(state, [letter, message(ACCEPTED, at, 2)], context, at)
    why = explain(state.clocks["handling"], state, context)
    assert why.due == instant("2026-11-04 17:30")
    assert "汕府办〔2025〕1号" in render(why.notes[0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (_HIGHER.replace('"2 workdays"', '"2 weeks"'), ["terms.help", "2 weeks", "workdays"]),
        (_HIGHER.replace("terms.help", "terms.helping"), ["terms.helping"]),
        (_HIGHER.replace("document =", "paper ="), ["document"]),
        ('[override]\ndocument = "x"\n', ["[[override]]"]),
    ],
)
def test_a_wrong_override_is_named_with_its_line(text: str, says: list[str]) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        load_policy(POLICY_TEXT + text, "p.toml")
    line = int(re.search(r"line (\d+)", str(raised.value))[1])  # type: ignore[index]
    assert line > len(POLICY_TEXT.splitlines())
    assert all(word in str(raised.value) for word in says), raised.value


def test_a_template_is_offered_for_the_messages_that_it_names() -> None:
    urging = templates_for(POLICY.templates, MessageType.UNIT_URGED)
    assert urging["临期督办"].startswith("该工单即将到期")
    assert "职责不符" not in urging
    assert templates_for((), MessageType.UNIT_URGED) == {}, "a policy without them is as before"


def test_a_policy_cannot_be_changed_in_place() -> None:
    frozen: Any = POLICY
    with pytest.raises(ValueError, match="frozen"):
        frozen.district = "别处"
