"""The texts of notices: those of the policy where it has any, else those of the project."""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from models.i18n import translator
from models.operations.notices.batch import NoticeBatch
from models.operations.notices.outgoing import OutgoingNotice
from models.rules.calendar import SHANGHAI
from models.rules.notice_texts import check_texts, fill_text
from models.rules.policy import Policy


@cache
def default_texts(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the project's own texts, by kind, and the name of each kind."""
    file = resources.files("models") / "policy" / "notices.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    texts: dict[str, str] = tables[language]
    check_texts(texts)
    return texts, tables["names"][language]


class NoticeTexts:
    """Writes notices under a policy in one language, `zh` or `en`."""

    def __init__(self, policy: Policy, language: str) -> None:
        self.policy = policy
        texts, self._names = default_texts(language)
        by_language = {str(k): v for k, v in policy.notices.texts.items()}
        self._texts = {**texts, **by_language.get(language, {})}
        self._translate = cache(translator(language))

    def line(self, notice: OutgoingNotice) -> str:
        """Return the text of one notice, on one line."""
        return fill_text(self._texts, notice.kind, self._values(notice))

    def message(self, batch: NoticeBatch) -> tuple[str, str]:
        """Return subject and text of a message: a line for each notice, its ids in brackets."""
        first, *others = batch.notices
        values = self._values(first) | {"count": len(batch.notices)}
        if not others:
            return fill_text(self._texts, "subject", values), f"{self.line(first)}\n[{batch.id}]"
        values["unit"] = first.unit or ""
        lines = [
            f"{n}. {self.line(notice)} [{notice.id}]" for n, notice in enumerate(batch.notices, 1)
        ]
        return fill_text(self._texts, "digest", values), "\n".join([*lines, f"[{batch.id}]"])

    def _values(self, notice: OutgoingNotice) -> dict[str, Any]:
        """Return a value for every placeholder that a template may name."""
        event = notice.event
        clock, rating, code = (event.clock, event.rating, event.code) if event else ("", "", "")
        item = (code or "").removeprefix("2.2.")
        number = (event.number or None) if event else None
        return {
            "id": notice.id,
            "ticket": notice.ticket,
            "title": notice.title,
            "unit": notice.unit or notice.lead or "",
            "role": self._translate(notice.role),
            "kind": self._names[notice.kind],
            "due": _day_and_hour(notice.due),
            "clock": self._translate(clock or ""),
            "duties": "",
            "rating": self._translate(rating or ""),
            "advice": self.policy.screening.advice_for(item, number),
            "district": self.policy.district,
            "count": 1,
        }


@lru_cache(maxsize=1024)
def _day_and_hour(due: datetime | None) -> str:
    return due.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if due else "-"
