"""How good a model is: per label, as a whole, and for the part that it is sure of."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean, pstdev
from typing import TYPE_CHECKING, Any

from models.rules.routing.directory import Prediction
from models.rules.routing.learned import LinearClassifier
from scripts.training.labelled_letters import LabelledLetter

if TYPE_CHECKING:
    from scripts.training.fitting import Words

_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
_MANY = 3000
"""From so many letters on, one round of cross-validation is steady enough."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How one label fares: of its letters found, and of those said to be its own right."""

    label: str
    letters: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """How many of the letters are judged at this certainty or above, and how many rightly."""

    certainty: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found; `spread` is the standard deviation over rounds, where repeated."""

    method: str
    letters: int
    accuracy: float
    spread: float | None
    classes: list[LabelScore]
    coverage: list[CoveragePoint]
    decided: CoveragePoint

    def as_dict(self) -> dict[str, Any]:
        """For machines: the classes by their labels."""
        classes = {
            c.label: {k: v for k, v in asdict(c).items() if k != "label"} for c in self.classes
        }
        return asdict(self) | {"classes": classes}


@dataclass(frozen=True, slots=True)
class JudgedLetter:
    """A letter's true label and what was made of it."""

    label: str
    judgement: Prediction


def evaluate_model(model: LinearClassifier, letters: Sequence[LabelledLetter]) -> Evaluation:
    """The letters judged by a model that is there."""
    judged = [JudgedLetter(x.label, model.predict(x.title, x.content)) for x in letters]
    return _evaluation("model", [judged])


def evaluate_by_cross_validation(
    letters: Sequence[LabelledLetter],
    words: "Words",
    precision: float,
    count: int,
    rounds: int,
) -> Evaluation:
    """The letters judged by models that learned from the others, each letter once a round."""
    # Only learning needs scikit-learn, which is an extra.
    from scripts.training.fitting import build_corpus, folds, train

    there = build_corpus(letters, words)
    runs = []
    for seed in range(1 if len(letters) >= _MANY else rounds):
        judged: list[JudgedLetter] = []
        for learn, predict in folds(letters, count, seed):
            model = LinearClassifier(train(there, learn, precision))
            judged += [
                JudgedLetter(letters[n].label, model.predict(letters[n].title, letters[n].content))
                for n in predict
            ]
        runs.append(judged)
    return _evaluation("cross-validation", runs)


def _evaluation(method: str, runs: Sequence[Sequence[JudgedLetter]]) -> Evaluation:
    everything = [judged for run in runs for judged in run]
    accuracies = [_accuracy(run) for run in runs]
    labels = sorted({j.label for j in everything} | {j.judgement.label for j in everything})
    sure = [j for j in everything if j.judgement.sure]
    return Evaluation(
        method=method,
        letters=len(runs[0]),
        accuracy=mean(accuracies),
        spread=pstdev(accuracies) if len(runs) > 1 else None,
        classes=[_class(label, everything, len(runs)) for label in labels],
        coverage=_coverage(everything),
        decided=CoveragePoint(
            min((j.judgement.confidence for j in sure), default=1.0),
            len(sure) / len(everything),
            _accuracy(sure),
        ),
    )


def _right(judged: JudgedLetter) -> bool:
    return judged.label == judged.judgement.label


def _accuracy(judged: Sequence[JudgedLetter]) -> float:
    return mean(map(_right, judged)) if judged else 0.0


def _class(label: str, judged: Sequence[JudgedLetter], rounds: int) -> LabelScore:
    own = [j for j in judged if j.label == label]
    said = [j for j in judged if j.judgement.label == label]
    right = sum(map(_right, own))
    precision = right / len(said) if said else 0.0
    recall = right / len(own) if own else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return LabelScore(label, len(own) // rounds, precision, recall, f1)


def _coverage(judged: Sequence[JudgedLetter]) -> list[CoveragePoint]:
    surest = sorted(judged, key=lambda j: -j.judgement.confidence)
    found = []
    for share in _COVERAGES:
        part = surest[: max(1, round(share * len(surest)))]
        found.append(CoveragePoint(part[-1].judgement.confidence, share, _accuracy(part)))
    return found
