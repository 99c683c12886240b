"""Print an evaluation of a routing model in a terminal."""

from rich.console import Console
from rich.table import Table

from models.i18n import _
from scripts.training.evaluation import Evaluation

_BAR = 100
"""The length of the bar where all are wrong, in characters."""

_MOST_CONFUSIONS = 8


def print_evaluation(evaluation: Evaluation, notes: list[str]) -> None:
    """Print the scores of each label, accuracy against coverage, and the notes."""
    console = Console(soft_wrap=True)
    table = Table(_("label"), _("letters"), _("precision"), _("recall"), "F1")
    for score in evaluation.classes:
        shares = (f"{score.precision:.1%}", f"{score.recall:.1%}", f"{score.f1:.1%}")
        table.add_row(score.label, str(score.letters), *shares)
    console.print(table)
    table = Table(_("judged"), _("right"), _("from certainty"), _("wrong"))
    for point in evaluation.coverage:
        shares = (f"{point.coverage:.0%}", f"{point.accuracy:.1%}", f"{point.certainty:.0%}")
        table.add_row(*shares, "#" * round(_BAR * (1 - point.accuracy)))
    console.print(table)
    if evaluation.confusions:
        table = Table(_("label"), _("taken for"), _("letters"))
        for pair in evaluation.confusions[:_MOST_CONFUSIONS]:
            table.add_row(pair.label, pair.predicted, f"{pair.letters:.1f}")
        console.print(table)
    by = {"model": _("by the model in use"), "cross-validation": _("by cross-validation")}
    spread = f" +- {evaluation.spread:.1%}" if evaluation.spread is not None else ""
    text = _("{right} of {n} letters right, {by}")
    right = f"{evaluation.accuracy:.1%}{spread}"
    console.print(text.format(right=right, n=evaluation.letters, by=by[evaluation.method]))
    low, high = evaluation.interval
    text = _("confidence interval (0.95) for other letters of this kind: {low:.1%} to {high:.1%}")
    console.print(text.format(low=low, high=high))
    decided = evaluation.decided
    text = _("it would decide {coverage:.0%} of them, {accuracy:.1%} rightly, and propose the rest")
    console.print(text.format(coverage=decided.coverage, accuracy=decided.accuracy))
    for note in notes:
        console.print(note)
