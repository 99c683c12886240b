"""A notice in words: the policy's texts where it has any, else those that come with the project."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from models.i18n import translator
from models.operations.notices.record import OutgoingNotice
from models.rules.calendar import SHANGHAI
from models.rules.notice_texts import check_texts, filled
from models.rules.policy import Policy


@cache
def default_texts(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The texts that come with the project, by kind, and what each kind is called."""
    file = resources.files("models") / "policy" / "notices.toml"
    everything = tomllib.loads(file.read_text(encoding="utf-8"))
    texts: dict[str, str] = everything[language]
    check_texts(texts)
    return texts, everything["names"][language]


class NoticeTexts:
    """Tells notices under a policy in one language, `zh` or `en`."""

    def __init__(self, policy: Policy, language: str) -> None:
        texts, self._names = default_texts(language)
        own = {str(k): v for k, v in policy.notices.texts.items()}
        self._texts = {**texts, **own.get(language, {})}
        self._word = cache(translator(language))
        self._advice, self._district = policy.screening.advice, policy.district

    def __call__(self, letter: OutgoingNotice) -> str:
        """What one notice says."""
        return filled(self._texts, letter.kind, self._gaps(letter))

    def message(self, letters: Sequence[OutgoingNotice], name: str) -> tuple[str, str]:
        """Subject and text of a message: a line for each notice, and what it is known by."""
        first = letters[0]
        gaps = self._gaps(first) | {"count": len(letters)}
        if len(letters) == 1:
            return filled(self._texts, "subject", gaps), f"{self(first)}\n[{name}]"
        gaps["unit"] = first.unit or ""
        lines = [f"{n}. {self(one)} [{one.id}]" for n, one in enumerate(letters, 1)]
        return filled(self._texts, "digest", gaps), "\n".join([*lines, f"[{name}]"])

    def _gaps(self, letter: OutgoingNotice) -> dict[str, Any]:
        more = letter.more
        return {
            "id": letter.id,
            "ticket": letter.ticket,
            "title": letter.title,
            "unit": letter.unit or letter.lead or "",
            "role": self._word(letter.role),
            "kind": self._names[letter.kind],
            "due": _day_and_hour(letter.due),
            "clock": self._word(more.get("clock", "")),
            "rating": self._word(more.get("rating", "")),
            "advice": self._advice.get(str(more.get("code", "")).removeprefix("2.2."), ""),
            "district": self._district,
            "count": 1,
        }


@lru_cache(maxsize=1024)
def _day_and_hour(due: datetime | None) -> str:
    return due.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if due else "-"
