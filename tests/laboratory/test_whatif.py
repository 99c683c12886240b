"""`hotline whatif` and `replay --against`: what other rules would have made of the same acts."""

import csv
import io
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from models.database import Store
from models.queries.figure_cases import figure_counts
from models.queries.figures import OF_DUTIES, Month, months_until
from models.queries.inbox_rows import ForgedMessage
from models.queries.ticket_lives import TicketChoice
from models.queries.unit_names import load_unit_names
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.policy import InvalidPolicy, PolicyFile
from models.rules.state import Clock
from models.rules.vocabulary import Category, ClockName, ClockState
from models.tables.core import INBOX
from scripts.laboratory.comparison import Comparison
from scripts.laboratory.outcome_totals import UNIT, OutcomeTotals
from scripts.laboratory.store_comparison import compare_store
from scripts.laboratory.variants import Variant, parse_variant
from tests.laboratory.outcomes import facts_by_ticket, folded_alone, folded_outcomes, stored
from tests.report.two_months import NOW, fill_two_months
from tests.rules.district import POLICY_TEXT, SCENARIOS
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, feed, letter, prepared_store

pytestmark = pytest.mark.store(fill=fill_two_months, shared=True)
ALL_TICKETS = TicketChoice()
DESK = "城市管理和综合执法局"
SECOND_WEEK = TicketChoice(begins_at=at("2026-11-09T00:00"))
FIVE_DAYS = parse_variant("terms.complaint=5 workdays")


def test_no_change_differs_nowhere_and_is_what_the_store_has(store: Store) -> None:
    """With returns, disputes, second handlings and a message that took cards back."""
    (today, same) = zip(*folded_outcomes(store, [Variant("nothing")], NOW), strict=True)
    assert today == same
    assert facts_by_ticket(today) == stored(store)
    comparison = Comparison(2)
    assert not any(map(comparison.add, zip(today, same, strict=True)))
    assert (comparison.tickets, comparison.differ) == (len(stored(store)), [0, 0])


TOUCH_A_CATEGORY = tuple(f"terms.{category}=1 workdays" for category in Category)
TOUCH_ALL = ("terms.accept=2 workdays", "ladder.red.at=workday +3")
TOUCH_SOME_DAYS = ("off 2026-10-12", "working 2026-10-24; off 2026-11-16")


@pytest.mark.store(databases=["sqlite"], fill=fill_two_months, shared=True)
def test_tickets_that_are_not_folded_again_fare_the_same(store: Store) -> None:
    """A variant that changes a category's term, or days, leaves other tickets as they are."""
    names = (*TOUCH_A_CATEGORY, *TOUCH_ALL, *TOUCH_SOME_DAYS)
    variants = list(map(parse_variant, names))
    outcomes = folded_outcomes(store, variants, NOW)
    for place, variant in enumerate(variants, 1):
        assert [each[place] for each in outcomes] == folded_alone(store, variant, NOW), variant.name
        spared = sum(each[place] is each[0] for each in outcomes)
        assert (spared > 0) == (variant.name not in TOUCH_ALL), variant.name
        if variant.name in TOUCH_SOME_DAYS:
            assert spared < len(outcomes), variant.name


@pytest.mark.store(databases=["sqlite"], fill=fill_two_months, shared=True)
def test_the_totals_are_those_of_each_side(store: Store) -> None:
    """What a side shares with today's rules is counted once, and in it all the same."""
    variants = [FIVE_DAYS, parse_variant("off 2026-10-12")]
    compared = compare_store(store, ALL_TICKETS, variants, NOW, 0, 1).comparison
    with store.reading() as session:
        present = load_unit_names(session).present
    for total, variant in zip(compared.totals[1:], variants, strict=True):
        counted = OutcomeTotals()
        for outcome in folded_alone(store, variant, NOW):
            counted.add(outcome)
        counted.rename_units(present)
        assert total.figures(UNIT) == counted.figures(UNIT)
        assert (total.clocks, total.hours) == (counted.clocks, counted.hours)
        assert total.refused == counted.refused


def test_the_figures_are_the_bulletins(store: Store) -> None:
    """Of all that ended by now, by unit; the bulletin counts units under their present names."""
    compared = compare_store(store, ALL_TICKETS, [FIVE_DAYS], NOW, 0, 1).comparison
    months = months_until(Month.of(NOW), 5)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with store.reading() as session:
        for month in figure_counts(session, months, load_unit_names(session)):
            for unit, line in month.items():
                counts[unit].update(line)
    figures = (*OF_DUTIES, "prewarning", "yellow", "red", "cards")
    for unit, counted in compared.totals[0].figures(UNIT).items():
        for figure in figures:
            assert counted[figure] == counts[unit][figure], (unit, figure)


