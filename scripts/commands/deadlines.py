"""`hotline due` and `calendar`: what deadlines are made of."""

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import HotlineError
from models.i18n import _, render
from models.settings import load_settings
from models.words import WEEKDAYS
from scripts.bootstrap import allowed, bootstrap_store, policy_text, print_json, read_text
from scripts.help import App

if TYPE_CHECKING:
    from models.rules.calendar import Calendar, Day, DeclaredDay


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("When something is due, explained day by day."))(due)
    days = App(help=_("Working days."))
    days.command("show", help=_("A year's days that differ from Monday to Friday."))(show)
    days.command(
        "import", help=_("Declare days working or off (CSV: date, working/off, document).")
    )(import_days)
    app.add_typer(days, name="calendar")


_SHOWN = 10
_JSON = typer.Option("--json", help=_("For machines."))


def _calendar() -> "Calendar":
    """The calendar with the store's overlay, where there is a store; none is made for a look."""
    from models.rules.calendar import Calendar

    settings = load_settings()
    if settings.database_url is None and not (settings.home / "hotline.db").exists():
        return Calendar()
    from models.rulebook import load_calendar
    from scripts.bootstrap import reading

    with reading(settings) as session:
        return load_calendar(session)


def due(
    begin: Annotated[str, typer.Option("--from", help=_("The base, as 2026-09-29T16:00."))],
    category: Annotated[str, typer.Option(help=_("Category, by code or label."))] = "complaint",
    workdays: Annotated[int, typer.Option(min=0, help=_("A shorter limit in law."))] = 0,
    hours: Annotated[int, typer.Option(min=0, help=_("A shorter limit in law, in hours."))] = 0,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """The expiry of a term with its three levels, and why each day counts or not."""
    from models.rules.calendar import SHANGHAI
    from models.rules.levels import moments, provisional
    from models.rules.policy import load_policy
    from models.rules.terms import Term, days_between, expiry
    from models.rules.vocabulary import Category

    policy = load_policy(*policy_text(load_settings()))
    code = next((c for c in Category if category in (c.value, c.chinese)), None)
    if code is None:
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(Category)))
    base = instant(begin)
    calendar = _calendar()
    terms = [policy.terms.of(code)]
    if workdays:
        terms.append(Term(workdays, "workdays"))
    if hours:
        terms.append(Term(hours, "hours"))
    end = min(expiry(base, term, calendar, policy.office) for term in terms)
    levels = moments(base, end, policy, calendar)
    days = days_between(base, end.astimezone(SHANGHAI).date(), calendar)
    guessed = provisional(base, end, policy, calendar)
    if as_json:
        shown = {
            "due": end,
            **{str(k): at for k, at in levels},
            "provisional": guessed,
            "days": list(map(_day, days)),
        }
        print_json(shown)
        return
    for day in days:
        mark = _("counts") if day.counts else _("does not count")
        typer.echo(f"{day.day}  {_weekday(day.day)}  {mark}  {render(day.why)}")
    note = "  " + _("provisional") if guessed else ""
    typer.echo(f"{_('due')}  {end:%Y-%m-%d %H:%M}{note}")
    for level, at in levels:
        typer.echo(f"{_(level)}  {at:%Y-%m-%d %H:%M}")


def instant(text: str) -> datetime:
    """A time that a person wrote; without a zone it is Asia/Shanghai."""
    from models.rules.calendar import SHANGHAI

    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise typer.BadParameter(_("write a time as 2026-09-29T16:00")) from wrong
    return (at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at).astimezone(SHANGHAI)


def _day(day: "Day") -> dict[str, Any]:
    return {"date": day.day, "counts": day.counts, "why": render(day.why)}


def _weekday(day: date) -> str:
    name = WEEKDAYS[day.weekday()]
    return _(name)


def show(
    year: Annotated[int, typer.Argument(min=1949, max=2999)],
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """The days of a year that are not simply Monday to Friday, and how many working days it has."""
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
    """Keep an arrangement; every line says a day, `working` or `off`, and the document."""
    from models.operations.calendar import change_calendar
    from models.rules.calendar import SHANGHAI
    from models.security.roles import RULEBOOK
    from models.shared_clock import store_clock

    declared = declared_days(file)
    settings = load_settings()
    allowed(settings, RULEBOOK)
    store = bootstrap_store(settings)
    now = store_clock(store)()
    with store.writing() as session:
        result = change_calendar(session, declared, now)
        if dry_run:
            session.rollback()
    for ticket, clock, due in result.moved:
        typer.echo(f"{ticket}  {_(clock)}  {due.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    summary = _("{days} days declared otherwise, {moved} clocks moved, {withdrawn} taken back")
    typer.echo(
        summary.format(days=result.days, moved=len(result.moved), withdrawn=result.withdrawn)
    )
    if result.kept:
        kept = _("{n} tickets keep their deadlines, or what was done would not fit: {some}")
        typer.echo(kept.format(n=len(result.kept), some=", ".join(result.kept[:_SHOWN])))
    if dry_run:
        typer.echo(_("Nothing has been changed."))


def declared_days(file: Path) -> "dict[date, DeclaredDay]":
    """The arrangement that a CSV file holds; raises HotlineError with the line that is wrong."""
    return dict(_declared(row, n) for n, row in enumerate(_rows(file), 1) if row)


def _rows(file: Path) -> list[list[str]]:
    rows = [[c.strip() for c in row] for row in csv.reader(io.StringIO(read_text(file)))]
    header = rows and rows[0] and not rows[0][0][:1].isdigit()
    return [[], *rows[1:]] if header else rows


def _declared(row: list[str], number: int) -> "tuple[date, DeclaredDay]":
    from models.rules.calendar import DeclaredDay

    working = {"working": True, "off": False, "上班": True, "放假": False}
    document = 2
    try:
        day = date.fromisoformat(row[0])
        return day, DeclaredDay(working[row[1]], row[document])
    except (ValueError, KeyError, IndexError) as wrong:
        text = _("line {n}: write a day, working or off, and the document").format(n=number)
        raise HotlineError(text) from wrong
