"""`hotline due` and `calendar`: compute a deadline, show and declare working days."""

import logging
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from models.i18n import _, render
from models.settings import load_settings
from models.text_files import read_text
from scripts.arguments import AsJson, DryRun, parse_time
from scripts.bootstrap import policy_text, read_store_if_any, use_store
from scripts.completion import values
from scripts.help import App
from scripts.output import print_json

if TYPE_CHECKING:
    from models.rules.calendar import Calendar, Day
    from models.rules.policy import Policy


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Show when a term expires, and why each day counts or not."))(due)
    days = App(help=_("Show and declare working days."))
    days.command("show", help=_("Show the days of a year that differ from Monday to Friday."))(show)
    days.command(
        "import", help=_("Declare days working or off (CSV: date, working/off, document).")
    )(import_days)
    app.add_typer(days, name="calendar")


_LONGEST = 10_000
"""The largest legal limit that a message may give."""
log = logging.getLogger("hotline.command")


def _calendar() -> "Calendar":
    """The calendar with the days that the store declares; without a store it says so on stderr."""
    from models.rules.calendar import Calendar

    with read_store_if_any(load_settings()) as session:
        if session is None:
            log.warning(_("There is no store: only the calendar's library is asked."))
            return Calendar()
        from models.rulebook import load_calendar

        return load_calendar(session)


class _RuleSource(NamedTuple):
    """The policy and the calendar of an answer, and where the policy is from."""

    policy: "Policy"
    calendar: "Calendar"
    version: int | None
    why: str


def due(
    begin: Annotated[
        str,
        typer.Option("--from", help=_("The time from which the term runs, as 2026-09-29T16:00.")),
    ],
    category: Annotated[
        str,
        typer.Option(help=_("Category, by code or label."), autocompletion=values("Category")),
    ] = "complaint",
    workdays: Annotated[
        int | None, typer.Option(min=1, max=_LONGEST, help=_("A legal limit in working days."))
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=_LONGEST, help=_("A legal limit in calendar days."))
    ] = None,
    hours: Annotated[
        int | None, typer.Option(min=1, max=_LONGEST, help=_("A legal limit in hours."))
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help=_("Use this policy file, not the store's.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the expiry of a term with its three levels, and why each day counts or not."""
    from msgspec import UNSET

    from models.rules.explain import explain_term
    from models.rules.fields import Limit
    from models.rules.state import RuleContext
    from models.rules.vocabulary import Category
    from scripts.rulebook.deadlines import deadline_as_dict, print_deadline
    from scripts.screen import screen

    code = next((c for c in Category if category in (c.value, c.chinese)), None)
    if code is None:
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(Category)))
    base = parse_time(begin)
    limits = [length for length in (workdays, days, hours) if length is not None]
    if len(limits) > 1:
        raise typer.BadParameter(_("give one of --workdays, --days and --hours"))
    limit = Limit("", workdays, hours, UNSET if days is None else days) if limits else None
    source = _rule_source(base, policy)
    why = explain_term(base, code, limit, RuleContext(source.policy, source.calendar))
    if as_json:
        version = {
            "version": source.version,
            "document": source.policy.document,
            "valid_from": source.policy.valid_from,
            "why": source.why,
        }
        print_json(deadline_as_dict(why) | {"policy": version})
        return
    with screen(load_settings()) as page:
        print_deadline(page, why)
        page.line(source.why)


def _rule_source(base: datetime, file: Path | None) -> _RuleSource:
    """The policy in force at `base`, from a file that was named, the store, or else the settings.

    Without a store it says on stderr that the file is used.
    """
    from models.rules.calendar import Calendar
    from models.rules.policy import load_policy

    settings = load_settings()
    calendar = Calendar()
    with read_store_if_any(settings) as session:
        if session is not None:
            from models.queries.policies import policy_versions, version_at
            from models.rulebook import load_calendar

            calendar = load_calendar(session)
            versions = policy_versions(session) if file is None else []
            if (version := version_at(versions, base)) is not None:
                text = _("By version {n} of the policy: {document}, valid from {day}")
                gaps = {"n": version.number, **_policy_gaps(version.policy)}
                older = base < version.policy.begins_at
                why = text.format(**gaps) + (_(", the first there is") if older else "")
                return _RuleSource(version.policy, calendar, version.number, why)
    text, name = (read_text(file), str(file)) if file else policy_text(settings)
    policy = load_policy(text, name)
    if file is None:
        log.warning(_("There is no store: the policy file is used."))
    why = _("By the policy file {file}: {document}, valid from {day}")
    why = why.format(file=name, **_policy_gaps(policy))
    if base < policy.begins_at:
        why += _(", which comes later")
    return _RuleSource(policy, calendar, None, why)


def _policy_gaps(policy: "Policy") -> dict[str, Any]:
    return {"document": policy.document, "day": policy.valid_from}


def _day(day: "Day") -> dict[str, Any]:
    return {"date": day.day, "counts": day.counts, "why": render(day.why)}


def show(
    year: Annotated[int, typer.Argument(min=1949, max=2999)],
    as_json: AsJson = False,
) -> None:
    """Print the days of a year that differ from Monday to Friday, and count its working days."""
    from scripts.rulebook.deadlines import day_table
    from scripts.screen import screen

    calendar = _calendar()
    first = date(year, 1, 1)
    days = [calendar.day(first + timedelta(n)) for n in range((date(year + 1, 1, 1) - first).days)]
    if as_json:
        print_json([_day(d) | {"provisional": d.provisional} for d in days])
        return
    saturday = 5
    listed = [
        (day.day, day.counts, day.why)
        for day in days
        if day.counts != (day.day.weekday() < saturday) or day.day in calendar.overlay
    ]
    count = sum(d.counts for d in days)
    with screen(load_settings()) as page:
        page.table(day_table(listed))
        page.line(_("{year}: {n} working days").format(year=year, n=count))
        if any(d.provisional for d in days):
            page.line(_("Not announced yet: days that no document declares are a guess."))


def import_days(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    year: Annotated[
        int | None,
        typer.Option(
            min=2000,
            max=2100,
            help=_("Declare the whole year: days that the file does not name follow the law."),
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Declare the days of a file; open clocks are moved."""
    from models.operations.calendar import change_calendar
    from models.rules.vocabulary import Permission
    from models.shared_clock import service_clock
    from scripts.rulebook.calendar_file import document_of_year, read_declared_days
    from scripts.rulebook.changes import change_as_dict, change_lines

    with use_store(load_settings(), Permission.RULEBOOK) as store:
        declared = read_declared_days(file)
        whole_year = (year, document_of_year(declared, year)) if year else None
        now = service_clock(store)()
        with store.writing() as session:
            change = change_calendar(session, declared, now, whole_year)
            if dry_run:
                session.rollback()
    if as_json:
        declared_year = year if change.year else None
        head = {"days": change.days, "year": declared_year, "dry_run": dry_run}
        print_json(head | change_as_dict(change))
        return
    for line in change_lines(change):
        typer.echo(line)
    summary = _("{days} days declared otherwise, {moved} clocks moved, {withdrawn} taken back")
    typer.echo(
        summary.format(days=change.days, moved=len(change.moved), withdrawn=change.withdrawn)
    )
    if change.year:
        typer.echo(
            _("{year} is declared as a whole: none of its days is a guess").format(year=year)
        )
    elif year is not None:
        typer.echo(_("{year} was known as a whole before").format(year=year))
    if dry_run:
        typer.echo(_("Nothing has been changed."))
