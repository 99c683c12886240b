"""The result of a comparison, as a sheet and for machines."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from models.i18n import N_, _, counted
from models.queries.bulletin import BulletinLine
from models.queries.figures import RATES, format_rate
from models.rules.vocabulary import HOTLINE_HOLDERS, Category, ClockName, ClockState, Level, label
from scripts.laboratory.differences import (
    change_text,
    difference_as_dict,
    reason_texts,
    ticket_head,
)
from scripts.laboratory.outcome_totals import CATEGORY, HOURS, UNIT, OutcomeTotals
from scripts.laboratory.store_comparison import ComparedTickets
from scripts.laboratory.variants import RuleSet, rules_differ
from scripts.report.charts import LEVEL_COLOURS, Bar, bars
from scripts.report.columns import FIGURE_TITLES, format_holder
from scripts.report.sheet import Sheet, SheetChart, SheetTable

LIMIT = N_(
    "People acted as they did under the rules of then; under other rules they would have acted "
    "otherwise. The hours that each act came before its deadline show what a shorter term would "
    "have asked of them."
)
_TITLES = {
    **FIGURE_TITLES,
    "deemed": N_("deemed acceptances"),
    "expired": N_("duties expired"),
    "cards": N_("cards"),
}
_SUMMARY = (
    *("tickets", "deemed", "timed", "on_time", "late", "on_time_rate"),
    *("first_contact_rate", "closing_contact_rate", "expired", *Level),
)
_BY_KEY = ("on_time_rate", "late", "deemed", "yellow", "red")
_TODAY_COLOUR, _VARIANT_COLOUR = "#9fb8cc", "#2f6f9f"
_YELLOW, _RED = LEVEL_COLOURS[Level.YELLOW], LEVEL_COLOURS[Level.RED]
_MAX_CHART_UNITS = 20


def whatif_sheet(compared: ComparedTickets) -> Sheet:
    """The comparison for people: figures side by side, hours left, and the tickets that differ."""
    sides = [rules.title for rules in compared.rules]
    return Sheet(
        _("What if: {variants}").format(variants=" | ".join(sides[1:])),
        tuple(_notes(compared)),
        (
            _summary(compared, sides),
            _by_key(compared, sides, UNIT, _("By unit")),
            _by_key(compared, sides, CATEGORY, _("By category")),
            _clocks(compared, sides),
            *_hours(compared.comparison.totals[0]),
            *_tickets(compared),
        ),
        tuple(_charts(compared, sides)),
    )


def _notes(compared: ComparedTickets) -> Iterator[str]:
    comparison = compared.comparison
    for place, rules in enumerate(compared.rules[1:], 1):
        differ, tipped = comparison.differ[place], comparison.tipped[place]
        text = _("{name}: {differ} of {n} tickets fare differently, {tipped} of them end otherwise")
        yield text.format(name=rules.title, differ=differ, n=comparison.tickets, tipped=tipped)
        if _same_rules(compared, place):
            text = _("{name}: no value and no day differs from {today}")
            yield text.format(name=rules.title, today=compared.rules[0].title)
    yield from refused_lines(compared.rules, compared.refused_lines)
    yield _(LIMIT)


def _same_rules(compared: ComparedTickets, place: int) -> bool:
    """Return whether a side changes nothing: neither a value nor a day, nor how a ticket fares."""
    today, rules = compared.rules[0], compared.rules[place]
    return not compared.comparison.differ[place] and not rules_differ(today, rules)


def refused_lines(rules: Sequence[RuleSet], counts: Sequence[int]) -> Iterator[str]:
    """Say for each side how many lines of a replayed file it refused, and left out."""
    for side, count in zip(rules, counts, strict=False):
        if count:
            yield counted(
                count,
                N_("{name}: {n} line of the file was refused; `hotline replay` says why"),
                N_("{name}: {n} lines of the file were refused; `hotline replay` says why"),
                name=side.title,
            )


def _summary(compared: ComparedTickets, sides: Sequence[str]) -> SheetTable:
    totals = compared.comparison.totals
    rows = [
        (_(_TITLES[figure]), *(_cell(total.all, figure) for total in totals)) for figure in _SUMMARY
    ]
    refused = (str(total.refused.total()) for total in totals)
    rows.append((_("messages that the rules refuse"), *refused))
    return SheetTable(_("Figures"), (_("figure"), *sides), tuple(rows))


def _cell(line: BulletinLine, figure: str) -> str:
    if figure in RATES:
        rate = line.rate(figure)
        return "" if rate is None else format_rate(rate)
    return str(line.count(figure))


def _by_key(
    compared: ComparedTickets, sides: Sequence[str], dimension: str, title: str
) -> SheetTable:
    """The figures of each unit or category; where the sides differ, one after the other."""
    by_key = _lines(compared.comparison.totals, dimension)
    rows = [
        (
            _key_title(dimension, key),
            *(_side_by_side([_cell(line, figure) for line in lines]) for figure in _BY_KEY),
        )
        for key, lines in by_key.items()
    ]
    heads = (_(dimension), *(_(_TITLES[figure]) for figure in _BY_KEY))
    return SheetTable(title, heads, tuple(rows), note=" > ".join(sides))


def _side_by_side(cells: Sequence[str]) -> str:
    return cells[0] if len(set(cells)) == 1 else " > ".join(cell or "0" for cell in cells)


def _lines(totals: Sequence[OutcomeTotals], dimension: str) -> dict[str, Sequence[BulletinLine]]:
    """Return the lines of each unit or category, of one side after the other; the hotline none."""
    sides = [total.lines(dimension) for total in totals]
    keys = {key for lines in sides for key in lines} - {"", *HOTLINE_HOLDERS}
    return {key: [lines.get(key, BulletinLine(key, {})) for lines in sides] for key in sorted(keys)}


def _key_title(dimension: str, key: str) -> str:
    return format_holder(key) if dimension == UNIT else label(Category, key)


def _clocks(compared: ComparedTickets, sides: Sequence[str]) -> SheetTable:
    totals = compared.comparison.totals
    rows = [
        (label(ClockName, name), label(ClockState, state), *(str(n) for n in counts))
        for name in ClockName
        for state in ClockState
        for counts in [[total.clocks[name, state] for total in totals]]
        if any(counts)
    ]
    return SheetTable(_("Clocks"), (_("clock"), _("outcome"), *sides), tuple(rows), texts=2)


def hour_ranges() -> list[str]:
    """The ranges of hours that an act came before its deadline, as headings."""
    first = _("over {n} h late").format(n=-HOURS[0])
    last = _("over {n} h early").format(n=HOURS[-1])
    between = []
    for low, high in pairwise(HOURS):
        late = high <= 0
        text = _("{low}-{high} h late") if late else _("{low}-{high} h early")
        between.append(text.format(low=-high if late else low, high=-low if late else high))
    return [first, *between, last]


def _hours(today: OutcomeTotals) -> Iterator[SheetTable]:
    """Tables of the hours left under today's rules: of handlings by unit, of all acts by clock."""
    heads = hour_ranges()
    by_unit = [
        (format_holder(holder), *map(str, counts))
        for (holder, clock), counts in sorted(today.hours.items())
        if clock == ClockName.HANDLING
    ]
    note = _("Under today's rules; an act in the range of 0 hours or more was in time.")
    title = _("Hours before the deadline: results, by unit")
    yield SheetTable(title, (_("unit"), *heads), tuple(by_unit), note=note)
    by_clock = [
        (label(ClockName, name), *map(str, counts))
        for name in ClockName
        if (counts := _hours_of(today, name))
    ]
    title = _("Hours before the deadline: all acts, by clock")
    yield SheetTable(title, (_("clock"), *heads), tuple(by_clock), note=note)


