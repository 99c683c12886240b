"""A linear model of past letters over character n-grams, which can say why (Regulation 3.1).

A model is numbers and words in JSON, nothing that runs: whoever could put a file of another kind
(a pickle) into the store would run code in every worker. It is trained by scripts/training.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import HotlineError
from models.i18n import _
from models.rules.routing.predictions import Prediction

TITLE_COUNTS = 3
"""A word of the title weighs as much as it would this many times in the text."""

_SHORTEST, _LONGEST = 2, 3
_WORDS_SHOWN = 5
_START = 2
"""Known words are found by this many of their first letters; a word of one letter has no weight."""
_LEAST_SHARE = 0.25
"""Words that contribute less than this share of the strongest one are not shown."""
_CHINESE = re.compile(r"[一-鿿]+")

Numbers = NDArray[np.float64]


class InvalidModel(HotlineError):
    """A model that cannot be used: damaged, of another version, or made by something else."""


class KnownWords:
    """Words that speak for each label before any letter has been learned."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self.words = {label: tuple(of_label) for label, of_label in words.items()}
        self._labels: dict[str, list[int]] = {}
        for index, of_label in enumerate(self.words.values()):
            for word in of_label:
                self._labels.setdefault(word, []).append(index)
        self._by_start: dict[str, list[str]] = {}
        for word in self._labels:
            self._by_start.setdefault(word[:_START], []).append(word)

    def weights(self, title: str, content: str) -> list[dict[str, float]]:
        """Return for each label its words in the letter, with the weight of each."""
        text = f"{title}\n{content}"
        weights: list[dict[str, float]] = [{} for _label in self.words]
        for word in self._words_in(text):
            labels = self._labels[word]
            times = TITLE_COUNTS * (word in title) + math.log1p(content.count(word))
            for index in labels:
                weights[index][word] = times * (len(word) - 1) / len(labels)
        return weights

    def _words_in(self, text: str) -> list[str]:
        """The known words in a text: only those are looked for whose first letters it has."""
        starts = dict.fromkeys(text[n : n + _START] for n in range(len(text)))
        return [word for start in starts for word in self._by_start.get(start, ()) if word in text]


def ngrams(title: str, content: str) -> Counter[str]:
    """Count the character n-grams of length two and three in a letter's Chinese words.

    Digits and Latin letters are left out: numbers of phones and persons teach nothing.
    """
    counted: Counter[str] = Counter()
    for text, times in ((title, TITLE_COUNTS), (content, 1)):
        for run in _CHINESE.findall(text):
            for size in range(_SHORTEST, _LONGEST + 1):
                for start in range(len(run) - size + 1):
                    counted[run[start : start + size]] += times
    return counted


