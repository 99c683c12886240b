"""Texts of notices: fill_text by a sandbox that refuses everything but its gaps."""

import pytest

from models.rules.notice_texts import PLACEHOLDERS, InvalidNoticeText, check_text, fill_text
from models.rules.policy import InvalidPolicy, load_policy, load_stored_policy
from models.rules.policy_checks import policy_problems
from tests.rules.district import POLICY, POLICY_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "{{ claimant }}",
        "{{ ticket.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% for n in range(9999999) %}x{% endfor %}",
        "{% include 'x' %}",
        "{{ ticket",
        "{{ 1 / 0 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'x' * 10 ** 10 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ title|center(10000000000) }}",
        "{{ '%9999999999d'|format(count) }}",
        "{{ title|replace('', 'xxxxxxxx')|replace('x', 'xxxxxxxx')|replace('x', 'xxxxxxxx') }}",
        "{% set a = title ~ title %}{{ a }}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{{ title|truncate(0) }}",
        "{% if unit %}{{ unit > 3 }}{% endif %}",
        "x" * 2_001,
        "{{ " + "[" * 1_900,
        "{% if id %}" * 99 + "{% endif %}" * 99,
        "{{ title" + "|trim" * 300 + " }}",
        "{{ " + "not " * 490 + "id }}",
    ],
)
def test_a_text_that_reaches_for_more_is_refused(text: str) -> None:
    with pytest.raises(InvalidNoticeText):
        check_text("yellow", text)


@pytest.mark.parametrize(
    "nested", ["{{ title" + "|trim" * 60 + " }}", "{{ " + "not " * 60 + "id }}"]
)
def test_what_takes_long_to_compile_is_not_compiled(nested: str) -> None:
    with pytest.raises(InvalidNoticeText, match="50 levels"):
        check_text("yellow", nested)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ticket }}：{{ title|truncate(20) }}",
        "{% if unit and count > 1 %}{{ unit }}{% else %}-{% endif %}",
        "{{ due if due else '-' }} {{ district|default('濠江') }} {{ unit ~ '，' }}",
    ],
)
def test_gaps_and_conditions_are_enough(text: str) -> None:
    check_text("yellow", text)


def test_a_text_that_fails_with_some_values_alone_says_so() -> None:
    texts = {"yellow": "{% if title == 'x' %}{{ title > 3 }}{% endif %}"}
    check_text("yellow", texts["yellow"])
    with pytest.raises(InvalidNoticeText):
        fill_text(texts, "yellow", PLACEHOLDERS | {"title": "x"})


def test_a_stored_policy_is_taken_with_a_text_that_is_refused_today() -> None:
    """An earlier release took it: nobody could mend it while no command starts."""
    policy = POLICY_TEXT + '\n[notices.texts.zh]\nyellow = "{% if id %}{{ nobody }}{% endif %}"\n'
    with pytest.raises(InvalidPolicy, match="nobody"):
        load_policy(policy, "policy.toml")
    ((path, _why),) = policy_problems(load_stored_policy(policy, "policy 1"))
    assert path == ("notices", "texts", "zh", "yellow")


def test_what_stands_in_a_gap_is_no_template() -> None:
    """A title that looks like one is shown as it is, on one line."""
    gaps = PLACEHOLDERS | {"title": "{{ id }}\n{%x"}
    text = fill_text({"yellow": "工单 {{ ticket }}：{{ title }}"}, "yellow", gaps)
    assert text == "工单 ：{{ id }} {%x"


def test_the_policy_says_when_notices_disturb() -> None:
    notices = POLICY.notices
    assert notices.quiet_from is not None
    assert {"prewarning", "yellow", "red"} <= set(notices.digest)
    # a policy from before notices could be set: nothing waits
    without = (
        POLICY_TEXT.split("[notices]")[0] + "[screening]" + POLICY_TEXT.split("[screening]")[1]
    )
    rest = "[screening." + POLICY_TEXT.split("[screening.", 1)[1]
    old = load_policy(without.split("[screening.", 1)[0] + rest, "old")
    assert (old.notices.quiet_from, old.notices.digest) == (None, ())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('quiet_until = "07:30"', "", "belong together"),
        ('"red", "evidence_asked"', '"rde"', "'rde' is no kind of notice"),
        ('gather = "2 minutes"', 'gather = "1 workday"', "wall-clock"),
        ("[screening]", '[notices.texts.zh]\nred = "{{ phone }}"\n\n[screening]', "may name"),
        ("[screening]", '[notices.texts.zh]\nblue = "x"\n\n[screening]', "'blue' is no kind"),
        ("[screening]", '[notices.texts.fr]\nred = "x"\n\n[screening]', "one of: zh, en"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(old: str, new: str, says: str) -> None:
    assert old in POLICY_TEXT
    with pytest.raises(InvalidPolicy, match="line") as raised:
        load_policy(POLICY_TEXT.replace(old, new, 1), "policy")
    assert says in str(raised.value)
