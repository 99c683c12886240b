"""The strip of a term's days, the lanes of duties and the coming days, as functions of values."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

import pytest
from rich.cells import cell_len

from models.i18n import activate
from models.queries.coming_days import ComingDay, days_of_dues
from models.queries.duties import DutyRow, DutyView
from models.queries.event_counts import HourlyCounts
from models.queries.log_lines import LogLine
from models.rules.explain import deciding_clock, explain
from models.rules.lifecycle.decide import fold
from models.rules.state import RuleContext, State
from models.rules.vocabulary import ClockName, ClockState, Level, label
from monitor.deadline_view import day_strip, lanes, strip_days
from monitor.snapshot_reader import office_calendar
from monitor.widgets.coming_days import day_items
from monitor.widgets.day_curve import day_curve
from tests.rules.district import CALENDAR, POLICY, instant
from tests.rules.moves import message, received
from tests.rules.random_lives import ACCEPTED, EXTENSION, LEAD, TICKET, TYPHOON, Step

CONTEXT = RuleContext(POLICY, CALENDAR)
OFFICE = office_calendar(CALENDAR, POLICY)

COUNTED, TO_COME, QUIET, STEP = "on $primary", "on $scrollbar", "$quiet", "on $accent"


def _strip(
    *steps: tuple[str, Step], now: str, begun: str, category: str
) -> dict[str, tuple[str, str]]:
    """Return the days of a ticket that has gone through these steps, by month and day."""
    first = (begun, received(unit=LEAD, category=category))
    messages = [message(step, instant(at), n) for n, (at, step) in enumerate([first, *steps], 1)]
    state = State(TICKET)
    events = fold(state, messages, CONTEXT, instant(now))
    log = [LogLine(n, e.at, e.moment, e.data, {}, "") for n, e in enumerate(events, 1)]
    clock = deciding_clock(state)
    assert clock is not None
    why = explain(clock, state, CONTEXT)
    days = strip_days(log, why, instant(now), OFFICE)
    # the strip has all of them, whatever falls where
    plain = day_strip(log, why, instant(now), OFFICE).plain
    assert all(text in plain for text, _style in days.values())
    return {f"{day:%m-%d}": cell for day, cell in days.items()}


def _with_style(days: dict[str, tuple[str, str]], style: str) -> list[str]:
    return [day for day, (_text, cell_style) in days.items() if cell_style.endswith(style)]


NATIONAL_DAY = {"begun": "2026-09-29 15:00", "category": "complaint"}


def test_a_term_over_a_holiday_and_a_make_up_saturday() -> None:
    """Seven working days from 29 September: seven days off do not count, a Saturday does."""
    days = _strip(("2026-09-29 16:00", ACCEPTED), now="2026-10-10 11:00", **NATIONAL_DAY)
    assert (min(days), max(days)) == ("09-29", "10-16")
    # counted so far: 30 September, 8 and 9 October, and today, the Saturday
    assert _with_style(days, COUNTED) == ["09-30", "10-08", "10-09", "10-10"]
    assert _with_style(days, TO_COME) == ["10-12"]
    off = ["10-01", "10-02", "10-03", "10-04", "10-05", "10-06", "10-07", "10-11"]
    assert _with_style(days, QUIET) == ["09-29", *off]
    assert [day for day, (_text, style) in days.items() if "underline" in style] == ["10-10"]
    marks = {day: text for day, (text, _style) in days.items() if not text.isdecimal()}
    assert marks == {"10-13": "预", "10-14": "到", "10-15": "黄", "10-16": "红"}
    assert "card-red" in days["10-16"][1]


def test_an_extension_is_a_step_and_moves_what_comes() -> None:
    """Asked on the 12th: the same term from the old due day on; the levels move with it."""
    steps = (("2026-09-29 16:00", ACCEPTED), ("2026-10-12 10:00", EXTENSION))
    days = _strip(*steps, now="2026-10-14 11:00", **NATIONAL_DAY)
    marks = {day: text for day, (text, _style) in days.items() if not text.isdecimal()}
    assert marks == {"10-12": "延", "10-22": "预", "10-23": "到", "10-26": "黄", "10-27": "红"}
    assert days["10-12"][1].endswith(STEP)
    assert _with_style(days, COUNTED)[-2:] == ["10-13", "10-14"]


def test_a_restart_is_the_first_step_of_its_run() -> None:
    """After a typhoon the term begins again: the strip begins with that day."""
    steps = (("2026-09-29 16:00", ACCEPTED), ("2026-10-09 10:00", TYPHOON))
    days = _strip(*steps, now="2026-10-10 11:00", **NATIONAL_DAY)
    assert (min(days), days["10-09"][0]) == ("10-09", "重")
    # the tenth, a Saturday, counts; the eleventh, the seventeenth and the eighteenth do not
    assert (days["10-19"][0], days["10-20"][0]) == ("到", "黄")


def test_a_term_of_one_day_is_warned_of_before_its_holiday() -> None:
    """A consultation of 30 September is due on 8 October, and in pre-warning from its base."""
    accepted = ("2026-09-30 09:10", ACCEPTED)
    begun = {"begun": "2026-09-30 09:00", "category": "consultation"}
    days = _strip(accepted, now="2026-10-09 09:00", **begun)
    marks = {day: text for day, (text, _style) in days.items() if not text.isdecimal()}
    assert marks == {"09-30": "预", "10-08": "到", "10-09": "黄", "10-10": "红"}


def _duty(
    base: str, due: str, state: ClockState, ended: str = "", name: ClockName = ClockName.HANDLING
) -> DutyView:
    ended_at = instant(ended) if ended else None
    row = DutyRow(name, 1, name, LEAD, None, instant(base), instant(due), False, state, ended_at)
    return DutyView(row, None, ())


def _lanes(duties: Sequence[DutyView], now: str) -> list[list[tuple[str, int]]]:
    """Return each lane as runs of one style; the axis has a cell an hour for each 24 cells."""
    names = max(cell_len(label(ClockName, duty.row.name)) for duty in duties)
    content = lanes(duties, instant(now), names + len("LEAD") + 2 + 48, {LEAD: "LEAD"})
    runs = []
    for line in content.split("\n")[1:]:
        cells = [""] * len(line.plain)
        for span in line.spans:
            cells[span.start : span.end] = [str(span.style)] * (span.end - span.start)
        lane = cells[len(line.plain) - _lane_length(line.plain) :]
        runs.append([(style, len(list(run))) for style, run in groupby(lane)])
    return runs


def _lane_length(plain: str) -> int:
    return len(plain) - len(plain.rstrip())


@pytest.mark.parametrize(
    ("duty", "lane"),
    [
        (
            _duty("2026-10-08 00:00", "2026-10-09 00:00", ClockState.RUNNING),
            [("on $primary", 13), ("on $scrollbar", 12)],
        ),
        (
            _duty("2026-10-08 00:00", "2026-10-08 06:00", ClockState.RUNNING),
            [("on $primary", 7), ("on $error", 6)],
        ),
    ],
)
def test_a_running_duty_ends_now_and_shows_what_is_left_or_over(
    duty: DutyView, lane: list[tuple[str, int]]
) -> None:
    """A second duty, of two days, makes the axis: an hour a cell."""
    axis = _duty("2026-10-08 00:00", "2026-10-10 00:00", ClockState.RUNNING)
    runs, _whole = _lanes([duty, axis], "2026-10-08 12:00")
    coloured = [run for run in runs if run[0].startswith("on ")]
    assert coloured == lane


def test_a_duty_that_ended_stops_there() -> None:
    """Met in time it is green to its end, late red; an expired one is red whole."""
    axis = _duty("2026-10-08 00:00", "2026-10-10 00:00", ClockState.RUNNING)
    ended = [
        _duty("2026-10-08 00:00", "2026-10-09 00:00", ClockState.MET, "2026-10-08 10:00"),
        _duty("2026-10-08 00:00", "2026-10-08 12:00", ClockState.LATE, "2026-10-08 20:00"),
        _duty("2026-10-08 00:00", "2026-10-08 12:00", ClockState.EXPIRED, "2026-10-08 12:00"),
    ]
    runs = _lanes([*ended, axis], "2026-10-08 22:00")
    coloured = [[run for run in lane if run[0].startswith("on ")] for lane in runs[:3]]
    assert coloured == [
        [("on $success", 11)],
        [("on $error", 21)],
        [("on $error", 13)],
    ]


def test_an_emergency_runs_through_nights_and_days_off() -> None:
    """Two and twenty-four hours by the wall's clock, on the first day of a holiday."""
    base = "2026-10-01 20:00"
    duties = [
        _duty(base, "2026-10-01 22:00", ClockState.RUNNING, name=ClockName.ON_SITE),
        _duty(base, "2026-10-02 20:00", ClockState.RUNNING, name=ClockName.EMERGENCY_REPORT),
    ]
    on_site, report = _lanes(duties, "2026-10-02 08:00")
    coloured = [[run for run in lane if run[0].startswith("on ")] for lane in (on_site, report)]
    # half an hour a cell: four of the two hours, then twenty over; the report is at its half
    assert coloured[0] == [("on $primary", 5), ("on $error", 20)]
    assert coloured[1] == [("on $primary", 25), ("on $scrollbar", 23)]


