"""A short run of the chaos suite: one mix of faults on each database."""

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from models.rules.vocabulary import MessageType
from models.tables.core import EVENT, INBOX, NOTICE
from tests.chaos.known_feed import START, known_feed, reference_run
from tests.chaos.rounds import Round, run_round
from tests.chaos.verdict import compare_with_reference
from tests.store.factories import advance_step_by_step, feed, prepared_store

_DISPUTED = "HJ20260295-0"
QUICK = Round("sqlite", seed=12345, seconds=9, copies=2, every=(0.2, 0.5), lasting=(0.3, 1.2),
              events=False)  # fmt: skip


@pytest.mark.usefixtures("starts_servers")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_feed_under_faults_ends_as_if_nothing_had_happened(kind: str, tmp_path: Path) -> None:
    """Nothing lost, nothing twice, the same end and the same log; everybody ends when lines to."""
    lines: list[str] = []
    result = run_round(replace(QUICK, kind=kind), tmp_path, lines.append)
    story = "\n".join([*lines, result.log[-5_000:]])
    assert result.faults >= 5, story
    assert result.good, f"{result.verdict}\n{result.unresponsive}\n{story}"


def test_the_known_feed_knows_every_kind_of_message() -> None:
    """All types of the contract are in it."""
    lines = known_feed(1, random.Random(1))
    assert {line.body["type"] for line in lines} == set(MessageType)


def test_what_was_told_before_a_late_message_is_not_told_twice(tmp_path: Path) -> None:
    """A party of a dispute heard that the ticket was withdrawn; then the decision arrived."""
    lines = [line for line in known_feed(1, random.Random(1)) if line.body["ticket"] == _DISPUTED]
    lines.sort(key=lambda line: (line.body["type"] == "dispute.decided", line.body["at"]))
    reference = reference_run(tmp_path / "reference", lines)
    letters = tmp_path / "notices.jsonl"
    letters.write_text("")
    with prepared_store(f"sqlite:///{tmp_path / 'late.db'}") as store:
        for part, hours in ((lines[:-1], 3), (lines[-1:], 48)):
            feed(store, [line.body for line in part], START + timedelta(hours=hours))
            with store.writing() as session:
                advance_step_by_step(session, [_DISPUTED], START + timedelta(hours=hours))
        verdict = compare_with_reference(store, reference, lines, letters)
        assert [twice for twice in verdict.twice if "withdrawn" in twice] == []
    reference.close()


def test_the_verdict_sees_what_is_wrong(tmp_path: Path) -> None:
    """A message gone, an event twice, a notice unsent, a changed line: each is found."""
    lines = [line for line in known_feed(1, random.Random(1)) if not line.poison]
    reference = reference_run(tmp_path / "reference", lines)
    store = reference_run(tmp_path / "spoilt", lines)
    letters = tmp_path / "notices.jsonl"
    letters.write_text("")
    unsent = compare_with_reference(store, reference, lines, letters)
    assert not unsent.different
    assert not unsent.twice
    assert {what.partition(" ")[0] for what in unsent.lost} == {"notice", "letter"}
    with store.writing() as session:
        session.execute(delete(INBOX).where(INBOX.c.message_id == lines[0].body["id"]))
        session.execute(update(INBOX).where(INBOX.c.id == 5).values(state="waiting"))
        session.execute(delete(EVENT).where(EVENT.c.name == "clock.expired"))
        session.execute(update(EVENT).where(EVENT.c.name == "unit.urged").values(data={"unit": ""}))
        session.execute(delete(NOTICE).where(NOTICE.c.kind == "red"))
    spoilt = compare_with_reference(store, reference, lines, letters)
    assert f"message {lines[0].body['id']}" in spoilt.lost
    assert any(what.startswith("waiting") for what in spoilt.lost)
    assert any("clock.expired" in what for what in spoilt.lost)
    assert any("unit.urged" in what for what in spoilt.twice)
    assert any("gap in the log" in what for what in spoilt.different)
    assert any("chain of the log" in what for what in spoilt.different)
    store.close()
    reference.close()
