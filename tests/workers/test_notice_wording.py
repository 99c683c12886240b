"""The wording of notices: deadlines and duties as they were at the event (decision 34)."""

import pytest

from models.database import Store
from models.operations.notices.batch import NoticeBatch
from models.operations.notices.outgoing import ready_notices
from models.rules.events import NoticedDuty, NoticeQueued
from models.rules.policy import load_policy
from models.rules.vocabulary import ClockName, ContactPurpose, DutyChange, NoticeKind, Recipient
from tests.rules.district import POLICY, policy_with
from tests.store.factories import advance_tickets, at, feed, letter
from tests.workers.dispatching import UNIT, notices, outgoing_notice
from workers.notices.texts import NoticeTexts

DUE = at("2026-11-03T17:30")
DUTIES = (
    NoticedDuty(clock=ClockName.ACCEPT, change=DutyChange.STARTED, due=DUE),
    NoticedDuty(
        clock=ClockName.PROOF, change=DutyChange.MOVED, due=DUE, purpose=ContactPurpose.FIRST
    ),
    NoticedDuty(clock=ClockName.FIRST_CONTACT, change=DutyChange.MET, due=DUE),
    NoticedDuty(clock=ClockName.HANDLING, change=DutyChange.CANCELLED, due=DUE),
    NoticedDuty(clock=ClockName.EVIDENCE, change=DutyChange.PASSED_ON, due=DUE),
)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "zh",
            "【期限变更】工单 T1“水管爆裂”：受理 11-03 17:30 前；联系举证（首次联系）改为"
            " 11-03 17:30 前；首次联系（已完成）；办理 11-03 17:30 前（已取消）；"
            "争议佐证 11-03 17:30 前（由本单位承接）。",
        ),
        (
            "en",
            '[Duties changed] Ticket T1 "水管爆裂": acceptance by 11-03 17:30; proof of contact'
            " (first contact) now by 11-03 17:30; first contact (done); handling term by"
            " 11-03 17:30 (cancelled); evidence in the dispute by 11-03 17:30 (taken over)",
        ),
    ],
)
def test_duties_read_as_a_list(language: str, text: str) -> None:
    """Each says what is owed, by when, and what became of it."""
    kind, role = NoticeKind.DUTIES_CHANGED, Recipient.UNIT_CONTACT
    event = NoticeQueued(kind=kind, role=role, unit=UNIT, duties=DUTIES)
    notice = outgoing_notice(kind=kind, role=role, event=event)
    assert NoticeTexts(POLICY, language).line(notice) == text


def test_a_text_of_the_policy_that_fails_is_replaced_by_our_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With these values alone: no notice is lost to it, and the log says so once."""
    failing = "{% if title == '水管爆裂' %}{{ title > 3 }}{% endif %}"
    of_policy = f'[notices.texts.zh]\nyellow = "{failing}"\n\n[screening]'
    texts = NoticeTexts(load_policy(policy_with(("[screening]", of_policy)), "failing"), "zh")
    for title in ("水管爆裂", "路灯不亮", "水管爆裂"):
        # the first fails, and the second says nothing
        notice = outgoing_notice(title=title)
        assert texts.line(notice) == NoticeTexts(POLICY, "zh").line(notice)
    assert caplog.text.count("a text of the policy fails") == 1


def test_a_district_may_leave_out_how_one_answer_serves_several() -> None:
    """All other texts that say nothing are replaced."""
    of_policy = '[notices.texts.zh]\none_answer = ""\n\n[screening]'
    without = load_policy(policy_with(("[screening]", of_policy)), "without")
    urged = NoticeKind.URGED
    assert urged in POLICY.notices.similar
    event = NoticeQueued(kind=urged, role=Recipient.UNIT_CONTACT, unit=UNIT)
    changes = {"kind": urged, "role": Recipient.UNIT_CONTACT, "event": event}
    batch = NoticeBatch("T1-1+1", tuple(outgoing_notice(n, **changes) for n in (1, 2)))
    _, usual = NoticeTexts(POLICY, "zh").message(batch)
    _, text = NoticeTexts(without, "zh").message(batch)
    assert len(text.splitlines()) == len(usual.splitlines()) - 1


def test_what_has_no_deadline_names_none() -> None:
    """A supplement of a ticket whose term does not run promises no term."""
    kind = NoticeKind.SUPPLEMENTED
    event = NoticeQueued(kind=kind, role=Recipient.UNIT_CONTACT, unit=UNIT)
    notice = outgoing_notice(kind=kind, event=event, due=None)
    assert NoticeTexts(POLICY, "zh").line(notice).endswith("诉求人补充了诉求内容，请查看。")


def test_the_hotlines_own_expiry_is_no_units() -> None:
    """Decision 32: a survey that expires is never "overdue" for a unit."""
    event = NoticeQueued(
        kind=NoticeKind.EXPIRED, role=Recipient.DISTRICT_DESK, clock=ClockName.SURVEY, due=DUE
    )
    notice = outgoing_notice(kind=NoticeKind.EXPIRED, event=event)
    assert UNIT not in NoticeTexts(POLICY, "zh").line(notice)


def test_an_emergencys_dispatch_names_the_term_of_acceptance(store: Store) -> None:
    """Its shorter duties come with it, but are not what is to be confirmed."""
    feed(store, [letter("E1", "2026-11-02T09:00", emergency="utilities")], at("2026-11-02T09:00"))
    advance_tickets(store, ["E1"], at("2026-11-02T09:00"))
    with store.reading() as session:
        rows = [n.id for n in notices(store, "dispatched")]
        (notice,) = ready_notices(session, rows, at("2026-11-02T09:01"))
    assert {duty.clock for duty in notice.duties} == {"accept", "on_site", "emergency_report"}
    assert notice.due == DUE
