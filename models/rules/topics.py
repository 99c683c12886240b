"""The classification of requests (诉求分类) of a province: a tree of topics with codes."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

UNKNOWN_TOPIC = "?"
"""Stands for the topic of a ticket whose source names one that the classification does not have."""

LEVELS = 3
"""The levels of the provinces' classifications: 一级, 二级, 三级."""

SEPARATOR = "/"
_SEPARATORS = re.compile(r"\s*[/／>＞\\＼|｜→]\s*")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: its code, its label, and the code of the one above it, empty at the first level.

    `aliases` are other texts that mean it, `former` the labels that it had before. One that is
    `retired` has left the classification: tickets keep it, and no further one gets it.
    """

    code: str
    label: str
    parent: str = ""
    aliases: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    retired: bool = False


class TopicTree:
    """A classification of requests, in the order of its file."""

    def __init__(self, topics: Sequence[Topic] = ()) -> None:
        self.topics = {topic.code: topic for topic in topics}

    def __len__(self) -> int:
        """Return how many topics there are that a ticket may get."""
        return len(self._present)

    def lineage(self, code: str) -> list[Topic]:
        """Return a topic with those above it, the first level first; none where it is not known."""
        lineage: list[Topic] = []
        topic = self.topics.get(code)
        while topic is not None and topic not in lineage:
            lineage.insert(0, topic)
            topic = self.topics.get(topic.parent)
        return lineage

    def path(self, code: str) -> str:
        """Return the labels from the first level to a topic, as 城乡建设/安全生产/事故处理."""
        return SEPARATOR.join(topic.label for topic in self.lineage(code)) or code

    def first_level(self, code: str) -> str:
        """Return the code of the first level that a topic belongs to, or the code itself."""
        lineage = self.lineage(code)
        return lineage[0].code if lineage else code

    def below(self, codes: Iterable[str]) -> list[str]:
        """Return these topics and all below them, retired ones too."""
        wanted = set(codes)
        return [c for c in self.topics if any(t.code in wanted for t in self.lineage(c))]

    def find(self, words: object) -> str | None:
        """Return the code of the topic that a text means: a code, label, alias, or path.

        A path may begin below the first level. What could be several topics is none of them,
        unless the others lie below it. A list is a path, or texts of which the first known counts.
        """
        if isinstance(words, str):
            return self._find(words)
        if isinstance(words, list | tuple):
            texts = [text for text in words if isinstance(text, str) and text.strip()]
            joined = self._find(SEPARATOR.join(texts)) if len(texts) > 1 else None
            return joined or next(filter(None, map(self._find, texts)), None)
        return None

    def matching(self, text: str) -> list[str]:
        """Return the topics to look for by a text, with all below them.

        It is a topic's code, label or path, the beginning of codes, or a part of labels; a `?`
        stands for topics that are not known.
        """
        if text == UNKNOWN_TOPIC:
            return [UNKNOWN_TOPIC]
        if (code := self._find(text)) is not None:
            return self.below([code])
        key = key_of(text)
        near = [
            topic.code
            for topic in self.topics.values()
            if key and (key_of(topic.code).startswith(key) or key in key_of(topic.label))
        ]
        return self.below(near)

    def names(self, code: str) -> list[str]:
        """Return the labels and codes of a topic and of those above it, the topic's own first."""
        return [name for t in reversed(self.lineage(code)) for name in (t.label, t.code)]

    def _find(self, text: str) -> str | None:
        key = key_of(text)
        if not key:
            return None
        if (code := self._codes.get(key) or self._paths.get(key)) is not None:
            return code
        if key.isdecimal() and len(codes := self._numbers.get(key.lstrip("0"), [])) == 1:
            return codes[0]
        labels = [key_of(part) for part in _SEPARATORS.split(text.strip())]
        return self._highest(self._named.get(key, ())) or (
            self._highest(self._ending_in(labels)) if len(labels) > 1 else None
        )

    def _ending_in(self, labels: Sequence[str]) -> list[str]:
        """Return the topics whose path ends in these labels."""
        return [
            code
            for code in self._named.get(labels[-1], ())
            if len(lineage := self.lineage(code)) >= len(labels)
            and all(
                label in _labels_of(topic)
                for topic, label in zip(lineage[-len(labels) :], labels, strict=True)
            )
        ]

    def _highest(self, codes: Sequence[str]) -> str | None:
        """Return the one of several topics that all the others lie below."""
        if len(codes) <= 1:
            return codes[0] if codes else None
        highest = min(codes, key=lambda code: len(self.lineage(code)))
        above = self.topics[highest]
        return highest if all(above in self.lineage(code) for code in codes) else None

    @cached_property
    def _present(self) -> list[Topic]:
        return [topic for topic in self.topics.values() if not topic.retired]

    @cached_property
    def _codes(self) -> dict[str, str]:
        return {key_of(topic.code): topic.code for topic in self._present}

    @cached_property
    def _paths(self) -> dict[str, str]:
        return {key_of(self.path(topic.code)): topic.code for topic in self._present}

    @cached_property
    def _numbers(self) -> dict[str, list[str]]:
        """The codes that are numbers by what a spreadsheet leaves of them: no leading zeros."""
        numbers: dict[str, list[str]] = {}
        for key, code in self._codes.items():
            if key.isdecimal():
                numbers.setdefault(key.lstrip("0"), []).append(code)
        return numbers

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        """The topics by each of their labels and aliases; an alias comes before any label."""
        named: dict[str, list[str]] = {}
        for topic in self._present:
            for label in _labels_of(topic):
                named.setdefault(label, []).append(topic.code)
        return named | {key_of(alias): [t.code] for t in self._present for alias in t.aliases}


def _labels_of(topic: Topic) -> set[str]:
    return {key_of(label) for label in (topic.label, *topic.former)}


def key_of(text: str) -> str:
    """Return a text in one width and case, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
