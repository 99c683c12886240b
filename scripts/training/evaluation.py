"""Evaluate a routing model: for each label, as a whole, and where it is certain."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean, pstdev
from typing import TYPE_CHECKING, Any

from models.rules.routing.learned import LinearClassifier
from models.rules.routing.predictions import Prediction
from scripts.training.labelled_letters import LabelledLetter

if TYPE_CHECKING:
    from scripts.training.known_words import Words

_COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
_Z = 1.96
"""The standard deviations within which 95 of 100 results lie."""
_MANY = 3000
"""From so many letters on, one round of cross-validation is stable enough."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Precision and recall of one label."""

    label: str
    letters: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """The share of letters predicted with this certainty or more, and the accuracy of these."""

    certainty: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """A label taken for another: how many letters in a round, on average."""

    label: str
    predicted: str
    letters: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of an evaluation.

    `interval` is the 95 % interval of the accuracy on other letters of the kind, by their number;
    `spread` is the accuracy's standard deviation over rounds.
    """

    method: str
    letters: int
    accuracy: float
    interval: tuple[float, float]
    spread: float | None
    classes: list[LabelScore]
    confusions: list[Confusion]
    coverage: list[CoveragePoint]
    decided: CoveragePoint

    def as_dict(self) -> dict[str, Any]:
        """The result as `--json` prints it, with the classes by their labels."""
        classes = {
            c.label: {k: v for k, v in asdict(c).items() if k != "label"} for c in self.classes
        }
        return asdict(self) | {"classes": classes}


@dataclass(frozen=True, slots=True)
class JudgedLetter:
    """A letter's true label and its prediction."""

    label: str
    prediction: Prediction


def evaluate_model(model: LinearClassifier, letters: Sequence[LabelledLetter]) -> Evaluation:
    """Evaluate a model on letters that it was not trained on."""
    judged = [JudgedLetter(x.label, model.predict(x.title, x.content)) for x in letters]
    return _evaluation("model", [judged])


def evaluate_by_cross_validation(
    letters: Sequence[LabelledLetter],
    words: "Words",
    precision: float,
    count: int,
    rounds: int,
) -> Evaluation:
    """Evaluate by cross-validation, in which each letter is tested once a round."""
    # only training needs scikit-learn, which is an extra
    from scripts.training.fitting import build_corpus, folds, train

    corpus = build_corpus(letters, words)
    runs = []
    for seed in range(1 if len(letters) >= _MANY else rounds):
        judged: list[JudgedLetter] = []
        for training, test in folds(corpus.truth, corpus.groups, count, seed):
            model = LinearClassifier(train(corpus, training, precision))
            judged += [
                JudgedLetter(letters[n].label, model.predict(letters[n].title, letters[n].content))
                for n in test
            ]
        runs.append(judged)
    return _evaluation("cross-validation", runs)


def _evaluation(method: str, runs: Sequence[Sequence[JudgedLetter]]) -> Evaluation:
    all_judged = [judged for run in runs for judged in run]
    accuracies = [_accuracy(run) for run in runs]
    labels = sorted({j.label for j in all_judged} | {j.prediction.label for j in all_judged})
    sure = [j for j in all_judged if j.prediction.sure]
    return Evaluation(
        method=method,
        letters=len(runs[0]),
        accuracy=mean(accuracies),
        interval=wilson_interval(mean(accuracies), len(runs[0])),
        spread=pstdev(accuracies) if len(runs) > 1 else None,
        classes=[_label_score(label, all_judged, len(runs)) for label in labels],
        confusions=_confusions(all_judged, len(runs)),
        coverage=_coverage(all_judged),
        decided=CoveragePoint(
            min((j.prediction.confidence for j in sure), default=1.0),
            len(sure) / len(all_judged),
            _accuracy(sure),
        ),
    )


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share that was found in so many cases (Wilson)."""
    widening = _Z**2 / count
    centre = (share + widening / 2) / (1 + widening)
    reach = _Z / (1 + widening) * math.sqrt(share * (1 - share) / count + widening / count / 4)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def _is_right(judged: JudgedLetter) -> bool:
    return judged.label == judged.prediction.label


def _accuracy(judged: Sequence[JudgedLetter]) -> float:
    return mean(map(_is_right, judged)) if judged else 0.0


def _label_score(label: str, judged: Sequence[JudgedLetter], rounds: int) -> LabelScore:
    labelled = [j for j in judged if j.label == label]
    predicted = [j for j in judged if j.prediction.label == label]
    right = sum(map(_is_right, labelled))
    precision = right / len(predicted) if predicted else 0.0
    recall = right / len(labelled) if labelled else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return LabelScore(label, len(labelled) // rounds, precision, recall, f1)


def _confusions(judged: Sequence[JudgedLetter], rounds: int) -> list[Confusion]:
    """The labels taken for one another, the most frequent first."""
    counted = Counter((j.label, j.prediction.label) for j in judged if not _is_right(j))
    return [Confusion(*pair, n / rounds) for pair, n in counted.most_common()]


def _coverage(judged: Sequence[JudgedLetter]) -> list[CoveragePoint]:
    most_certain = sorted(judged, key=lambda j: -j.prediction.confidence)
    points = []
    for share in _COVERAGES:
        part = most_certain[: max(1, round(share * len(most_certain)))]
        points.append(CoveragePoint(part[-1].prediction.confidence, share, _accuracy(part)))
    return points
