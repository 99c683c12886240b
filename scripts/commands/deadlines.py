"""`hotline due` and `calendar`: compute a deadline, show and declare working days."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.i18n import _, render
from models.settings import load_settings
from models.words import WEEKDAYS
from scripts.arguments import parse_time
from scripts.bootstrap import has_store, policy_text, read_store, use_store
from scripts.help import App
from scripts.output import print_json

if TYPE_CHECKING:
    from models.rules.calendar import Calendar, Day


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Show when a term expires, and why each day counts or not."))(due)
    days = App(help=_("Show and declare working days."))
    days.command("show", help=_("Show the days of a year that differ from Monday to Friday."))(show)
    days.command(
        "import", help=_("Declare days working or off (CSV: date, working/off, document).")
    )(import_days)
    app.add_typer(days, name="calendar")


_MAX_LISTED = 10
_JSON = typer.Option("--json", help=_("Print JSON, for programs."))


def _calendar() -> "Calendar":
    """The calendar, with the days that a store declares if there is a store."""
    from models.rules.calendar import Calendar

    settings = load_settings()
    if not has_store(settings):
        return Calendar()
    from models.rulebook import load_calendar

    with read_store(settings) as session:
        return load_calendar(session)


def due(
    begin: Annotated[
        str,
        typer.Option("--from", help=_("The time from which the term runs, as 2026-09-29T16:00.")),
    ],
    category: Annotated[str, typer.Option(help=_("Category, by code or label."))] = "complaint",
    workdays: Annotated[
        int, typer.Option(min=0, help=_("A shorter statutory limit, in working days."))
    ] = 0,
    hours: Annotated[int, typer.Option(min=0, help=_("A shorter statutory limit, in hours."))] = 0,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Print the expiry of a term with its three levels, and why each day counts or not."""
    from models.rules.calendar import SHANGHAI
    from models.rules.levels import moments, provisional
    from models.rules.policy import load_policy
    from models.rules.terms import Term, days_between, expiry
    from models.rules.vocabulary import Category, Level, label

    policy = load_policy(*policy_text(load_settings()))
    code = next((c for c in Category if category in (c.value, c.chinese)), None)
    if code is None:
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(Category)))
    base = parse_time(begin)
    calendar = _calendar()
    terms = [policy.terms.of(code)]
    if workdays:
        terms.append(Term(workdays, "workdays"))
    if hours:
        terms.append(Term(hours, "hours"))
    end = min(expiry(base, term, calendar, policy.office) for term in terms)
    levels = moments(base, end, policy, calendar)
    days = days_between(base, end.astimezone(SHANGHAI).date(), calendar)
    is_provisional = provisional(base, end, policy, calendar)
    if as_json:
        print_json(
            {
                "due": end,
                **{str(level): at for level, at in levels},
                "provisional": is_provisional,
                "days": list(map(_day, days)),
            }
        )
        return
    for day in days:
        mark = _("counts") if day.counts else _("does not count")
        typer.echo(f"{day.day}  {_weekday(day.day)}  {mark}  {render(day.why)}")
    note = "  " + _("provisional") if is_provisional else ""
    typer.echo(f"{_('due')}  {end:%Y-%m-%d %H:%M}{note}")
    for level, at in levels:
        typer.echo(f"{label(Level, level)}  {at:%Y-%m-%d %H:%M}")


def _day(day: "Day") -> dict[str, Any]:
    return {"date": day.day, "counts": day.counts, "why": render(day.why)}


def _weekday(day: date) -> str:
    name = WEEKDAYS[day.weekday()]
    return _(name)


def show(
    year: Annotated[int, typer.Argument(min=1949, max=2999)],
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Print the days of a year that differ from Monday to Friday, and count its working days."""
    calendar = _calendar()
    first = date(year, 1, 1)
    days = [calendar.day(first + timedelta(n)) for n in range((date(year + 1, 1, 1) - first).days)]
    if as_json:
        print_json([_day(d) | {"provisional": d.provisional} for d in days])
        return
    saturday = 5
    for day in days:
        if day.counts != (day.day.weekday() < saturday) or day.day in calendar.overlay:
            mark = _("counts") if day.counts else _("does not count")
            typer.echo(f"{day.day}  {_weekday(day.day)}  {mark}  {render(day.why)}")
    count = sum(d.counts for d in days)
    typer.echo(_("{year}: {n} working days").format(year=year, n=count))
    if any(d.provisional for d in days):
        typer.echo(_("Not announced yet: days that no document declares are a guess."))


def import_days(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_("Only show what would change."))
    ] = False,
) -> None:
    """Declare the days of a file; open clocks are moved."""
    from models.operations.calendar import change_calendar
    from models.rules.calendar import SHANGHAI
    from models.rules.vocabulary import ClockName, Permission, label
    from models.shared_clock import store_clock
    from scripts.calendar_file import read_declared_days

    declared = read_declared_days(file)
    with use_store(load_settings(), Permission.RULEBOOK, bootstrap=True) as store:
        now = store_clock(store)()
        with store.writing() as session:
            result = change_calendar(session, declared, now)
            if dry_run:
                session.rollback()
    for ticket, clock, due in result.moved:
        typer.echo(
            f"{ticket}  {label(ClockName, clock)}  {due.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        )
    summary = _("{days} days declared otherwise, {moved} clocks moved, {withdrawn} taken back")
    typer.echo(
        summary.format(days=result.days, moved=len(result.moved), withdrawn=result.withdrawn)
    )
    if result.kept:
        kept = _("{n} tickets keep their deadlines, or what was done would not fit: {some}")
        typer.echo(kept.format(n=len(result.kept), some=", ".join(result.kept[:_MAX_LISTED])))
    if dry_run:
        typer.echo(_("Nothing has been changed."))
