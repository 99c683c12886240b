"""Predictions of a model of past letters: their units, and the topics that it proposes."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from models.i18n import LazyText, lazy
from models.rules.messages import TicketReceived, TopicProposal
from models.rules.topics import TopicTree


class Prediction(NamedTuple):
    """A model's answer for a letter: a label, its probability, and the words that speak for it.

    `sure` says whether the model may decide.
    """

    label: str
    confidence: float
    words: tuple[str, ...]
    sure: bool

    @property
    def percent(self) -> int:
        """The probability in whole percent."""
        return int(self.confidence * 100)

    def reason(self, topic: str | None) -> LazyText:
        """Return the reason for the label: it is a unit, or this topic."""
        sure, words = f"{self.percent}%", "、".join(self.words)
        if topic is None:
            return lazy("learned from past letters, {sure} sure: {words}", sure=sure, words=words)
        return lazy(
            "topic {topic}, learned from past letters, {sure} sure: {words}",
            topic=topic,
            sure=sure,
            words=words,
        )


class LetterClassifier(Protocol):
    """A model of past dispatches."""

    @property
    def labels(self) -> Sequence[str]:
        """The labels that it may give: units, or topics."""

    def predict(self, title: str, content: str) -> Prediction:
        """The likeliest label of a letter."""


class TopicProposer:
    """Proposes topics of a classification by a model whose labels are some of them."""

    def __init__(self, classifier: LetterClassifier | None, classification: TopicTree) -> None:
        knows_any = classifier is not None and any(map(classification.find, classifier.labels))
        self._classifier = classifier if knows_any else None
        self._classification = classification

    def propose(self, received: TicketReceived) -> TopicProposal | None:
        """Return the topic that the model would choose for a letter; None where it knows none."""
        if self._classifier is None:
            return None
        prediction = self._classifier.predict(received.title, received.content or "")
        code = self._classification.find(prediction.label)
        if code is None:
            return None
        topic = self._classification.path(code)
        return TopicProposal(code, prediction.percent, prediction.reason(topic))
