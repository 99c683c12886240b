"""Write the bulletin as one HTML page that loads nothing: no style, script or image."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from markupsafe import Markup

from models.i18n import _, render
from models.queries.bulletin import BodiesLine, Bulletin, BulletinLine, TalkProposal
from models.queries.figure_cases import FigureCase
from models.rules.vocabulary import Category, Level, label
from scripts.output import format_instant
from scripts.report.charts import LEVEL_COLOURS, Bar, Curve, bars, lines
from scripts.report.columns import (
    COLUMNS,
    LISTED_FIGURES,
    NOTES,
    bodies_title,
    correction_heads,
    duty_heads,
    figure_value,
    format_correction,
    format_duty,
    format_figure,
    format_holder,
    format_note,
    format_publication,
    redacted_line,
)
from scripts.report.definitions import COUNTED, definitions
from scripts.report.html_template import render_page
from scripts.report.spreadsheets import TicketsOfFigure
from scripts.report.topic_columns import hot_table, topics_table

_MAX_LISTED = 2_000
"""Tickets of a figure on the page; all of them are in the workbook."""

_MAX_CHART_UNITS = 40
"""Units in a chart: the last ones, which need attention, where there are more."""
_GOOD = "#2f6f9f"
_YELLOW, _RED = LEVEL_COLOURS[Level.YELLOW], LEVEL_COLOURS[Level.RED]
_TILES = ("tickets", "completed", "on_time_rate", "first_contact_rate", "satisfaction")


def bulletin_page(bulletin: Bulletin, tickets_of: TicketsOfFigure) -> str:
    """The page as HTML; what citizens wrote is escaped."""
    columns = {name: _(title) for name, title in COLUMNS.items()}
    return render_page(
        "page.html",
        title=_("12345 hotline: bulletin {month}").format(month=bulletin.month),
        subtitle=_("Regulation 5.4 and 6.1; the figures are defined at the end"),
        publication=format_publication(bulletin),
        columns=columns,
        tiles=_tiles(bulletin),
        lines=[*map(_row, bulletin.lines), *map(_sums, bulletin.bodies), _row(bulletin.total)],
        lists=[
            {
                "title": _("The hotline's duties"),
                "heads": duty_heads(),
                "rows": list(map(format_duty, bulletin.hotline)),
            },
            {
                "title": _("Corrections of published months"),
                "heads": correction_heads(),
                "rows": list(map(format_correction, bulletin.corrections)),
            },
            topics_table(bulletin, whole=False)._asdict(),
            hot_table(bulletin)._asdict(),
        ],
        charts=_charts(bulletin),
        trend=[
            (str(m), [format_figure(total, c) for c in COLUMNS])
            for m, _own, total in bulletin.trend
        ],
        talks=[
            {"title": _("Talks proposed (6.1)"), "entries": list(map(_talk, bulletin.proposals))},
            {"title": _("Conduct registered (6.1)"), "entries": list(map(_talk, bulletin.conduct))},
        ],
        groups=[_group(_(title), tickets_of(figure)) for figure, title in LISTED_FIGURES.items()],
        counted=_(COUNTED),
        definitions=list(definitions()),
        words=_words(),
    )


def _words() -> dict[str, str]:
    return {
        "rank": _("rank"),
        "unit": _("unit"),
        "units": _("Units"),
        "charts": _("Charts"),
        "trend": _("Trend"),
        "month": _("month"),
        "clause": _("clause"),
        "why": _("why"),
        "tickets": _("tickets"),
        "none": _("none"),
        "behind": _("The tickets behind the figures"),
        "definitions": _("How the figures are defined"),
        "figure": _("what is counted"),
        "definition": _("definition"),
    }


def _tiles(bulletin: Bulletin) -> list[dict[str, str]]:
    before = bulletin.trend[-2][2]
    tiles = [(name, _(COLUMNS[name])) for name in _TILES]
    made = [
        {
            "title": title,
            "value": format_figure(bulletin.total, name) or "0",
            "before": _("month before: {value}").format(value=format_figure(before, name) or "0"),
        }
        for name, title in tiles
    ]
    cards = _("{yellow} yellow, {red} red")
    now, then = (
        cards.format(yellow=line.count("yellow"), red=line.count("red"))
        for line in (bulletin.total, before)
    )
    before_text = _("month before: {value}").format(value=then)
    return [*made, {"title": _("cards"), "value": now, "before": before_text}]


def _row(line: BulletinLine) -> dict[str, Any]:
    return {
        "total": not line.unit,
        "rank": line.rank or ("" if not line.unit else "-"),
        "unit": redacted_line(line.unit) or _("all units"),
        "cells": [(name, format_figure(line, name)) for name in COLUMNS],
    }


def _sums(sums: BodiesLine) -> dict[str, Any]:
    return _row(sums.line) | {"rank": "", "unit": bodies_title(sums)}


def _charts(bulletin: Bulletin) -> list[dict[str, Any]]:
    timed = [line for line in bulletin.lines if line.rate("on_time_rate") is not None][
        -_MAX_CHART_UNITS:
    ]
    rated = [line for line in bulletin.lines if line.rate("satisfaction") is not None][
        -_MAX_CHART_UNITS:
    ]
    carded = sorted(
        (line for line in bulletin.lines if line.count("cards")), key=lambda x: -x.count("cards")
    )[:_MAX_CHART_UNITS]
    months = [str(month) for month, _lines, _total in bulletin.trend]
    totals = [total for _month, _lines, total in bulletin.trend]
    names = ("on_time_rate", "first_contact_rate", "satisfaction")
    rates = [
        Curve(_(COLUMNS[n]), colour, tuple(line.rate(n) for line in totals))
        for n, colour in zip(names, (_GOOD, "#6b8e23", _YELLOW), strict=True)
    ]
    numbers = [
        Curve(_(COLUMNS[n]), colour, tuple(float(figure_value(line, n) or 0) for line in totals))
        for n, colour in (("completed", _GOOD), ("yellow", _YELLOW), ("red", _RED))
    ]
    charts = [
        (_("rates, by month"), lines(months, rates, rate=True)),
        (_("completed and cards, by month"), lines(months, numbers, rate=False)),
        (_("on time, by unit"), bars([_rate_bar(x, "on_time_rate") for x in timed], 1.0)),
        (_("satisfaction, by unit"), bars([_rate_bar(x, "satisfaction") for x in rated], 1.0)),
        (_("cards, by unit"), bars([_card_bar(line) for line in carded])),
    ]
    return [{"title": title, "svg": Markup(svg)} for title, svg in charts]


def _rate_bar(line: BulletinLine, name: str) -> Bar:
    rate = line.rate(name) or 0.0
    return Bar(
        redacted_line(line.unit), ((rate, _GOOD), (1 - rate, "#e8edf2")), format_figure(line, name)
    )


def _card_bar(line: BulletinLine) -> Bar:
    parts = ((line.count("yellow"), _YELLOW), (line.count("red"), _RED))
    return Bar(redacted_line(line.unit), parts, f"{line.count('yellow')} + {line.count('red')}")


def _talk(talk: TalkProposal) -> dict[str, str]:
    why = render(talk.why) + (f" ({_('grave')})" if talk.grave else "")
    some = ", ".join(talk.tickets[:50]) + (" …" if len(talk.tickets) > 50 else "")
    return {"unit": redacted_line(talk.unit), "clause": talk.clause, "why": why, "tickets": some}


def _group(title: str, cases: Iterable[FigureCase]) -> dict[str, Any]:
    remaining = iter(cases)
    listed = list(islice(remaining, _MAX_LISTED))
    rest = sum(1 for _case in remaining)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    heads = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
    rows = [
        [
            format_holder(case.unit),
            redacted_line(case.ticket),
            redacted_line(case.title),
            label(Category, case.category),
            format_instant(case.at),
        ]
        + [format_note(case.note, key) for key in keys]
        for case in listed
    ]
    more = _("and {n} more; all are in the workbook (--format xlsx)").format(n=rest) if rest else ""
    return {
        "title": title,
        "count": len(listed) + rest,
        "more": more,
        "heads": heads + [_(NOTES[key]) for key in keys],
        "rows": rows,
    }
