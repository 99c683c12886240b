"""Fit a routing model to labelled letters with scikit-learn, and keep it as plain numbers.

The model is a linear support vector machine over character n-grams; the score of known words is
added to it, and counts the more the fewer the letters. Training is deterministic: the same letters
in the same order give the same model, byte for byte.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from models.i18n import _
from models.rules.routing.learned import KnownWords, Model, Numbers, known_scores, ngrams, softmax
from scripts.training.known_words import Words
from scripts.training.labelled_letters import InvalidLetters, LabelledLetter
from scripts.training.near_duplicates import duplicate_groups

LEAST_LETTERS = 3
"""A label with fewer letters is left out: it can be neither learned nor evaluated."""

_MAX_NGRAMS = 60_000
_LEARNED_FROM, _SHOWN_FROM = 2, 4
"""In how many letters an n-gram must be, to be learned from and to be shown as a reason."""

_INNER_FOLDS = 5
_TEMPERATURES = (0.05, 3.0)
_KNOWN_WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Corpus:
    """Letters as numbers; built once, since a cross-validation trains on them many times.

    `counts` are the counts of the n-grams `ngrams` in each letter, `known_scores` the scores of its
    known words; both have a row a letter. `truth` are the indexes of the labels in `known`, and
    nearly equal letters have the same number in `groups`.
    """

    letters: Sequence[LabelledLetter]
    known: KnownWords
    ngrams: NDArray[np.str_]
    counts: Any
    known_scores: Numbers
    truth: NDArray[np.intp]
    groups: NDArray[np.intp]


def usable_letters(
    letters: Sequence[LabelledLetter],
) -> tuple[list[LabelledLetter], dict[str, int]]:
    """The letters whose labels have enough of them, and the labels left out with their number.

    Raises InvalidLetters where fewer than two labels are left.
    """
    counts = Counter(letter.label for letter in letters)
    few = {label: n for label, n in sorted(counts.items()) if n < LEAST_LETTERS}
    kept = [letter for letter in letters if letter.label not in few]
    if len(counts) - len(few) < 2:
        why = _("at least two labels with {n} letters each are needed to learn from")
        raise InvalidLetters(why.format(n=LEAST_LETTERS))
    return kept, few


def build_corpus(letters: Sequence[LabelledLetter], words: Words) -> Corpus:
    """Turn letters into numbers, with the known words of their labels."""
    known = KnownWords(
        {label: words.get(label, ()) for label in sorted({x.label for x in letters})}
    )
    indexes = {label: n for n, label in enumerate(known.words)}
    vectorizer = DictVectorizer()
    counts = vectorizer.fit_transform([ngrams(x.title, x.content) for x in letters])
    return Corpus(
        letters,
        known,
        vectorizer.get_feature_names_out(),
        counts,
        np.array([known_scores(known.weights(x.title, x.content)) for x in letters]),
        np.array([indexes[x.label] for x in letters]),
        np.array(duplicate_groups(letters)),
    )


def train(corpus: Corpus, rows: Sequence[int], precision: float) -> Model:
    """Train a model on these rows of a corpus.

    The weight of known words, the temperature and the threshold are found by an inner
    cross-validation. At the threshold at least `precision` of the model's decisions are right.
    """
    letters, truth = [corpus.letters[n] for n in rows], corpus.truth[rows]
    document_counts = corpus.counts[rows].getnnz(axis=0)
    frequent = np.argsort(-document_counts, kind="stable")[:_MAX_NGRAMS]
    kept = np.sort(frequent[document_counts[frequent] >= _LEARNED_FROM])
    tfidf = TfidfTransformer(sublinear_tf=True)
    features = tfidf.fit_transform(corpus.counts[rows][:, kept])
    labels = len(corpus.known.words)
    scores = _cross_validated_scores(features, truth, corpus.groups[rows], labels)
    known_weight, temperature = _calibrate(scores, corpus.known_scores[rows], truth)
    weights, bias = _fit(features, truth, labels)
    shares = softmax(scores + known_weight * corpus.known_scores[rows], temperature)
    return Model(
        labels=tuple(corpus.known.words),
        known=corpus.known.words,
        ngrams=tuple(map(str, corpus.ngrams[kept])),
        idf=tfidf.idf_.astype("<f4").tobytes(),
        showable=(document_counts[kept] >= _SHOWN_FROM).astype("u1").tobytes(),
        weights=weights.astype("<f4").tobytes(),
        bias=tuple(map(float, bias)),
        known_weight=known_weight,
        temperature=temperature,
        threshold=_threshold(shares, truth, precision),
        letters=len(letters),
        seen=tuple(sorted({letter.digest for letter in letters})),
    )


def folds(
    truth: NDArray[np.intp], groups: NDArray[np.intp], count: int, seed: int
) -> list[tuple[list[int], list[int]]]:
    """The rows to train on and the rows to test on, for each fold; each letter is tested once.

    Letters of one group, which are nearly the same, are never on both sides.
    """
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a label with fewer letters than folds is absent from some folds, which is fine
        warnings.filterwarnings("ignore", message="The least populated class")
        split = list(splitter.split(truth, truth, groups))
    return [(list(map(int, training)), list(map(int, test))) for training, test in split]


def _fit(features: Any, truth: NDArray[np.intp], labels: int) -> tuple[Numbers, Numbers]:
    """The weights (a row a feature, a column a label) and biases; absent labels never win."""
    fitted = LinearSVC(C=1.0, random_state=0, max_iter=5000).fit(features, truth)
    coefficients, intercepts = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        coefficients = np.vstack([-coefficients, coefficients])
        intercepts = np.concatenate([-intercepts, intercepts])
    weights, bias = np.zeros((features.shape[1], labels)), np.full(labels, -10.0)
    weights[:, fitted.classes_] = coefficients.T
    bias[fitted.classes_] = intercepts
    return weights, bias


def _cross_validated_scores(
    features: Any, truth: NDArray[np.intp], groups: NDArray[np.intp], labels: int
) -> Numbers:
    """The scores of each letter by a model that has not seen it."""
    scores = np.zeros((len(truth), labels))
    for training, test in folds(truth, groups, _INNER_FOLDS, seed=0):
        weights, bias = _fit(features[training], truth[training], labels)
        scores[test] = features[test] @ weights + bias
    return scores


def _calibrate(
    scores: Numbers, known_scores: Numbers, truth: NDArray[np.intp]
) -> tuple[float, float]:
    """The weight of known words and the temperature with the least log loss."""
    trials = [
        (*_best_temperature(scores + weight * known_scores, truth), weight)
        for weight in _KNOWN_WEIGHTS
    ]
    _loss, temperature, known_weight = min(trials)
    return known_weight, temperature


def _best_temperature(scores: Numbers, truth: NDArray[np.intp]) -> tuple[float, float]:
    """The least log loss, and the temperature that gives it."""

    def log_loss(temperature: float) -> float:
        right = softmax(scores, temperature)[np.arange(len(truth)), truth]
        return -float(np.log(np.maximum(right, 1e-9)).mean())

    result = minimize_scalar(log_loss, bounds=_TEMPERATURES, method="bounded")
    return float(result.fun), float(result.x)


def _threshold(shares: Numbers, truth: NDArray[np.intp], precision: float) -> float:
    """The least certainty from which on enough predictions are right; above 1 where none is."""
    best = shares.max(axis=1)
    order = np.argsort(-best, kind="stable")
    right = (shares.argmax(axis=1) == truth)[order]
    enough = np.flatnonzero(np.cumsum(right) / np.arange(1, len(right) + 1) >= precision)
    return float(best[order][enough[-1]]) if len(enough) else 1.1