def test_the_axis_of_a_day_or_two_has_hours() -> None:
    """A mark stands over the cell of its moment, and a new day is named."""
    base = "2026-10-01 20:00"
    report = _duty(base, "2026-10-02 20:00", ClockState.RUNNING, name=ClockName.EMERGENCY_REPORT)
    axis = lanes([report], instant("2026-10-02 08:00"), 64, {LEAD: "水务局"}).plain.split("\n")[0]
    # half an hour a cell, behind 16 cells of names
    marks = {mark: axis.index(mark) - 16 for mark in axis.split()}
    assert marks == {"10-01": 0, "10-02": 8, "06:00": 20, "12:00": 32}


def test_english_names_of_clocks_are_whole() -> None:
    """They are longer than Chinese ones; the lanes have what is left."""
    activate("en")
    duties = [
        _duty("2026-10-08 09:00", "2026-10-20 17:30", ClockState.RUNNING, name=name)
        for name in (ClockName.HANDLING, ClockName.FIRST_CONTACT, ClockName.EMERGENCY_REPORT)
    ]
    plain = lanes(duties, instant("2026-10-09 09:00"), 57, {LEAD: "水务局"}).plain
    assert all(name in plain for name in ("handling term ", "first contact ", "emergency report "))


def test_yesterday_is_named_where_a_chart_has_one_line() -> None:
    """In the smallest terminal as in a large one."""
    counts = tuple(n % 3 for n in range(24))
    curve = HourlyCounts(counts, counts, counts, counts)
    for height in (3, 5):
        plain = day_curve(curve, 11, 78, height).plain
        assert plain.count("昨日此时") == 2
        assert all(cell_len(line) <= 78 for line in plain.split("\n"))