def _hours_of(total: OutcomeTotals, name: ClockName) -> list[int]:
    of_clock = [counts for (_holder, clock), counts in total.hours.items() if clock == name]
    return [sum(column) for column in zip(*of_clock, strict=True)]


def _tickets(compared: ComparedTickets) -> Iterator[SheetTable]:
    today = compared.rules[0]
    heads = (
        *(_("ticket"), _("unit"), _("category"), _("what differs")),
        *(_("why it was"), _("why it would be")),
    )
    for variant, rules in enumerate(compared.rules[1:], 1):
        listed = compared.differences.of(variant)
        rows = []
        for difference in listed:
            reasons = reason_texts(difference, rules, today)
            rows.append((*ticket_head(difference), change_text(difference), *reasons))
        rest = compared.comparison.differ[variant] - len(listed)
        more = _("and {n} more; see --list").format(n=rest) if rest else ""
        title = _("Tickets that fare differently: {variant}").format(variant=rules.title)
        yield SheetTable(title, heads, tuple(rows), texts=len(heads), note=more)


def _charts(compared: ComparedTickets, sides: Sequence[str]) -> Iterator[SheetChart]:
    totals = compared.comparison.totals
    cards = [
        Bar(side, ((line.count("yellow"), _YELLOW), (line.count("red"), _RED)),
            f"{line.count('yellow')} + {line.count('red')}")
        for side, total in zip(sides, totals, strict=True)
        for line in [total.all]
    ]  # fmt: skip
    yield SheetChart(_("yellow and red cards"), bars(cards))
    counts = _hours_of(totals[0], ClockName.HANDLING)
    spread = [
        Bar(head, ((count, _RED if high <= 0 else _VARIANT_COLOUR),), str(count))
        for head, count, high in zip(hour_ranges(), counts, (*HOURS, HOURS[-1]), strict=False)
    ]
    yield SheetChart(_("hours before the deadline, results of all units"), bars(spread))
    units = [lines for lines in _lines(totals, UNIT).values() if lines[0].count("timed")]
    rates = []
    for lines in sorted(units, key=lambda lines: -lines[0].count("timed")):
        for place, line in enumerate(lines):
            rate = line.rate("on_time_rate")
            colour = _VARIANT_COLOUR if place else _TODAY_COLOUR
            name = "" if place else format_holder(line.unit)
            rates.append(Bar(name, ((rate or 0.0, colour),), format_rate(rate)))
    title = _("on time, by unit") + f" ({' > '.join(sides)})"
    yield SheetChart(title, bars(rates[: _MAX_CHART_UNITS * len(sides)], 1.0))


