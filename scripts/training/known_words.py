"""Words that are typical of labels: those that come with the project, and those of a file."""

import re
from collections.abc import Iterable, Mapping
from importlib import resources

from pydantic import RootModel

from models.rules.routing.units_file import Unit
from models.rules.toml_files import load_toml
from models.rules.topics import TopicTree
from scripts.training.labelled_letters import InvalidLetters

Words = Mapping[str, tuple[str, ...]]
"""By label, the words that are typical of it."""

_JOINED = re.compile(r"[和与及、/（）()“”]")
_ADDED = re.compile(r"(?:管理|问题|纠纷|处理|事务)$")
"""The endings of topics' names that letters leave out of their words for the matter."""
_REST = "其他"
_CHINESE = re.compile(r"[一-鿿]{2,}")


class _TopicsFile(RootModel[dict[str, str]]):
    """A topics file: `label = "words, divided by white space"`."""


def shipped_words() -> dict[str, tuple[str, ...]]:
    """The words of each topic that come with the project."""
    text = (resources.files("scripts.training") / "topics.toml").read_text(encoding="utf-8")
    return parse_words(text, "topics.toml")


def parse_words(text: str, name: str) -> dict[str, tuple[str, ...]]:
    """The words by label that the TOML `text` of the topics file `name` holds."""
    topics = load_toml(text, name, _TopicsFile, InvalidLetters).root
    return {label: tuple(dict.fromkeys(words.split())) for label, words in topics.items()}


def words_of_topics(classification: TopicTree) -> Words:
    """By each topic's label, the names of the topic and of those below it, and their parts.

    The parts of 小区管理 are the name and 小区, which letters use more often.
    """
    words: dict[str, dict[str, None]] = {}
    for topic in classification.topics.values():
        if not topic.retired:
            parts = dict.fromkeys(_parts((topic.label, *topic.aliases)))
            for above in classification.lineage(topic.code):
                words.setdefault(above.label, {}).update(parts)
    return {label: tuple(of_label) for label, of_label in words.items()}


def words_of_units(units: Iterable[Unit], words: Words) -> Words:
    """By each unit's name, its keywords and the words of the topics that it is responsible for."""
    return {
        unit.name: tuple(
            dict.fromkeys([*unit.keywords, *(w for t in unit.topics for w in words.get(t, ()))])
        )
        for unit in units
    }


def merged(words: Words, more: Words) -> Words:
    """The words of both, label by label."""
    labels = dict.fromkeys((*words, *more))
    return {x: tuple(dict.fromkeys((*words.get(x, ()), *more.get(x, ())))) for x in labels}


def _parts(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        for part in (name, *_JOINED.split(name)):
            for word in (part, _ADDED.sub("", part)):
                if _REST not in word and _CHINESE.fullmatch(word):
                    yield word
