"""A classification of requests as a file lists it, and the tree that an import makes of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from models.errors import HotlineError
from models.i18n import _
from models.rules.topics import UNKNOWN_TOPIC, Topic, TopicTree, key_of

_GENERATED = re.compile(r".*T\d+")
_MOST_GENERATED = 99


class InvalidTopics(HotlineError):
    """A list of topics cannot be used; the message says which line, and what to do."""


@dataclass(frozen=True, slots=True)
class ListedTopic:
    """A row of a list: the labels from the first level down, and the codes that it gives of them.

    `aliases` are those of the last label; None where the list has no column of them.
    """

    line: int
    labels: tuple[str, ...]
    codes: tuple[str, ...]
    aliases: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Node:
    line: int
    label: str
    code: str = ""
    aliases: tuple[str, ...] | None = None
    below: "dict[str, _Node]" = field(default_factory=dict)


def topics_of(listed: Sequence[ListedTopic], known: TopicTree) -> list[Topic]:
    """Return the topics of a list, in its order, then those that have left it, retired.

    A topic is the known one with its code; without a code, the known one of its label below the
    same topic, or a new one with a code made from that above it. Its aliases stay where the list
    has none, and a label that it had before is kept. Raises InvalidTopics.
    """
    roots: dict[str, _Node] = {}
    for row in listed:
        _add(roots, row)
    if not roots:
        raise InvalidTopics(_("the file lists no topic"))
    listed_codes = {node.code for node in _all(roots) if node.code}
    tree = _Numbering(known, listed_codes)
    topics = tree.topics(roots, "")
    _check_names(topics)
    present = {topic.code for topic in topics}
    gone = [replace(t, retired=True) for t in known.topics.values() if t.code not in present]
    return [*topics, *gone]


def _add(roots: dict[str, _Node], row: ListedTopic) -> None:
    below, node = roots, None
    for label, code in zip(row.labels, row.codes, strict=True):
        node = below.setdefault(key_of(label), _Node(row.line, label))
        if code and node.code and code != node.code:
            why = _("line {line}: {label} has the code {code} already, and {other} here")
            raise InvalidTopics(why.format(line=row.line, label=label, code=node.code, other=code))
        node.code = node.code or code
        below = node.below
    if node is not None and row.aliases is not None:
        node.aliases = (*(node.aliases or ()), *row.aliases)


def _all(nodes: dict[str, _Node]) -> list[_Node]:
    return [each for node in nodes.values() for each in (node, *_all(node.below))]


class _Numbering:
    """Makes topics of nodes, each with its code."""

    def __init__(self, known: TopicTree, listed_codes: set[str]) -> None:
        self._known = known
        self._taken = set(listed_codes)
        self._lines: dict[str, int] = {}

    def topics(self, nodes: dict[str, _Node], parent: str) -> list[Topic]:
        """Return the topics of these nodes below a topic, and all below them."""
        topics: list[Topic] = []
        for node in nodes.values():
            code = node.code or self._known_code(node.label, parent) or self._new_code(node, parent)
            if code == UNKNOWN_TOPIC or code in self._lines:
                why = _("line {line}: the code {code} of {label} is another topic's")
                raise InvalidTopics(why.format(line=node.line, code=code, label=node.label))
            self._lines[code] = node.line
            self._taken.add(code)
            topics.append(self._topic(node, code, parent))
            topics += self.topics(node.below, code)
        return topics

    def _topic(self, node: _Node, code: str, parent: str) -> Topic:
        before = self._known.topics.get(code)
        aliases, former = node.aliases, tuple[str, ...]()
        if before is not None:
            aliases = before.aliases if aliases is None else aliases
            labels = (*before.former, before.label)
            former = tuple(label for label in dict.fromkeys(labels) if label != node.label)
        return Topic(code, node.label, parent, tuple(dict.fromkeys(aliases or ())), former)

    def _known_code(self, label: str, parent: str) -> str | None:
        key = key_of(label)
        codes = [
            topic.code
            for topic in self._known.topics.values()
            if topic.parent == parent and key in map(key_of, (topic.label, *topic.former))
        ]
        return next((code for code in codes if code not in self._taken), None)

    def _new_code(self, node: _Node, parent: str) -> str:
        """Return a new code: T01, T0103 below it; letters keep spreadsheets from changing it."""
        begin = parent if _GENERATED.fullmatch(parent) else f"{parent}T"
        taken = self._taken | self._known.topics.keys()
        for number in range(1, _MOST_GENERATED + 1):
            if (code := f"{begin}{number:02}") not in taken:
                return code
        why = _("line {line}: more than {n} topics without codes below one; give them codes")
        raise InvalidTopics(why.format(line=node.line, n=_MOST_GENERATED))


def _check_names(topics: Sequence[Topic]) -> None:
    owners: dict[str, str] = {key_of(topic.code): topic.code for topic in topics}
    for topic in topics:
        for alias in topic.aliases:
            owner = owners.setdefault(key_of(alias), topic.code)
            if owner != topic.code:
                why = _("the alias {alias} of {code} means {owner} already; leave it to one")
                raise InvalidTopics(why.format(alias=alias, code=topic.code, owner=owner))


def with_alias(known: TopicTree, text: str, code: str) -> list[Topic]:
    """Return the topics with a further text that means one of them. Raises InvalidTopics."""
    topics = [
        replace(topic, aliases=tuple(dict.fromkeys((*topic.aliases, text))))
        if topic.code == code
        else topic
        for topic in known.topics.values()
    ]
    _check_names([topic for topic in topics if not topic.retired])
    return topics


def listed(tree: TopicTree) -> list[ListedTopic]:
    """Return the rows of a list from which an import makes the same topics."""
    rows = []
    for number, topic in enumerate(t for t in tree.topics.values() if not t.retired):
        lineage = tree.lineage(topic.code)
        labels = tuple(t.label for t in lineage)
        codes = (*([""] * (len(labels) - 1)), topic.code)
        rows.append(ListedTopic(number + 2, labels, codes, topic.aliases))
    return rows
