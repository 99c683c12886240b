"""The letters of events' names and messages' types: what one stands for never changes."""

import hashlib

import pytest

from models.rules.vocabulary import EventName, MessageType
from models.tables.letters import EVENT_LETTERS, MESSAGE_LETTERS, Letters


@pytest.mark.parametrize(
    ("letters", "codes", "digest"),
    [
        (EVENT_LETTERS, EventName, "473a21e79106817d"),
        (MESSAGE_LETTERS, MessageType, "0e30438d5bdb885d"),
    ],
)
def test_every_code_has_its_letter_for_ever(
    letters: Letters, codes: type[EventName | MessageType], digest: str
) -> None:
    """Stores have been written with these: a new code comes after them."""
    assert set(letters.by_code) == set(codes)
    kept = repr([(str(code), letter) for code, letter in letters.by_code.items()][: _KEPT[codes]])
    assert hashlib.sha256(kept.encode()).hexdigest()[:16] == digest
    assert all(letters.code_of(letters[code]) == code for code in codes)


_KEPT = {EventName: 58, MessageType: 30}


def test_a_type_that_nobody_knows_is_kept_as_it_is() -> None:
    for code in ("a", "=", "of.later.release", ""):
        assert MESSAGE_LETTERS.code_of(MESSAGE_LETTERS[code]) == code


@pytest.mark.parametrize("stored", ["", "ticket.received", "=ticket.received", "ab", "€"])
def test_what_stands_for_nothing_is_refused(stored: str) -> None:
    """No query would find an event under another spelling of its name."""
    with pytest.raises(ValueError, match="no code"):
        MESSAGE_LETTERS.code_of(stored)
