"""The title of a ticket as it is stored in clear: an excerpt of what was written, redacted."""

import re

from models.rules.particulars import Particulars
from models.rules.personal.figures import plain_width
from models.rules.redaction import Redactor
from models.rules.text import one_line
from models.rules.vocabulary import Category

_NUMBERED = re.compile(r"[*\d]")
_CUT = "…"


def redacted_title(particulars: Particulars, category: str, limit: int) -> str:
    """Return a ticket's title of at most so many characters, fit to be stored in clear.

    Where the title is the letter itself or the address, as in a table that has no column for
    titles, it is the category with the place of the matter.
    """
    if _is_letter(particulars, limit):
        return _excerpt(f"{_chinese(category)} {_place(particulars)}".strip(), limit)
    title = Redactor(particulars.person).redact_text(particulars.title)
    return _excerpt(one_line(title), limit)


def _is_letter(particulars: Particulars, limit: int) -> bool:
    address = str(particulars.person.get("address") or "")
    texts = (particulars.title, particulars.content, address)
    title, content, address = ("".join(text.split()) for text in texts)
    return title in (content, address) or (not content and len(title) > limit)


def _chinese(category: str) -> str:
    return Category(category).chinese if category in tuple(Category) else category


def _place(particulars: Particulars) -> str:
    """Return the street, and the address down to before the house number."""
    person = particulars.person
    redactor = Redactor({"name": person.get("name"), "phone": person.get("phone")})
    street = one_line(redactor.redact_text(particulars.street))
    address = one_line(redactor.redact_text(str(person.get("address") or "")))
    number = _NUMBERED.search(plain_width(address))
    address = address[: number.start()].rstrip() if number is not None else address
    return address if street in address else f"{street} {address}".strip()


def _excerpt(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + _CUT
