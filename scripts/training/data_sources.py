"""The letters, words and model of a training or an evaluation, from files or the store."""

from importlib.util import find_spec
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _
from models.queries.dispatch_history import past_dispatches
from models.queries.routing_models import load_model
from models.queries.topics import load_topics
from models.rulebook import stored_units
from models.rules.routing.learned import LinearClassifier
from models.settings import Settings
from models.text_files import read_text
from scripts.bootstrap import read_store, read_store_if_any
from scripts.training.known_words import (
    Words,
    merged,
    parse_words,
    shipped_words,
    words_of_topics,
    words_of_units,
)
from scripts.training.labelled_letters import Columns, LabelledLetter, read_letters


def require_training_libraries() -> None:
    """Raise HotlineError where the libraries of the extra `train` are not installed."""
    if not all(map(find_spec, ("scipy", "sklearn"))):
        why = _("learning needs scikit-learn, which is not installed: pip install 'hotline[train]'")
        raise HotlineError(why)


def load_letters(
    settings: Settings, file: Path | None, columns: Columns
) -> tuple[list[LabelledLetter], int]:
    """The letters of a file, else those that units have accepted; and the rows that lack a part."""
    if file is not None:
        return read_letters(file, columns)
    with read_store(settings) as session:
        return [LabelledLetter(*past) for past in past_dispatches(session)], 0


def load_words(settings: Settings, topics: Path | None) -> Words:
    """Known words by label, of topics and units.

    A topics file stands in for the project's own; the store's classification and units are added.
    """
    words: Words = parse_words(read_text(topics), str(topics)) if topics else shipped_words()
    with read_store_if_any(settings) as session:
        if session is None:
            return words
        words = merged(words, words_of_topics(load_topics(session)))
        return merged(words, words_of_units(stored_units(session), words))


def model_in_use(settings: Settings) -> LinearClassifier | None:
    """The model that the store uses; None where there is no store or no model."""
    with read_store_if_any(settings) as session:
        return None if session is None else load_model(session)