def whatif_as_dict(compared: ComparedTickets) -> dict[str, Any]:
    """The comparison for machines; the first variant is the rules as they stand."""
    comparison = compared.comparison
    today = compared.rules[0]
    return {
        "tickets": comparison.tickets,
        "differ": comparison.differ_anywhere,
        "limit": _(LIMIT),
        "variants": [
            {
                "name": "today" if place == 0 else rules.name,
                "differ": comparison.differ[place],
                "tipped": comparison.tipped[place],
                "same_rules": _same_rules(compared, place),
                **_totals_as_dict(comparison.totals[place]),
                "tickets": [
                    difference_as_dict(difference, rules, today)
                    for difference in compared.differences.of(place)
                ],
            }
            for place, rules in enumerate(compared.rules)
        ],
        "hours": {
            "bounds": list(HOURS),
            "acts": [
                {"holder": holder, "clock": clock, "counts": counts}
                for (holder, clock), counts in sorted(comparison.totals[0].hours.items())
            ],
        },
    }


def _totals_as_dict(total: OutcomeTotals) -> dict[str, Any]:
    line = total.all
    clocks: dict[str, dict[str, int]] = {}
    for (name, state), count in sorted(total.clocks.items()):
        clocks.setdefault(name, {})[state] = count
    return {
        "cards": {level.value: line.count(level) for level in Level},
        "deemed": line.count("deemed"),
        "on_time": {
            "timed": line.count("timed"),
            "on_time": line.count("on_time"),
            "rate": line.rate("on_time_rate"),
        },
        "clocks": clocks,
        "refused": dict(sorted(total.refused.items())),
        "units": _lines_as_dicts(total, UNIT),
        "categories": _lines_as_dicts(total, CATEGORY),
    }


def _lines_as_dicts(total: OutcomeTotals, dimension: str) -> list[dict[str, Any]]:
    return [
        {
            dimension: key,
            **{rate: line.rate(rate) for rate in RATES},
            **dict(sorted(line.counts.items())),
        }
        for key, line in sorted(total.lines(dimension).items())
        if key
    ]
