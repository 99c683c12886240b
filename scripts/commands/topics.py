"""`hotline topics`: the classification of requests, and what tickets say that it does not have."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import N_, _, counted
from models.settings import load_settings
from scripts.arguments import OVERWRITE, AsJson, DryRun, ExportFile
from scripts.bootstrap import acting, read_store, use_store
from scripts.help import App
from scripts.output import print_json, some_names
from scripts.output_files import export

if TYPE_CHECKING:
    from models.database import Session
    from models.operations.topics import TopicsChange


def add_to(app: App) -> None:
    """Add these commands."""
    topics = App(help=_("Import and export the classification of requests, and map other words."))
    topics.command("import", help=_("Replace the classification by that of a file."))(import_topics)
    topics.command("export", help=_("Write the classification as a table (CSV)."))(export_topics)
    topics.command("unknown", help=_("List the topics that the classification does not have."))(
        unknown
    )
    topics.command("map", help=_("Let another word mean a topic; tickets with it get the topic."))(
        map_word
    )
    app.add_typer(topics, name="topics")


def import_topics(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Replace the classification by that of a file: a column for each of its three levels.

    Columns of codes and aliases are taken where there are any. What has left the file stays with
    the tickets that have it.
    """
    from models.operations.topics import replace_topics
    from scripts.rulebook.topic_files import read_topics

    listed = read_topics(file)
    _change(lambda session, who, now: replace_topics(session, listed, who, now), dry_run, as_json)


def map_word(
    text: Annotated[str, typer.Argument(help=_("What a source writes."))],
    topic: Annotated[str, typer.Argument(help=_("The topic: its code, label or path."))],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let another word mean a topic; tickets that came with it get the topic."""
    from models.operations.topics import map_topic

    _change(lambda session, who, now: map_topic(session, text, topic, who, now), dry_run, as_json)


def export_topics(
    file: ExportFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=OVERWRITE)] = False,
) -> None:
    """Write the classification as CSV, with codes and aliases, as `import` takes it again."""
    from models.queries.topics import load_topics
    from models.rules.topic_lists import listed
    from scripts.rulebook.topic_files import topics_csv

    settings = load_settings()
    with read_store(settings) as session:
        text = topics_csv(listed(load_topics(session)))
    export(text, file, settings, overwrite=overwrite)


def unknown(as_json: AsJson = False) -> None:
    """List the topics that tickets came with and the classification does not have, redacted."""
    from models.queries.said_topics import unknown_topics
    from models.rules.calendar import SHANGHAI
    from scripts.screen import screen
    from scripts.tables import Table

    settings = load_settings()
    with read_store(settings) as session:
        topics = unknown_topics(session)
    if as_json:
        print_json(
            [
                {
                    "text": topic.text,
                    "tickets": topic.tickets,
                    "last_at": topic.last_at and topic.last_at.astimezone(SHANGHAI),
                }
                for topic in topics
            ]
        )
        return
    rows = [
        (
            topic.text,
            str(topic.tickets),
            f"{topic.last_at.astimezone(SHANGHAI):%Y-%m-%d}" if topic.last_at else "-",
        )
        for topic in topics
    ]
    with screen(settings) as page:
        page.table(Table((_("topic"), _("tickets"), _("last one")), rows, numbers=(1,)))
        if topics:
            page.line(_("hotline topics map WORD TOPIC lets a word mean a topic."))
        else:
            page.line(_("Every topic that tickets came with is known."))


def _change(
    change_topics: "Callable[[Session, str, datetime], TopicsChange]", dry_run: bool, as_json: bool
) -> None:
    """Change the classification in one transaction, and print what has changed."""
    from dataclasses import asdict

    from models.rules.vocabulary import Permission
    from models.shared_clock import service_clock

    settings = load_settings()
    with use_store(settings) as store, acting(store, settings, Permission.RULEBOOK) as actor:
        now = service_clock(store)()
        with store.writing() as session:
            change = change_topics(session, actor.name, now)
            if dry_run:
                session.rollback()
    if as_json:
        print_json(asdict(change) | {"dry_run": dry_run})
        return
    _print(change)
    if dry_run:
        typer.echo(_("Nothing has been changed."))


def _print(change: "TopicsChange") -> None:
    for text, paths in (
        (_("new: {names}"), change.added),
        (_("other aliases: {names}"), change.aliases),
        (_("gone: {names}"), change.retired),
    ):
        if paths:
            typer.echo(text.format(names=some_names(paths, "、")))
    for before, path in change.renamed.items():
        typer.echo(_("renamed: {unit} to {successor}").format(unit=before, successor=path))
    if change.tickets:
        typer.echo(
            counted(
                change.tickets,
                N_("{n} ticket gets a topic that was not known."),
                N_("{n} tickets get a topic that was not known."),
            )
        )
    typer.echo(counted(change.count, N_("{n} topic."), N_("{n} topics.")))
