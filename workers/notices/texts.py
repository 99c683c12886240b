"""The texts of notices: those of the policy where it has any, else those of the project."""

import json
import logging
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from msgspec import UnsetType

from models.errors import describe_safely
from models.i18n import N_, translator
from models.operations.notices.batch import NoticeBatch
from models.operations.notices.outgoing import OutgoingNotice
from models.rules.calendar import SHANGHAI
from models.rules.events import NoticedDuty
from models.rules.notice_texts import InvalidNoticeText, check_text, fill_text
from models.rules.policy import Policy
from models.rules.vocabulary import RECIPIENTS_OF_A_UNIT, Code, DutyChange

log = logging.getLogger("hotline.notices")


@cache
def default_texts(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the project's own texts, by kind, and the name of each kind."""
    file = resources.files("models") / "policy" / "notices.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    texts: dict[str, str] = tables[language]
    for kind, text in texts.items():
        check_text(kind, text)
    return texts, tables["names"][language]


class NoticeTexts:
    """Writes notices under a policy in one language, `zh` or `en`."""

    def __init__(self, policy: Policy, language: str) -> None:
        self.policy = policy
        self._own_texts, self._names = default_texts(language)
        by_language = {str(k): v for k, v in policy.notices.texts.items()}
        self._texts = {**self._own_texts, **by_language.get(language, {})}
        self._translate = cache(translator(language))
        self._separator = self._translate(_SEPARATOR)
        self._failed: set[str] = set()

    def line(self, notice: OutgoingNotice) -> str:
        """Return the text of one notice, on one line."""
        return self._fill(notice.kind, self._values(notice))

    def message(self, batch: NoticeBatch) -> tuple[str, str]:
        """Return subject and text of a message: a line for each notice, its ids in brackets."""
        first, *others = batch.notices
        values = self._values(first) | {"count": len(batch.notices)}
        if not others:
            return self._fill("subject", values), f"{self.line(first)}\n[{batch.id}]"
        values["unit"] = first.unit or ""
        values["tickets"] = json.dumps([n.ticket for n in batch.notices], ensure_ascii=False)
        lines = [
            f"{n}. {self.line(notice)} [{notice.id}]" for n, notice in enumerate(batch.notices, 1)
        ]
        if first.kind not in self.policy.notices.similar:
            return self._fill("digest", values), "\n".join([*lines, f"[{batch.id}]"])
        # a policy may leave this line out, by an empty text
        if first.role in RECIPIENTS_OF_A_UNIT and self._texts["one_answer"]:
            lines.append(self._fill("one_answer", values))
        return self._fill("similar", values), "\n".join([*lines, f"[{batch.id}]"])

    def _fill(self, kind: str, values: Mapping[str, object]) -> str:
        """Fill in the policy's text; where that fails or says nothing, the project's own."""
        why = "it says nothing"
        try:
            if text := fill_text(self._texts, kind, values):
                return text
        except InvalidNoticeText as error:
            why = describe_safely(error)
        if kind not in self._failed:
            self._failed.add(kind)
            log.error("a text of the policy fails: %s", why, extra={"kind": kind})
        return fill_text(self._own_texts, kind, values)

    def _values(self, notice: OutgoingNotice) -> dict[str, Any]:
        """Return a value for every placeholder that a template may name."""
        event = notice.event
        item = (event.code or "").removeprefix("2.2.")
        return {
            "id": notice.id,
            "ticket": notice.ticket,
            "title": notice.title,
            "unit": event.body or event.unit or "",
            "role": self._translate(notice.role),
            "kind": self._names[notice.kind],
            "due": _day_and_hour(notice.due),
            "clock": self._label(event.clock),
            "duties": self._separator.join(map(self._duty, notice.duties)),
            "urgent": self._translate("emergency") if notice.emergency else "",
            "rating": self._label(event.rating),
            "advice": self.policy.screening.advice_for(item, event.number or None),
            "district": self.policy.district,
            "count": 1,
            "tickets": "",
        }

    def _label(self, code: Code | UnsetType | None) -> str:
        return self._translate(code.label) if code else ""

    def _duty(self, duty: NoticedDuty) -> str:
        """Return a duty as a list of them has it: what is owed, by when, what became of it."""
        name = self._label(duty.clock)
        if duty.purpose:
            of = self._label(duty.purpose)
            name = self._translate(_OF_PURPOSE).format(duty=name, purpose=of)
        text = self._translate(_DUTY[duty.change])
        return text.format(duty=name, due=_day_and_hour(duty.due))


_SEPARATOR = N_("; ")
_OF_PURPOSE = N_("{duty} ({purpose})")
_DUTY = {
    DutyChange.STARTED: N_("{duty} by {due}"),
    DutyChange.MOVED: N_("{duty} now by {due}"),
    DutyChange.MET: N_("{duty} (done)"),
    DutyChange.CANCELLED: N_("{duty} by {due} (cancelled)"),
    DutyChange.PASSED_ON: N_("{duty} by {due} (taken over)"),
}
"""How a list of duties says what happened to one."""


@lru_cache(maxsize=1024)
def _day_and_hour(due: datetime | None) -> str:
    return due.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if due else ""