def test_former_names_count_under_the_present_one() -> None:
    """As in the bulletin: a renamed unit has one line."""
    clock = Clock(ClockName.HANDLING, NOW, NOW, False, "旧名", 1, ClockState.MET, ended_at=NOW)
    outcome = TicketOutcome("T", Category.HELP, None, "旧名", NOW, None, (clock,), (), (), {})
    renamed = msgspec.structs.replace(clock, holder="新名")
    totals = OutcomeTotals()
    totals.add(outcome)
    totals.add(msgspec.structs.replace(outcome, unit="新名", clocks=(renamed,)))
    totals.rename_units(lambda unit: "新名" if unit == "旧名" else unit)
    line = totals.lines(UNIT)["新名"]
    assert (line.count("tickets"), line.count("on_time"), line.rate("on_time_rate")) == (2, 2, 1)
    assert totals.hours == {("新名", "handling"): [0, 0, 0, 0, 2, 0, 0, 0, 0, 0]}


@pytest.mark.store(databases=["sqlite"], fill=fill_two_months, shared=True)
def test_processes_count_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.laboratory.store_comparison._AT_ONCE", 60)
    alone, together = (
        compare_store(store, SECOND_WEEK, [FIVE_DAYS], NOW, 5, processes) for processes in (1, 2)
    )
    assert alone.comparison.differ == together.comparison.differ
    assert alone.comparison.totals[1].figures(UNIT) == together.comparison.totals[1].figures(UNIT)
    assert alone.comparison.totals[1].hours == together.comparison.totals[1].hours
    assert alone.differences.of(1) == together.differences.of(1)
    assert alone.comparison.differ[1] > 5 == len(alone.differences.of(1))


def test_a_month_is_chosen_by_receipt(store: Store) -> None:
    october = TicketChoice(at("2026-10-01T00:00"), at("2026-11-01T00:00"))
    compared = compare_store(store, october, [FIVE_DAYS], NOW, 9, 1)
    assert compared.comparison.tickets == 7
    assert compared.comparison.totals[0].all.count("red") == 5
    assert compared.comparison.totals[1].all.count("red") == 6
    (tipped,) = [d for d in compared.differences.of(1) if d.tips]
    assert tipped.ticket == "X2"


def test_a_variant_is_several_changes_in_their_order(tmp_path: Path) -> None:
    fragment = tmp_path / "fragment.toml"
    fragment.write_text('[terms]\ncomplaint = "4 workdays"\nhelp = "2 workdays"\n')
    text = f"policy {fragment}; terms.complaint=3 workdays; off 2026-10-10; working 2026-10-11"
    variant = parse_variant(text)
    assert variant.name == text
    assert {day.isoformat(): d.working for day, d in variant.days.items()} == {
        "2026-10-10": False,
        "2026-10-11": True,
    }
    assert [change.is_whole for change in variant.changes] == [False, False]
    with pytest.raises(InvalidPolicy, match='did you mean "complaint"'):
        parse_variant("terms.complain=5 workdays").policy(PolicyFile(POLICY_TEXT, "policy"))


def test_a_shorter_term_in_october(hotline: InProcessHotline) -> None:
    """By table, for machines, as CSV and as a page that needs no other host."""
    asked = ("whatif", "--month", "2026-10", "--set", "terms.complaint=5 workdays")
    result = hotline.json(*asked)
    today, shorter = result["variants"]
    assert (result["tickets"], result["differ"]) == (7, 7)
    assert (today["cards"]["red"], shorter["cards"]["red"]) == (5, 6)
    (tipped,) = [t for t in shorter["tickets"] if t["tips"]]
    assert (tipped["was"]["red"], tipped["would_be"]["red"]) == (0, 1)
    assert tipped["why_was"]["term"] == "7 working days"
    assert tipped["why_would_be"]["term"] == "5 working days"
    assert shorter["clocks"]["handling"]["running"] == 4
    table = hotline(*asked, "--variant", "terms.complaint=6 workdays", LANG="zh").stdout
    assert "当时的人是按当时的规则办事的" in table
    assert "投诉举报 6 个工作日：7 件工单中 7 件有变化" in table
    rows = list(csv.reader(io.StringIO(hotline(*asked, "--format", "csv").stdout[1:])))
    assert ["red", "5", "6"] in rows
    page = hotline(*asked, "--format", "html").stdout
    assert page.count("<svg") == 3
    assert "7 working days (3.4.4)" in page
    assert "<script" not in page


def test_a_day_off_says_which_day_made_the_difference(hotline: InProcessHotline) -> None:
    text = hotline("whatif", "--month", "2026-10", "--off", "2026-10-12", "--format", "csv").stdout
    assert "2026-10-12 declared off: an assumption" in text
    assert "2026-10-12 working day" in text
    result = hotline.json("whatif", "--month", "2026-10", "--off", "2026-10-12")
    assert {t["ticket"] for t in result["variants"][1]["tickets"]} == {"X2", "X5", "X6"}


