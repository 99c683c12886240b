"""The bulletin as one page that needs nothing else: no style, script or chart from elsewhere."""

from collections.abc import Iterable
from importlib import resources
from itertools import islice
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.i18n import _, render
from models.queries.bulletin import Bulletin, BulletinLine, TalkProposal
from models.queries.figure_counts import FigureCase
from scripts.report.charts import Bar, Curve, bars, lines
from scripts.report.columns import (
    COLUMNS,
    LISTED_FIGURES,
    NOTES,
    format_figure,
    moment,
    note,
    one_line,
    value,
)
from scripts.report.spreadsheets import TicketsOfFigure

_LISTED = 2_000
"""Tickets of a figure on the page; all of them are in the workbook."""

_IN_CHARTS = 40
"""Units in a chart; the last are those to look at, so that they come before the first."""
_GOOD, _YELLOW, _RED = "#2f6f9f", "#d9a400", "#b3261e"
_TILES = ("tickets", "completed", "on_time_rate", "first_contact_rate", "satisfaction")


def bulletin_page(found: Bulletin, behind: TicketsOfFigure) -> str:
    """The page as HTML; what citizens wrote is escaped, whatever it is."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    text = (resources.files("scripts.report") / "page.html").read_text(encoding="utf-8")
    columns = {name: _(title) for name, title in COLUMNS.items()}
    return environment.from_string(text).render(
        lang=_("en"),
        title=_("12345 hotline: bulletin {month}").format(month=found.month),
        subtitle=_("Regulation 5.4 and 6.1; figures as defined in docs/bulletin.md"),
        columns=columns,
        tiles=_tiles(found),
        lines=[*map(_row, found.lines), _row(found.total)],
        charts=_charts(found),
        trend=[
            (str(m), [format_figure(total, c) for c in COLUMNS]) for m, _own, total in found.trend
        ],
        talks=[
            {"title": _("Talks proposed (6.1)"), "entries": list(map(_talk, found.proposals))},
            {"title": _("Conduct registered (6.1)"), "entries": list(map(_talk, found.conduct))},
        ],
        groups=[_group(_(title), behind(figure)) for figure, title in LISTED_FIGURES.items()],
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
    }


def _tiles(found: Bulletin) -> list[dict[str, str]]:
    before = found.trend[-2][2]
    tiles = [(name, _(COLUMNS[name])) for name in _TILES]
    made = [
        {
            "title": title,
            "value": format_figure(found.total, name) or "0",
            "before": _("month before: {value}").format(value=format_figure(before, name) or "0"),
        }
        for name, title in tiles
    ]
    cards = _("{yellow} yellow, {red} red")
    now, then = (
        cards.format(yellow=line.count("yellow"), red=line.count("red"))
        for line in (found.total, before)
    )
    before_text = _("month before: {value}").format(value=then)
    return [*made, {"title": _("cards"), "value": now, "before": before_text}]


def _row(line: BulletinLine) -> dict[str, Any]:
    return {
        "total": not line.unit,
        "rank": line.rank or ("" if not line.unit else "-"),
        "unit": one_line(line.unit) or _("all units"),
        "cells": [(name, format_figure(line, name)) for name in COLUMNS],
    }


def _charts(found: Bulletin) -> list[dict[str, Any]]:
    timed = [line for line in found.lines if line.rate("on_time_rate") is not None][-_IN_CHARTS:]
    rated = [line for line in found.lines if line.rate("satisfaction") is not None][-_IN_CHARTS:]
    carded = sorted(
        (line for line in found.lines if line.count("cards")), key=lambda x: -x.count("cards")
    )[:_IN_CHARTS]
    months = [str(month) for month, _own, _total in found.trend]
    totals = [total for _month, _own, total in found.trend]
    names = ("on_time_rate", "first_contact_rate", "satisfaction")
    rates = [
        Curve(_(COLUMNS[n]), colour, tuple(line.rate(n) for line in totals))
        for n, colour in zip(names, (_GOOD, "#6b8e23", _YELLOW), strict=True)
    ]
    numbers = [
        Curve(_(COLUMNS[n]), colour, tuple(float(value(line, n) or 0) for line in totals))
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
        one_line(line.unit), ((rate, _GOOD), (1 - rate, "#e8edf2")), format_figure(line, name)
    )


def _card_bar(line: BulletinLine) -> Bar:
    parts = ((line.count("yellow"), _YELLOW), (line.count("red"), _RED))
    return Bar(one_line(line.unit), parts, f"{line.count('yellow')} + {line.count('red')}")


def _talk(one: TalkProposal) -> dict[str, str]:
    why = render(one.why) + (f" ({_('grave')})" if one.grave else "")
    some = ", ".join(one.tickets[:50]) + (" …" if len(one.tickets) > 50 else "")
    return {"unit": one_line(one.unit), "clause": one.clause, "why": why, "tickets": some}


def _group(title: str, found: Iterable[FigureCase]) -> dict[str, Any]:
    everything = iter(found)
    listed = list(islice(everything, _LISTED))
    rest = sum(1 for _case in everything)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    heads = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
    rows = [
        [
            one_line(case.unit),
            one_line(case.ticket),
            one_line(case.title),
            _(case.category),
            moment(case.at),
        ]
        + [note(case.note, key) for key in keys]
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
