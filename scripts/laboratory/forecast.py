"""The levels and deadlines that the coming days bring, as a sheet and for machines."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from models.i18n import N_, _
from models.queries.coming_levels import ComingMoment
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import ClockName, Level, label
from scripts.output import weekday
from scripts.report.charts import LEVEL_COLOURS, Bar, bars
from scripts.report.columns import format_holder
from scripts.report.sheet import Sheet, SheetChart, SheetTable

NOTE = N_("What the running clocks bring if nobody does anything; no guess of what people will do.")


def forecast_sheet(coming: Sequence[ComingMoment], now: datetime, until: datetime) -> Sheet:
    """The forecast for people: by moment, by unit, and by both."""
    by_moment = _sums(coming, lambda moment: (_moment(moment.at),))
    by_holder = _sums(coming, lambda moment: (format_holder(moment.holder),))
    by_both = _sums(coming, lambda moment: (_moment(moment.at), format_holder(moment.holder)))
    title = _("What comes from {now} to {until}").format(now=_moment(now), until=_moment(until))
    return Sheet(
        title,
        (_(NOTE),),
        (
            SheetTable(_("By moment"), (_("moment"), *_heads()), by_moment),
            SheetTable(_("By holder"), (_("holder"), *_heads()), by_holder),
            SheetTable(
                _("By moment and holder"),
                (_("moment"), _("holder"), *_heads()),
                by_both,
                texts=2,
            ),
        ),
        (SheetChart(_("levels, by moment"), _chart(coming)),),
    )


def _chart(coming: Sequence[ComingMoment]) -> str:
    by_moment: dict[datetime, Counter[str]] = {}
    for moment in coming:
        if moment.levels:
            by_moment.setdefault(moment.at, Counter()).update(moment.levels)
    return bars(
        [
            Bar(
                f"{at.astimezone(SHANGHAI):%m-%d %H:%M}",
                tuple((levels[level], colour) for level, colour in LEVEL_COLOURS.items()),
                " + ".join(str(levels[level]) for level in Level),
            )
            for at, levels in by_moment.items()
        ]
    )


def forecast_as_dict(
    coming: Sequence[ComingMoment], now: datetime, until: datetime
) -> dict[str, Any]:
    """The forecast for machines, instants in +08:00."""
    return {
        "from": now.astimezone(SHANGHAI),
        "to": until.astimezone(SHANGHAI),
        "moments": [
            {
                "at": moment.at.astimezone(SHANGHAI),
                "holder": moment.holder,
                **{level.value: moment.levels.get(level, 0) for level in Level},
                "due": {name.value: count for name, count in sorted(moment.dues.items())},
            }
            for moment in coming
        ],
    }


def _heads() -> tuple[str, ...]:
    return (
        *(label(Level, level) for level in Level),
        *(label(ClockName, name) for name in (ClockName.ACCEPT, ClockName.HANDLING)),
        _("other duties"),
    )


def _sums(
    coming: Iterable[ComingMoment], key: Callable[[ComingMoment], tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    """Return a row for each key, in the order in which they come."""
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for moment in coming:
        row = sums.setdefault(key(moment), Counter())
        row.update(moment.levels)
        for name, count in moment.dues.items():
            has_column = name in (ClockName.ACCEPT, ClockName.HANDLING)
            row[name if has_column else "others"] += count
    figures = (*Level, ClockName.ACCEPT, ClockName.HANDLING, "others")
    return tuple((*head, *(str(row[f] or "") for f in figures)) for head, row in sums.items())


def _moment(at: datetime) -> str:
    local = at.astimezone(SHANGHAI)
    return f"{local:%Y-%m-%d} {weekday(local.date())} {local:%H:%M}"
