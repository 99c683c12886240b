"""From labelled letters to a model: scikit-learn fits it, our own numbers keep it.

A linear support vector machine over the pieces of words, to which is added what known words say:
the fewer the letters, the more these are worth. Nothing in it is left to chance: the same letters
in the same order give the same model, byte for byte.
"""

import tomllib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
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
from scripts.training.labelled_letters import InvalidLetters, LabelledLetter

LEAST_LETTERS = 3
"""A label with fewer letters is left out: nothing can be learned from it, nor judged."""

_MOST_PIECES = 60_000
_LEAST_LETTERS_WITH, _TELLING = 2, 4
"""In how many letters a piece of a word must be, to be learned from and to be shown."""

_HELD_OUT = 5
_TEMPERATURE = (0.05, 3.0)
_TRUSTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


Words = Mapping[str, tuple[str, ...]]
"""Words that speak for a label, by the label."""


@dataclass(frozen=True)
class Corpus:
    """Letters as a model sees them; made once, since it is learned from many times over.

    `counted` are the pieces `names` in each letter, `given` what known words say about it; both a
    row a letter. `truth` are the places of their labels in `known`.
    """

    letters: Sequence[LabelledLetter]
    known: KnownWords
    names: NDArray[np.str_]
    counted: Any
    given: Numbers
    truth: NDArray[np.intp]


def shipped_words() -> dict[str, tuple[str, ...]]:
    """The words that speak for each topic, as they come with the project."""
    text = (resources.files("scripts.training") / "topics.toml").read_text(encoding="utf-8")
    return parse_words(text, "topics.toml")


def parse_words(text: str, name: str) -> dict[str, tuple[str, ...]]:
    """The words by label that a TOML text holds: `label = "words, divided by white space"`."""
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise InvalidLetters(f"{name}: {wrong}") from wrong
    if wrong_label := next((k for k, v in found.items() if not isinstance(v, str)), None):
        why = _("{file}: {label} is no text; write the words in quotes, divided by spaces")
        raise InvalidLetters(why.format(file=name, label=wrong_label))
    return {label: tuple(dict.fromkeys(words.split())) for label, words in found.items()}


def usable_letters(
    letters: Sequence[LabelledLetter],
) -> tuple[list[LabelledLetter], dict[str, int]]:
    """The letters whose labels have enough of them, and the labels left out with their number.

    Raises LettersWrong where fewer than two labels are left.
    """
    counted = Counter(letter.label for letter in letters)
    few = {label: n for label, n in sorted(counted.items()) if n < LEAST_LETTERS}
    kept = [letter for letter in letters if letter.label not in few]
    if len(counted) - len(few) < 2:
        why = _("at least two labels with {n} letters each are needed to learn from")
        raise InvalidLetters(why.format(n=LEAST_LETTERS))
    return kept, few


def build_corpus(letters: Sequence[LabelledLetter], words: Words) -> Corpus:
    """The letters as a model sees them, with the known words of their labels."""
    known = KnownWords(
        {label: words.get(label, ()) for label in sorted({x.label for x in letters})}
    )
    places = {label: n for n, label in enumerate(known.words)}
    vectorizer = DictVectorizer()
    counted = vectorizer.fit_transform([ngrams(x.title, x.content) for x in letters])
    return Corpus(
        letters,
        known,
        vectorizer.get_feature_names_out(),
        counted,
        np.array([known_scores(known.weights(x.title, x.content)) for x in letters]),
        np.array([places[x.label] for x in letters]),
    )