def test_wrong_changes_are_named(hotline: InProcessHotline) -> None:
    assert "complaint" in hotline("whatif", "--set", "terms.complain=1 hour", code=1).stderr
    assert "2026-10-10" in hotline("whatif", "--off", "soon", code=1).stderr
    assert "--set" in hotline("whatif", "--month", "2026-10", code=2).stderr
    refused = hotline("whatif", "--month", "2026-10", "--from", "2026-10-01", "--off", "x", code=2)
    assert "--month" in refused.stderr
    for empty in ("", " ; "):
        assert "5 workdays" in hotline("whatif", "--variant", empty, code=1).stderr
    backwards = ("--from", "2026-11-10", "--to", "2026-11-01")
    assert "--from" in hotline("whatif", *backwards, "--off", "2026-10-10", code=2).stderr
    for both in (("--off", "2026-10-10", "--working", "2026-10-10"),
                 ("--variant", "working 2026-10-10; off 2026-10-10")):  # fmt: skip
        assert "2026-10-10" in hotline("whatif", *both, code=1).stderr


def test_a_replay_is_compared_in_all(hotline: InProcessHotline, tmp_path: Path) -> None:
    """A fragment of a policy is taken; a folder without any known file is an error."""
    lives = SCENARIOS / "examples" / "13.jsonl"
    assert "policy.toml" in hotline("replay", lives, "--against", tmp_path, code=1).stderr
    (tmp_path / "policy.toml").write_text('[terms]\nrevisit = "9 workdays"\n')
    differing = hotline.lines("replay", lives, "--against", tmp_path)
    assert differing
    for difference in differing:
        for side, term in (("was", "1 working day"), ("would_be", "9 working days")):
            assert {clock["clock"] for clock in difference[side]["clocks"]} == {"revisit"}
            assert difference[f"why_{side}"]["term"] == term
    text = hotline("replay", lives, "--against", tmp_path, "--format", "csv").stdout
    assert f": {len(differing)} of " in text


def test_refused_lines_are_told_of(hotline: InProcessHotline, tmp_path: Path) -> None:
    """Whoever compares knows what he does not see, and on which side."""
    (tmp_path / "policy.toml").write_text('intake.ahead = "20 hours"\n')
    lives = tmp_path / "lives.jsonl"
    letter = {"type": "ticket.received", "ticket": "X", "title": "路灯", "content": "不亮"}
    ahead = {"id": "X1", "at": "2026-11-02T05:00:00+08:00", "arrived": "2026-11-02T00:00:00+08:00"}
    written = (SCENARIOS / "examples" / "13.jsonl").read_bytes()
    lives.write_bytes(written + msgspec.json.encode(letter | ahead) + b"\n{no message}\n")
    command = ("replay", lives, "--against", tmp_path)
    notes = hotline(*command, "--json").stderr.splitlines()
    assert notes[0].startswith("the replay's rules: 2 lines of the file were refused")
    assert notes[1].startswith(f"{tmp_path}: 1 line of the file was refused")
    assert "2 lines of the file were refused" in hotline(*command, "--format", "csv").stdout


def test_days_of_either_side_count_as_a_difference(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """Also those that only the replay's own calendar declares."""
    lives = SCENARIOS / "examples" / "13.jsonl"
    (tmp_path / "calendar.csv").write_text("date,working,document\n2027-01-02,off,x\n")
    mine = tmp_path / "mine.csv"
    days = "".join(f"2026-11-{day:02},off,x\n" for day in range(2, 28))
    mine.write_text(f"date,working,document\n{days}")
    text = hotline(
        "replay", lives, "--calendar", mine, "--against", tmp_path, "--format", "csv"
    ).stdout
    assert "no value and no day differs" not in text


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("--set", "terms={}"), True),
        (("--set", "valid_from=2020-01-01"), True),
        (("--off", "2026-10-11"), True),
        (("--set", "terms.complaint=4 workdays"), False),
        (("--off", "2026-10-12"), False),
    ],
)
def test_a_variant_that_changes_nothing_says_so(
    hotline: InProcessHotline, change: tuple[str, str], same: bool
) -> None:
    """So that nobody takes a slip of the pen for a finding."""
    command = ("whatif", "--month", "2026-10", *change)
    assert hotline.json(*command)["variants"][1]["same_rules"] is same
    assert ("no value and no day differs" in hotline(*command, "--format", "csv").stdout) is same


def test_a_message_that_was_changed_is_found(tmp_path: Path) -> None:
    """Nobody without the key may have a comparison tell otherwise."""
    with prepared_store(f"sqlite:///{tmp_path / 'hotline.db'}") as store:
        feed(store, [letter("T1", "2026-11-02T09:00")], NOW)
        advance_tickets(store, ["T1"], NOW)
        with store.writing() as session:
            session.execute(update(INBOX).values(at=at("2026-11-03T09:00")))
        with pytest.raises(ForgedMessage):
            compare_store(store, ALL_TICKETS, [FIVE_DAYS], NOW, 0, 1)
