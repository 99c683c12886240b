"""Nothing of a claimant but the ticket's number and masked title leaves the house."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import UNSET, UnsetType

from models.operations.notices.batch import NoticeBatch
from models.rules.events import NoticeQueued
from models.rules.notice_texts import HEADINGS
from models.rules.vocabulary import ClockName, NoticeKind, Recipient
from tests.rules.district import POLICY
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message, prepared_store
from tests.workers.dispatching import (
    ManualClock,
    notice_dispatcher,
    notices,
    outgoing_notice,
    ring,
)
from tests.workers.processes import wait_until
from tests.workers.receivers import mail_server, web_server
from workers.notices.texts import NoticeTexts, default_texts

MARKED = (
    "欧阳标记",
    "13922223333",
    "440508199001011234",
    "标记路88号",
    "标记内容",
    "标记备注",
)
PERSON = {"name": "欧阳标记", "phone": "13922223333"}


def marked_messages() -> list[dict[str, object]]:
    """Return the messages of a ticket whose every text holds marked data, through most notices."""
    more = {
        "title": "路灯坏了 13922223333 身份证440508199001011234",
        "content": "标记内容：濠江区达濠街道路灯，我叫欧阳标记，13922223333",
        "claimant": PERSON,
        "address": "濠江区达濠街道标记路88号",
    }
    text = {"text": "标记备注 13922223333"}
    result = {k: f"{v} 标记备注" for k, v in RESULT.items() if k != "disposal"}
    done = {**result, "disposal": "ordinary"}
    first = letter("P1", "2026-03-02T09:00", **more)
    return [
        first,
        message("P1", "unit.returned", "2026-03-02T09:30", reason="标记备注", basis="标记备注",
                suggested_unit="住建局", signed_by="欧阳标记"),
        message("P1", "return.reviewed", "2026-03-02T10:00", approved=False),
        message("P1", "unit.accepted", "2026-03-02T10:30"),
        message("P1", "unit.joined", "2026-03-02T10:40", unit="住建局"),
        message("P1", "unit.urged", "2026-03-02T11:00", by="欧阳标记", **text),
        message("P1", "contact.attempted", "2026-03-02T11:10", purpose="first",
                outcome="no_answer", method="phone", evidence="标记备注"),
        message("P1", "contact.attempted", "2026-03-02T15:10", purpose="first",
                outcome="no_answer", method="phone", evidence="标记备注"),
        message("P1", "claimant.withdrew", "2026-03-02T15:30", to="unit"),
        message("P1", "contact.denied", "2026-03-02T15:40", purpose="first"),
        message("P1", "result.submitted", "2026-03-02T16:00", **done),
        message("P1", "result.reviewed", "2026-03-02T16:10", approved=False, why="标记备注"),
        message("P1", "result.submitted", "2026-03-02T16:20", **done),
        message("P1", "result.reviewed", "2026-03-02T16:30", approved=True),
        message("P1", "survey.rated", "2026-03-02T16:40", rating="dissatisfied"),
        message("P1", "revisit.recorded", "2026-03-02T16:50", outcome="confirmed",
                notes="标记备注"),
        message("P1", "rework.requested", "2026-03-02T17:00"),
        letter("P2", "2026-03-02T09:00", **more | {"declined": "5", "id": "P2x"}),
    ]  # fmt: skip


def test_no_channel_gets_more_than_number_and_masked_title(tmp_path: Path) -> None:
    """Marked data is fed in, every channel is read, and none of it is found."""
    store_url = f"sqlite:///{tmp_path / 'private.db'}"
    with (
        prepared_store(store_url) as store,
        web_server() as (web, web_port),
        mail_server() as (mail, mail_port),
    ):
        text = f"""
[channel.hook]
url = "json://127.0.0.1:{web_port}/x"
quiet = false
language = "en"

[channel.mail]
url = "mailto://127.0.0.1:{mail_port}?from=desk@hotline.cn&to=a@b.cn&mode=insecure"
quiet = false

[[rule]]
channels = ["hook", "mail", "file", "log"]
"""
        messages = marked_messages()
        clock = ManualClock(at("2026-03-02T09:00"))
        moments = sorted({at(str(m["at"])) for m in messages})
        cards = [at(f"2026-03-{day}T08:33") for day in ("11", "12", "13", "20")]
        with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
            # one after the other: a notice whose occasion is over is not sent
            for clock.present in moments + cards:
                feed(store, [m for m in messages if at(str(m["at"])) == clock()], clock())
                advance_tickets(store, ["P1", "P2"], clock())

                def all_gone() -> bool:
                    ring(store, clock, dispatcher)
                    clock.pass_by(timedelta(seconds=40))
                    return {n.state for n in notices(store)} <= {"sent", "dropped"}

                wait_until(all_gone, 60, "everything sent")
        kinds = {n.kind for n in notices(store) if n.state == "sent"}
    assert len(kinds) >= 15
    received = [p["title"] + p["text"] + p["path"] for p in web.posts]
    received += [m.as_string() + t for m, t in zip(mail.mails, mail.texts, strict=True)]
    received.append((tmp_path / "notices.jsonl").read_text("utf-8"))
    everything = "\n".join(received)
    assert "P1" in everything
    assert "139****3333" in everything
    assert "评价为“不满意”" in everything
    assert 'rated "dissatisfied"' in everything
    assert [mark for mark in MARKED if mark in everything] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_has_a_text(language: str) -> None:
    """In both languages, with its own name, and with the ticket's number and title in it."""
    texts, names = default_texts(language)
    assert set(names) == set(NoticeKind) == set(texts) - set(HEADINGS)
    written = NoticeTexts(POLICY, language)
    for kind in NoticeKind:
        event = NoticeQueued(
            kind=kind, role=Recipient.UNIT_CONTACT, clock=ClockName.FIRST_CONTACT, code="2.2.5"
        )
        notice = outgoing_notice(kind=kind, title="路灯<b>{{ x }}", event=event)
        text = written.line(notice)
        assert "T1" in text
        assert "路灯<b>{{ x }}" in text
        subject, body = written.message(NoticeBatch("T1-1+1", (notice, notice)))
        assert names[kind] in subject
        assert body.count("T1-1]") == 2
        assert body.endswith("[T1-1+1]")


@pytest.mark.parametrize(("number", "says"), [("119", "119。"), (UNSET, "110、119、120 或 122。")])
def test_a_declined_claimant_is_told_the_number_that_was_found(
    number: str | UnsetType, says: str
) -> None:
    """Regulation 2.2.4: one of the four where the letter says which."""
    declined = NoticeQueued(
        kind=NoticeKind.DECLINED, role=Recipient.CLAIMANT, code="2.2.4", number=number
    )
    notice = outgoing_notice(kind=NoticeKind.DECLINED, title="楼上起火", event=declined)
    assert f"情况紧急请立即拨打 {says}" in NoticeTexts(POLICY, "zh").line(notice)