def known_scores(weights: Sequence[Mapping[str, float]]) -> Numbers:
    """The score of each label by known words alone, as a vector of length 1, or zero."""
    sums = np.array([sum(words.values()) for words in weights], dtype=float)
    length = float(np.linalg.norm(sums))
    return sums / length if length else sums


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trained model as it is stored; some fields have older names in its JSON.

    `weights` are float32 numbers, little-endian: a row an n-gram, a column a label. `showable`
    marks the n-grams common enough to be shown: a rarer one may be a person's name. `known_weight`
    is the weight of known words beside them. `temperature` divides the scores before they become
    probabilities; from `threshold` on the model decides. `seen` are digests of the letters learned.
    """

    labels: tuple[str, ...]
    known: dict[str, tuple[str, ...]]
    ngrams: tuple[str, ...] = msgspec.field(name="pieces")
    idf: bytes = msgspec.field(name="rarity")
    showable: bytes = msgspec.field(name="telling")
    weights: bytes
    bias: tuple[float, ...]
    known_weight: float = msgspec.field(name="trust")
    temperature: float = msgspec.field(name="warmth")
    threshold: float
    letters: int
    seen: tuple[str, ...] = ()
    form: int = 1


class LinearClassifier:
    """A model ready to judge letters."""

    def __init__(self, model: Model) -> None:
        self.model = model
        count, labels = len(model.ngrams), len(model.labels)
        self._row = {ngram: n for n, ngram in enumerate(model.ngrams)}
        self._idf = np.frombuffer(model.idf, "<f4").astype(float)
        weights = np.frombuffer(model.weights, "<f4").astype(float)
        fits = (
            model.form == 1
            and tuple(model.known) == model.labels
            and len(self._idf) == len(model.showable) == count
            and len(weights) == count * labels
            and len(model.bias) == labels >= 2
            and model.temperature > 0 <= model.known_weight
            and bool(np.isfinite(weights).all() and np.isfinite(self._idf).all())
        )
        if not fits:
            raise InvalidModel(_("the model does not fit together; train it again"))
        self._weights = weights.reshape(count, labels)
        self._bias = np.array(model.bias)
        self._known = KnownWords(model.known)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it may give."""
        return self.model.labels

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the model that these bytes hold; raises InvalidModel."""
        try:
            return cls(msgspec.json.decode(data, type=Model))
        except (msgspec.DecodeError, ValueError) as error:
            why = _("no model of this version ({why}); train it again")
            raise InvalidModel(why.format(why=error)) from error

    def predict(self, title: str, content: str) -> Prediction:
        """The likeliest label of a letter, how sure that is, and the words that speak for it."""
        rows, values, known_words, known = self._features(title, content)
        scores = values @ self._weights[rows] + self._bias + self.model.known_weight * known
        probabilities = softmax(scores[np.newaxis], self.model.temperature)[0]
        best = int(probabilities.argmax())
        sure = bool(probabilities[best] >= self.model.threshold)
        words = self._reasons(rows, values, known_words, known, best)
        return Prediction(self.model.labels[best], float(probabilities[best]), words, sure)

    def _features(
        self, title: str, content: str
    ) -> tuple[NDArray[np.intp], Numbers, list[dict[str, float]], Numbers]:
        counted = ngrams(title, content)
        present = {row: n for ngram, n in counted.items() if (row := self._row.get(ngram, -1)) >= 0}
        rows = np.fromiter(present, np.intp, len(present))
        values = (1 + np.log(np.fromiter(present.values(), float, len(present)))) * self._idf[rows]
        if length := float(np.linalg.norm(values)):
            values /= length
        known_words = self._known.weights(title, content)
        return rows, values, known_words, known_scores(known_words)

    def _reasons(
        self,
        rows: NDArray[np.intp],
        values: Numbers,
        known_words: Sequence[Mapping[str, float]],
        known: Numbers,
        best: int,
    ) -> tuple[str, ...]:
        """The words that contributed most to a label: known ones whole, learned ones as n-grams."""
        shares = {
            self.model.ngrams[row]: share
            for row, share in zip(rows, values * self._weights[rows, best], strict=True)
            if self.model.showable[row]
        }
        share_of_known = self.model.known_weight * float(known[best])
        total = sum(known_words[best].values())
        for word, weight in known_words[best].items():
            shares[word] = shares.get(word, 0.0) + share_of_known * weight / total
        least = _LEAST_SHARE * max(shares.values(), default=0.0)
        strongest = sorted((w for w in shares if shares[w] > least), key=lambda w: (-shares[w], w))
        chosen: list[str] = []
        for word in strongest:
            if not any(_overlap(word, other) for other in chosen):
                chosen.append(word)
        return tuple(chosen[:_WORDS_SHOWN])


def softmax(scores: Numbers, temperature: float) -> Numbers:
    """Turn scores into probabilities: a row a letter, each row sums to 1."""
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def _overlap(word: str, other: str) -> bool:
    """Return whether two n-grams are, or may be, parts of one word."""
    if word in other or other in word:
        return True
    return (
        word[-1] == other[0]
        or word[0] == other[-1]
        or word[1:] == other[:-1]
        or other[1:] == word[:-1]
    )
