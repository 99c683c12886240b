"""`hotline routing`: train, evaluate and choose the routing model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.clock import system_clock
from models.errors import HotlineError
from models.i18n import _
from models.settings import Settings, load_settings
from scripts.arguments import OVERWRITE, AsJson
from scripts.bootstrap import read_store, use_store
from scripts.help import App
from scripts.output import print_json
from scripts.output_files import OutputFile

if TYPE_CHECKING:
    from models.rules.routing.learned import LinearClassifier
    from scripts.training.labelled_letters import LabelledLetter


def add_to(app: App) -> None:
    """Add these commands."""
    group = App(help=_("Train and evaluate the model that routes tickets to units."))
    group.command("train", help=_("Train a model on past dispatches, or on a labelled file."))(
        train
    )
    group.command("evaluate", help=_("Evaluate a model on a file of labelled letters."))(evaluate)
    group.command("models", help=_("List the kept models."))(show_models)
    group.command("use", help=_("Use a kept model again, or none (0)."))(use)
    app.add_typer(group, name="routing")


_File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
_Column = Annotated[
    str | None, typer.Option(help=_("The name of the column, if it is not a usual one."))
]
_Topics = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help=_("A topics file: the typical words of each label (TOML)."),
    ),
]
_Precision = Annotated[
    float,
    typer.Option(
        min=0.5,
        max=1.0,
        help=_("The share of its decisions that must be right; else it only proposes."),
    ),
]


def train(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    title: _Column = None,
    text: _Column = None,
    label: _Column = None,
    topics: _Topics = None,
    precision: _Precision = 0.9,
    output: Annotated[
        Path | None, typer.Option(help=_("Write the model to this file; use it for a replay."))
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=OVERWRITE)] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model on past dispatches, or on a file; it is used from then on.

    Labels are units, or topics that the units file gives to a unit. Tickets that have been routed
    keep their units.
    """
    import msgspec

    from models.rules.vocabulary import Permission
    from scripts.training import data_sources
    from scripts.training.labelled_letters import Columns

    data_sources.require_training_libraries()
    from scripts.training.fitting import build_corpus, usable_letters
    from scripts.training.fitting import train as fit
    from scripts.training.training_summary import deciding_threshold, print_training

    settings = load_settings()
    if file is None or output is None:
        # asked before the work, which takes minutes
        with use_store(settings, Permission.RULEBOOK):
            pass
    columns = Columns(title, text, label)
    letters, lacking = data_sources.load_letters(settings, file, columns)
    letters, left_out = usable_letters(letters)
    corpus = build_corpus(letters, data_sources.load_words(settings, topics))
    model = fit(corpus, range(len(letters)), precision)
    body = msgspec.json.encode(model)
    version = None
    if output:
        # a model holds parts of what citizens wrote
        with OutputFile(output, settings, overwrite).open() as written:
            written.write(body)
    else:
        version = _keep(settings, body, str(file.name) if file else "dispatches")
    if as_json:
        threshold = deciding_threshold(model)
        result = {"version": version, "letters": len(letters), "labels": model.labels}
        print_json(result | {"threshold": threshold, "lacking": lacking, "left_out": left_out})
        return
    print_training(model, len(letters), left_out, lacking, version)


def evaluate(
    file: _File,
    title: _Column = None,
    text: _Column = None,
    label: _Column = None,
    topics: _Topics = None,
    precision: _Precision = 0.9,
    cross_validate: Annotated[
        bool | None,
        typer.Option(
            "--cross-validate/--model",
            help=_("Cross-validate on the file, or evaluate the model in use."),
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, help=_("Number of folds of a cross-validation."))
    ] = 10,
    rounds: Annotated[
        int, typer.Option(min=1, help=_("Number of cross-validations, whose results are averaged."))
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Print precision and recall for each label, and accuracy against coverage.

    The model in use is evaluated if it knows the file's labels and was not trained on most of its
    letters; otherwise models are trained on parts of the file and tested on the rest.
    """
    from scripts.screen import screen
    from scripts.training import data_sources
    from scripts.training.evaluation import evaluate_by_cross_validation, evaluate_model
    from scripts.training.evaluation_table import print_evaluation
    from scripts.training.labelled_letters import Columns

    settings = load_settings()
    columns = Columns(title, text, label)
    letters, lacking = data_sources.load_letters(settings, file, columns)
    notes = [_("{n} rows without text or label").format(n=lacking)] if lacking else []
    model = None if cross_validate else data_sources.model_in_use(settings)
    if cross_validate is False and model is None:
        raise HotlineError(_("no model is in use; see `hotline routing train`"))
    unseen = _unseen(model, letters) if model else []
    if model and (cross_validate is False or _may_evaluate(model, letters, unseen)):
        if len(unseen) < len(letters):
            left = _("{n} letters left out that the model has learned from")
            notes.append(left.format(n=len(letters) - len(unseen)))
        if not unseen:
            raise HotlineError(_("the model has learned from all these letters: --cross-validate"))
        evaluation = evaluate_model(model, unseen)
    else:
        data_sources.require_training_libraries()
        from scripts.training.fitting import usable_letters

        letters, left_out = usable_letters(letters)
        left = _("left out: {label}, with {n} letters")
        notes += [left.format(label=name, n=n) for name, n in left_out.items()]
        words = data_sources.load_words(settings, topics)
        evaluation = evaluate_by_cross_validation(letters, words, precision, folds, rounds)
    if as_json:
        print_json(evaluation.as_dict() | {"notes": notes})
    else:
        with screen(settings) as page:
            print_evaluation(page, evaluation, notes)


def show_models(as_json: AsJson = False) -> None:
    """List the kept models, the newest first; the one in use is marked."""
    from dataclasses import asdict

    from models.queries.routing_models import models
    from scripts.output import format_instant
    from scripts.screen import screen
    from scripts.tables import Table

    settings = load_settings()
    with read_store(settings) as session:
        kept = models(session)
    if as_json:
        print_json([asdict(model) for model in kept])
        return
    rows = [
        (
            str(model.version),
            format_instant(model.trained_at),
            str(model.letters),
            model.learned_from,
            _("in use") if model.in_use else "",
            "、".join(model.labels),
        )
        for model in kept
    ]
    heads = (_("version"), _("trained"), _("letters"), _("learned from"), _("state"), _("labels"))
    with screen(settings) as page:
        page.table(Table(heads, rows, numbers=(0, 2)))


def use(version: Annotated[int, typer.Argument(min=0)]) -> None:
    """Use a kept model again, or none (0); tickets that have been routed keep their units."""
    from models.operations.routing_models import use_model
    from models.rules.vocabulary import Permission

    with use_store(load_settings(), Permission.RULEBOOK) as store, store.writing() as session:
        use_model(session, version or None)
    text = _("Model {n} is in use.").format(n=version) if version else _("No model is in use.")
    typer.echo(text)


def _unseen(model: "LinearClassifier", letters: list["LabelledLetter"]) -> list["LabelledLetter"]:
    seen = set(model.model.seen)
    return [letter for letter in letters if letter.digest not in seen]


def _may_evaluate(
    model: "LinearClassifier", letters: list["LabelledLetter"], unseen: list["LabelledLetter"]
) -> bool:
    """Return whether a file can evaluate a model: it knows the labels, but not the letters."""
    known = {letter.label for letter in letters} <= set(model.model.labels)
    return known and 2 * len(unseen) > len(letters)


def _keep(settings: Settings, body: bytes, learned_from: str) -> int:
    from models.operations.routing_models import add_model

    with use_store(settings) as store, store.writing() as session:
        return add_model(session, body, learned_from, system_clock())
