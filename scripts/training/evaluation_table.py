"""Print an evaluation of a routing model in a terminal."""

from models.i18n import _
from scripts.screen import Screen
from scripts.tables import Table
from scripts.training.evaluation import Evaluation

_BAR = 100
"""The length of the bar where all are wrong, in characters."""

_MOST_CONFUSIONS = 8


def print_evaluation(page: Screen, evaluation: Evaluation, notes: list[str]) -> None:
    """Print the scores of each label, accuracy against coverage, and the notes."""
    scores = [
        (
            score.label,
            str(score.letters),
            *(f"{share:.1%}" for share in (score.precision, score.recall, score.f1)),
        )
        for score in evaluation.classes
    ]
    heads = (_("label"), _("letters"), _("precision"), _("recall"), "F1")
    page.table(Table(heads, scores, numbers=range(1, 5)))
    page.line()
    points = [
        (
            f"{point.coverage:.0%}",
            f"{point.accuracy:.1%}",
            f"{point.certainty:.0%}",
            "#" * round(_BAR * (1 - point.accuracy)),
        )
        for point in evaluation.coverage
    ]
    judged = (_("judged"), _("right"), _("from certainty"), _("wrong"))
    page.table(Table(judged, points, numbers=range(3)))
    page.line()
    if evaluation.confusions:
        pairs = [
            (pair.label, pair.predicted, f"{pair.letters:.1f}")
            for pair in evaluation.confusions[:_MOST_CONFUSIONS]
        ]
        page.table(Table((_("label"), _("taken for"), _("letters")), pairs, numbers=(2,)))
        page.line()
    by = {"model": _("by the model in use"), "cross-validation": _("by cross-validation")}
    spread = f" +- {evaluation.spread:.1%}" if evaluation.spread is not None else ""
    text = _("{right} of {n} letters right, {by}")
    right = f"{evaluation.accuracy:.1%}{spread}"
    page.line(text.format(right=right, n=evaluation.letters, by=by[evaluation.method]))
    low, high = evaluation.interval
    text = _("confidence interval (0.95) for other letters of this kind: {low:.1%} to {high:.1%}")
    page.line(text.format(low=low, high=high))
    decided = evaluation.decided
    text = _("it would decide {coverage:.0%} of them, {accuracy:.1%} rightly, and propose the rest")
    page.line(text.format(coverage=decided.coverage, accuracy=decided.accuracy))
    for note in notes:
        page.line(note)
