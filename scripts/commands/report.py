"""`hotline report`: print the monthly bulletin, or the tickets behind a figure (5.4, 6.1)."""

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from models.clock import system_clock
from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson, Overwrite, ToFile, parse_month
from scripts.chosen_output import ChosenOutput, choose_output
from scripts.completion import values
from scripts.help import App

if TYPE_CHECKING:
    from models.database import Session
    from models.queries.figures import Month
    from models.rules.policy import BulletinRules
    from models.settings import Settings


class Format(StrEnum):
    """The formats of a bulletin."""

    table = "table"
    csv = "csv"
    xlsx = "xlsx"
    html = "html"


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Print the monthly bulletin, or the tickets behind a figure."))(report)


def report(
    month: Annotated[
        str, typer.Option(help=_("The month, as 2026-10; last month by default."))
    ] = "",
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help=_("The output format; by default as the file's name ends, else a table."),
        ),
    ] = None,
    output: ToFile = None,
    overwrite: Overwrite = False,
    unit: Annotated[str, typer.Option(help=_("With --figure: only this unit."))] = "",
    figure: Annotated[
        str,
        typer.Option(
            help=_("List the tickets behind this figure."),
            autocompletion=values("FIGURES", "models.queries.figures"),
        ),
    ] = "",
    publish: Annotated[
        bool, typer.Option(help=_("Publish the month, once it is over; it is kept as printed."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the month of each unit: terms, contacts, satisfaction, returns, cards, rank, talks."""
    from models.queries.figures import FIGURES
    from scripts.bootstrap import read_store

    parsed = _parse_month(month)
    if figure and figure not in FIGURES:
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(FIGURES)))
    if unit and not figure:
        raise typer.BadParameter(_("--unit needs a --figure, whose tickets are shown"))
    if form is Format.xlsx and output is None:
        raise typer.BadParameter(_("a workbook needs a file: --output FILE"))
    settings = load_settings()
    chosen = choose_output(output, form, Format, settings, as_json=as_json, overwrite=overwrite)
    if figure and chosen.form in (Format.xlsx, Format.html):
        raise typer.BadParameter(_("the tickets of a figure come as table, csv or --json"))
    if publish and figure:
        raise typer.BadParameter(_("--publish publishes the whole month: leave out --figure"))
    if publish:
        _publish(settings, parsed)
    with read_store(settings) as session:
        if figure:
            _show_cases(session, settings, parsed, figure, unit, chosen)
        else:
            _show(session, settings, parsed, chosen)


def _parse_month(text: str) -> "Month":
    from models.queries.figures import Month

    return parse_month(text) if text else Month.of(system_clock()).plus(-1)


def _publish(settings: "Settings", month: "Month") -> None:
    from models.operations.editions import publish
    from models.rules.vocabulary import Permission
    from scripts.bootstrap import acting, use_store

    with (
        use_store(settings) as store,
        acting(store, settings, Permission.PUBLISH) as actor,
        store.writing() as session,
    ):
        publish(session, actor, month, _rules(session, month), system_clock())


def _show(session: "Session", settings: "Settings", month: "Month", output: ChosenOutput) -> None:
    from models.queries.bulletin import bulletin
    from models.queries.bulletin_dict import bulletin_as_dict
    from models.queries.editions import published_bulletin, with_corrections
    from models.queries.figure_cases import figure_cases
    from models.queries.unit_names import load_unit_names
    from scripts.report.output import screen_on, write_json, write_text

    published = published_bulletin(session, month)
    if published is not None:
        result, tickets_of = published.bulletin, published.cases
    else:
        names = load_unit_names(session)
        result = with_corrections(session, bulletin(session, month, _rules(session, month)))
        tickets_of = partial(figure_cases, session, month, names=names)
    match output.form:
        case "json":
            write_json(bulletin_as_dict(result), output)
        case Format.csv:
            from scripts.report.spreadsheets import bulletin_csv

            write_text(bulletin_csv(result), output)
        case Format.xlsx:
            from scripts.report.spreadsheets import bulletin_workbook

            assert output.file is not None
            with output.file.open() as file:
                bulletin_workbook(file, result, tickets_of)
        case Format.html:
            from scripts.report.page import bulletin_page

            write_text(bulletin_page(result, tickets_of), output)
        case _:
            from scripts.report.terminal_table import bulletin_table

            with screen_on(output, settings) as page:
                bulletin_table(page, result)


def _rules(session: "Session", month: "Month") -> "BulletinRules":
    """The rules for bulletins of the policy in force at the month's end."""
    from models.rulebook import load_rulebook
    from models.rules.policy import BulletinRules, in_force

    policies = list(load_rulebook(session).policies.values())
    return in_force(policies, month.plus(1).begins_at).bulletin if policies else BulletinRules()


def _show_cases(
    session: "Session",
    settings: "Settings",
    month: "Month",
    figure: str,
    unit: str,
    output: ChosenOutput,
) -> None:
    from models.queries.editions import published_bulletin
    from models.queries.figure_cases import case_as_dict, figure_cases
    from models.queries.unit_names import asked_unit, load_unit_names
    from models.rulebook import load_rulebook
    from scripts.report.output import screen_on, write_json, write_text

    names, directory = load_unit_names(session), load_rulebook(session).directory
    named = asked_unit(session, names, directory, unit) if unit else None
    published = published_bulletin(session, month)
    if published is not None:
        cases = published.cases(figure, names.all_names(named) if named else None)
    else:
        cases = figure_cases(session, month, figure, named, names)
    match output.form:
        case "json":
            write_json([case_as_dict(case) for case in cases], output)
        case "csv":
            from scripts.report.spreadsheets import cases_csv

            write_text(cases_csv(cases), output)
        case _:
            from scripts.report.terminal_table import case_table

            with screen_on(output, settings) as page:
                case_table(page, f"{month}  {_(figure)}", cases)
