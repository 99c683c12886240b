"""What past letters taught: a linear model over pieces of words that can say why (3.1).

A model is numbers and words in JSON, nothing that runs: whoever could put a file of another kind
(a pickle) into the store would run code in every worker. It is trained by scripts/routing.
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
from models.rules.routing.directory import Prediction

TITLE_COUNTS = 3
"""A word of the title weighs as much as it would this many times in the text."""

_SHORTEST, _LONGEST = 2, 3
_WORDS_SHOWN = 5
_LOUD = 0.25
"""What speaks less than so much of what the loudest word says is not worth showing."""
_CHINESE = re.compile(r"[一-鿿]+")

Numbers = NDArray[np.float64]


class InvalidModel(HotlineError):
    """A model that cannot be used: damaged, of another version, or made by something else."""


class KnownWords:
    """Words that speak for each label before any letter has been read."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self.words = {label: tuple(own) for label, own in words.items()}
        self._labels: dict[str, list[int]] = {}
        for place, own in enumerate(self.words.values()):
            for word in own:
                self._labels.setdefault(word, []).append(place)

    def found(self, title: str, content: str) -> list[dict[str, float]]:
        """For each label, its words in the letter with the weight of each."""
        text = f"{title}\n{content}"
        found: list[dict[str, float]] = [{} for _label in self.words]
        for word, labels in self._labels.items():
            if word in text:
                times = TITLE_COUNTS * (word in title) + math.log1p(content.count(word))
                for place in labels:
                    found[place][word] = times * (len(word) - 1) / len(labels)
        return found


def pieces(title: str, content: str) -> Counter[str]:
    """The two and three characters long pieces of a letter's Chinese words, counted.

    Digits and Latin letters are no part of it: numbers of phones and persons teach nothing.
    """
    counted: Counter[str] = Counter()
    for text, times in ((title, TITLE_COUNTS), (content, 1)):
        for run in _CHINESE.findall(text):
            for size in range(_SHORTEST, _LONGEST + 1):
                for start in range(len(run) - size + 1):
                    counted[run[start : start + size]] += times
    return counted


def prior(found: Sequence[Mapping[str, float]]) -> Numbers:
    """What known words say about a letter, a number a label; of length 1, or zero."""
    sums = np.array([sum(words.values()) for words in found], dtype=float)
    length = float(np.linalg.norm(sums))
    return sums / length if length else sums


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trained model as it is kept.

    `weights` are float32 numbers, little-endian: a row a piece, a column a label. `telling` marks
    the pieces common enough to be shown: a rarer one may be a person's name. `trust` is what known
    words weigh beside them. `warmth` divides the scores before they become shares of certainty;
    from `threshold` on the model decides. `seen` are digests of the letters learned.
    """

    labels: tuple[str, ...]
    known: dict[str, tuple[str, ...]]
    pieces: tuple[str, ...]
    rarity: bytes
    telling: bytes
    weights: bytes
    bias: tuple[float, ...]
    trust: float
    warmth: float
    threshold: float
    letters: int
    seen: tuple[str, ...] = ()
    form: int = 1


class LinearClassifier:
    """A model ready to judge letters."""

    def __init__(self, model: Model) -> None:
        self.model = model
        count, labels = len(model.pieces), len(model.labels)
        self._place = {piece: n for n, piece in enumerate(model.pieces)}
        self._rarity = np.frombuffer(model.rarity, "<f4").astype(float)
        weights = np.frombuffer(model.weights, "<f4").astype(float)
        fits = (
            model.form == 1
            and tuple(model.known) == model.labels
            and len(self._rarity) == len(model.telling) == count
            and len(weights) == count * labels
            and len(model.bias) == labels >= 2
            and model.warmth > 0 <= model.trust
            and bool(np.isfinite(weights).all() and np.isfinite(self._rarity).all())
        )
        if not fits:
            raise InvalidModel(_("the model does not fit together; train it again"))
        self._weights = weights.reshape(count, labels)
        self._bias = np.array(model.bias)
        self._known = KnownWords(model.known)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The model that these bytes hold; raises ModelWrong."""
        try:
            return cls(msgspec.json.decode(data, type=Model))
        except (msgspec.DecodeError, ValueError) as wrong:
            why = _("no model of this version ({why}); train it again")
            raise InvalidModel(why.format(why=wrong)) from wrong

    def predict(self, title: str, content: str) -> Prediction:
        """The likeliest label of a letter, how sure that is, and the words that speak for it."""
        rows, values, found, known = self._features(title, content)
        scores = values @ self._weights[rows] + self._bias + self.model.trust * known
        shares = softmax(scores[np.newaxis], self.model.warmth)[0]
        best = int(shares.argmax())
        sure = bool(shares[best] >= self.model.threshold)
        words = self._telling(rows, values, found, known, best)
        return Prediction(self.model.labels[best], float(shares[best]), words, sure)

    def _features(
        self, title: str, content: str
    ) -> tuple[NDArray[np.intp], Numbers, list[dict[str, float]], Numbers]:
        counted = pieces(title, content)
        there = {
            place: n for piece, n in counted.items() if (place := self._place.get(piece, -1)) >= 0
        }
        rows = np.fromiter(there, np.intp, len(there))
        values = (1 + np.log(np.fromiter(there.values(), float, len(there)))) * self._rarity[rows]
        if length := float(np.linalg.norm(values)):
            values /= length
        found = self._known.found(title, content)
        return rows, values, found, prior(found)

    def _telling(
        self,
        rows: NDArray[np.intp],
        values: Numbers,
        found: Sequence[Mapping[str, float]],
        known: Numbers,
        best: int,
    ) -> tuple[str, ...]:
        """The words that spoke loudest for a label: known ones whole, learned ones in pieces."""
        said = {
            self.model.pieces[row]: share
            for row, share in zip(rows, values * self._weights[rows, best], strict=True)
            if self.model.telling[row]
        }
        share_of_known = self.model.trust * float(known[best])
        total = sum(found[best].values())
        for word, weight in found[best].items():
            said[word] = said.get(word, 0.0) + share_of_known * weight / total
        least = _LOUD * max(said.values(), default=0.0)
        loudest = sorted((w for w in said if said[w] > least), key=lambda w: (-said[w], w))
        chosen: list[str] = []
        for word in loudest:
            if not any(_overlap(word, other) for other in chosen):
                chosen.append(word)
        return tuple(chosen[:_WORDS_SHOWN])


def softmax(scores: Numbers, warmth: float) -> Numbers:
    """Scores as shares of certainty: a row a letter, each row sums to 1."""
    warm = scores / warmth
    powers = np.exp(warm - warm.max(axis=1, keepdims=True))
    shares: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _overlap(one: str, other: str) -> bool:
    """Whether two pieces are, or may be, parts of one word."""
    if one in other or other in one:
        return True
    return (
        one[-1] == other[0] or one[0] == other[-1] or one[1:] == other[:-1] or other[1:] == one[:-1]
    )
