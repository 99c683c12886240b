"""The particulars of a ticket: its title and its claimant, as corrected by now."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.json_types import Json


class Particulars(NamedTuple):
    """The title of a ticket and its claimant (诉求人), with the address, as they are by now.

    `content` and `street` are the letter's.
    """

    title: str
    person: dict[str, Json]
    content: str = ""
    street: str = ""

    def as_body(self) -> dict[str, Json]:
        """Return them as a message has them."""
        person = dict(self.person)
        address = person.pop("address", None)
        return {"title": self.title, "claimant": person, "address": address}


def read_particulars(
    received: Mapping[str, Json], amendments: Iterable[Mapping[str, Json]] = ()
) -> Particulars:
    """Return the particulars of a ticket as received, with the corrections in their order."""
    title = str(received.get("title", ""))
    person: dict[str, Json] = {
        **(received.get("claimant") or {}),
        "address": received.get("address"),
    }
    content, street = (str(received.get(name) or "") for name in ("content", "street"))
    for body in amendments:
        if body.get("title"):
            # of a letter that was its own title, no more than the new title is known
            content = "" if title == content else content
            title = str(body["title"])
        street = str(body.get("street") or street)
        change: Mapping[str, Json] = body.get("claimant") or {}
        person |= {name: value for name, value in change.items() if value is not None}
        if "address" in body:
            person["address"] = body["address"]
    return Particulars(title, person, content, street)