def _day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_coming_days_of_a_holiday() -> None:
    """The levels of the table in the regulation's calendar; a day off only for an emergency."""
    handling = {_day("2026-10-14"): 3, _day("2026-10-08"): 1}
    others = {_day("2026-10-02"): 1, _day("2026-09-30"): 2}
    days = days_of_dues(handling, others, instant("2026-09-30 09:10"), CONTEXT)
    by_day = {f"{day.day:%m-%d}": day for day in days}
    assert [day for day, each in by_day.items() if each.is_working] == [
        *("09-30", "10-08", "10-09", "10-10", "10-12", "10-13", "10-14", "10-15", "10-16"),
        "10-19",
    ]
    assert [day for day, each in by_day.items() if not each.is_working] == ["10-02"]
    assert by_day["10-02"] == ComingDay(_day("2026-10-02"), 0, 1, {}, is_working=False)
    assert (by_day["09-30"].others, by_day["10-08"].handling) == (2, 1)
    assert {day: dict(each.levels) for day, each in by_day.items() if each.levels} == {
        "10-09": {Level.YELLOW: 1},
        "10-10": {Level.RED: 1},
        "10-13": {Level.PREWARNING: 3},
        "10-15": {Level.YELLOW: 3},
        "10-16": {Level.RED: 3},
    }


def test_the_list_of_coming_days_has_blanks_for_zeros() -> None:
    """A day without anything has its date alone; the longest bar is of the busiest day."""
    days = [
        ComingDay(_day("2026-10-09")),
        ComingDay(_day("2026-10-10"), 4, 2, {instant("2026-10-10 08:30"): {Level.RED: 1}}),
        ComingDay(_day("2026-10-11"), 0, 3, is_working=False),
    ]
    items = day_items(days)
    texts = [[cell.text.strip() for cell in item.cells] for item in items]
    assert texts[0] == ["10-09 周五", "", "", "", "", "", ""]
    assert texts[1] == ["10-10 周六", "4", "2", "", "", "1", ""]
    assert items[2].cells[0].style == "quiet"
    bars = [sum(len(text) for text, _style in item.cells[-1].parts) for item in items]
    assert bars == [0, 14, 7]
    assert days[1].day + timedelta(days=1) == days[2].day