def train(there: Corpus, rows: Sequence[int], precision: float) -> Model:
    """A model of these rows of a corpus.

    What known words weigh, its temperature and its threshold come from letters held out in turn: it
    decides from the certainty on at which at least `precision` of its answers were right.
    """
    letters, truth = [there.letters[n] for n in rows], there.truth[rows]
    among = there.counted[rows].getnnz(axis=0)
    frequent = np.argsort(-among, kind="stable")[:_MOST_PIECES]
    kept = np.sort(frequent[among[frequent] >= _LEAST_LETTERS_WITH])
    tfidf = TfidfTransformer(sublinear_tf=True)
    features = tfidf.fit_transform(there.counted[rows][:, kept])
    labels = len(there.known.words)
    scores = _held_out(features, truth, letters, labels)
    trust, temperature = _balance(scores, there.given[rows], truth)
    weights, bias = _fit(features, truth, labels)
    shares = softmax(scores + trust * there.given[rows], temperature)
    return Model(
        labels=tuple(there.known.words),
        known=there.known.words,
        ngrams=tuple(map(str, there.names[kept])),
        idf=tfidf.idf_.astype("<f4").tobytes(),
        showable=(among[kept] >= _TELLING).astype("u1").tobytes(),
        weights=weights.astype("<f4").tobytes(),
        bias=tuple(map(float, bias)),
        known_weight=trust,
        temperature=temperature,
        threshold=_threshold(shares, truth, precision),
        letters=len(letters),
        seen=tuple(sorted({letter.digest for letter in letters})),
    )


def folds(
    letters: Sequence[LabelledLetter], count: int, seed: int
) -> list[tuple[list[int], list[int]]]:
    """Letters to learn from and letters to judge, so that each is judged once.

    The same letter sent twice is never on both sides.
    """
    labels = [letter.label for letter in letters]
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a label with fewer letters than folds is missing from some: as it should be
        warnings.filterwarnings("ignore", message="The least populated class")
        split = list(splitter.split(labels, labels, [letter.digest for letter in letters]))
    return [(list(map(int, learn)), list(map(int, judge))) for learn, judge in split]


def _fit(features: Any, truth: NDArray[np.intp], labels: int) -> tuple[Numbers, Numbers]:
    """Weights (a row a feature, a column a label) and biases; absent labels never win."""
    fitted = LinearSVC(C=1.0, random_state=0, max_iter=5000).fit(features, truth)
    coefficients, intercepts = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        coefficients = np.vstack([-coefficients, coefficients])
        intercepts = np.concatenate([-intercepts, intercepts])
    weights, bias = np.zeros((features.shape[1], labels)), np.full(labels, -10.0)
    weights[:, fitted.classes_] = coefficients.T
    bias[fitted.classes_] = intercepts
    return weights, bias


def _held_out(
    features: Any, truth: NDArray[np.intp], letters: Sequence[LabelledLetter], labels: int
) -> Numbers:
    """The scores of each letter by a model that has not seen it."""
    scores = np.zeros((len(truth), labels))
    for learn, judge in folds(letters, _HELD_OUT, seed=0):
        weights, bias = _fit(features[learn], truth[learn], labels)
        scores[judge] = features[judge] @ weights + bias
    return scores


def _balance(scores: Numbers, given: Numbers, truth: NDArray[np.intp]) -> tuple[float, float]:
    """The trust in known words and the temperature under which certainty and truth agree best."""
    found = [(*_temperature(scores + trust * given, truth), trust) for trust in _TRUSTS]
    _surprise, temperature, trust = min(found)
    return trust, temperature


def _temperature(scores: Numbers, truth: NDArray[np.intp]) -> tuple[float, float]:
    """How surprising the truth is under the best temperature, and that temperature."""

    def surprise(temperature: float) -> float:
        right = softmax(scores, temperature)[np.arange(len(truth)), truth]
        return -float(np.log(np.maximum(right, 1e-9)).mean())

    found = minimize_scalar(surprise, bounds=_TEMPERATURE, method="bounded")
    return float(found.fun), float(found.x)


def _threshold(shares: Numbers, truth: NDArray[np.intp], precision: float) -> float:
    """The least certainty from which on enough answers were right; above 1 where none is."""
    best = shares.max(axis=1)
    order = np.argsort(-best, kind="stable")
    right = (shares.argmax(axis=1) == truth)[order]
    enough = np.flatnonzero(np.cumsum(right) / np.arange(1, len(right) + 1) >= precision)
    return float(best[order][enough[-1]]) if len(enough) else 1.1
