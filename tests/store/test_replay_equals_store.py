"""The replay: tickets in simulated time, in memory; the service writes the same log."""

import dataclasses
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby, zip_longest
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import select

from models.database import Store
from models.operations.units import replace_units
from models.queries.log import ticket_log
from models.rules.messages import Message
from models.rules.routing.directory import Unit, UnitsFile
from models.tables.core import TICKET
from scripts.ingest.feed_reader import read_feed
from scripts.laboratory.variants import Variant, read_variant
from scripts.replay.messages import unit_names
from scripts.replay.replay import ReplayResult, ReplaySetup, replay, replay_outcomes
from tests.laboratory.outcomes import facts_by_ticket, folded_outcomes, stored
from tests.rules.district import POLICY_FILE, POLICY_TEXT, SCENARIOS
from tests.rules.facts import facts_of_log
from tests.rules.random_lives import lives
from tests.rules.scenario_runner import NOTICE, Scenario, lines, read_scenario
from tests.rules.test_examples import EXAMPLES
from tests.rules.test_scenarios import NAMES, compared
from tests.store.factories import (
    RESULT,
    advance_step_by_step,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
    simple_units,
)

SETUP = ReplaySetup([(POLICY_TEXT, POLICY_FILE.name)], simple_units())
_END = datetime.fromisoformat("2028-06-01T00:00:00+08:00")


def played(
    folder: Path, messages: Sequence[dict[str, Any]], until: str | None = None
) -> list[dict[str, Any]]:
    """The log of these messages, written to a file and replayed."""
    end = datetime.fromisoformat(until) if until else None
    return _played(folder, messages, end, SETUP).events


def _played(
    folder: Path, messages: Sequence[dict[str, Any]], end: datetime | None, setup: ReplaySetup
) -> ReplayResult:
    return replay(_written(folder, messages), setup, end)


def _written(folder: Path, messages: Sequence[dict[str, Any]]) -> Path:
    path = folder / "messages.jsonl"
    path.write_text("".join(json.dumps(m, ensure_ascii=False) + "\n" for m in messages), "utf-8")
    return path


def named(log: Sequence[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """The events of this name."""
    return [e for e in log if e["event"] == event]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_facts_are_those_of_the_simulator(path: Path, tmp_path: Path) -> None:
    expected = json.loads(path.with_suffix(".facts.json").read_text(encoding="utf-8"))
    # the units are those that the messages name
    setup = ReplaySetup(SETUP.policies, UnitsFile(()))
    messages = lines(path)
    log = _played(tmp_path, messages, datetime.fromisoformat(expected["until"]), setup).events
    assert sorted(facts_of_log(log), key=repr) == sorted(map(tuple, expected["facts"]), key=repr)
    order = [(e["at"], e["ticket"] or "", e["seq"] or 0) for e in log]
    assert order == sorted(order)


@pytest.mark.slow
def test_scenarios_go_alike_through_the_store(tmp_path: Path) -> None:
    """`hotline replay` gives the events that the scenarios expect."""
    together: dict[str, list[Scenario]] = defaultdict(list)
    for name in NAMES:
        scenario = read_scenario(SCENARIOS / f"{name}.jsonl")
        moments = [_arrival(m) for m in scenario.messages]
        # a replay invents units that nobody knows, tells of messages as they arrive, and has one
        # calendar and no history
        special = scenario.unknown_units or scenario.declared or scenario.quiet_before
        if not special and moments == sorted(moments):
            together[repr(scenario.calendar.overlay)].append(scenario)
    for scenarios in together.values():
        days = dict(scenarios[0].calendar.overlay)
        setup = ReplaySetup(SETUP.policies, SETUP.units, days)
        messages = [_of_its_own(m) for s in scenarios for m in s.messages]
        messages.sort(key=_arrival)
        end = max(s.until for s in scenarios)
        log = _played(tmp_path, messages, end, setup).events
        for scenario in scenarios:
            events = [e for e in log if e["ticket"] == scenario.messages[0]["ticket"]]
            by_then = [e for e in events if datetime.fromisoformat(e["at"]) <= scenario.until]
            by_then.sort(key=lambda e: e["seq"] or 0)
            kept = [e for e in by_then if e["event"] != NOTICE]
            wanted = [e for e in scenario.events if e["event"] != NOTICE]
            expected, real = compared(wanted, kept)
            assert real == expected, scenario.about
    assert sum(map(len, together.values())) > len(NAMES) * 0.9


def _arrival(message: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(message.get("arrived", message["at"]))


def _of_its_own(message: dict[str, Any]) -> dict[str, Any]:
    """Another matter in each ticket, so that none seems to repeat another (2.2.6)."""
    if message["type"] != "ticket.received":
        return message
    return message | {"content": "".join(chr(ord("甲") + int(d)) for d in message["ticket"][2:])}


@pytest.mark.slow
def test_the_same_file_gives_the_same_bytes() -> None:
    """In another process, with another order of hashes."""
    printed = []
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "scripts", "replay", str(EXAMPLES[0]), "--json"]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        printed.append(subprocess.run(command, check=True, capture_output=True, env=environment))
    assert printed[0].stdout == printed[1].stdout
    assert printed[0].stdout.count(b"\n") > 100


def test_a_message_counts_from_its_own_time_and_comes_when_it_arrives(tmp_path: Path) -> None:
    """The silence was taken for acceptance before the confirmation came; it is taken back."""
    accepted = message("R1", "unit.accepted", "2026-11-02T10:00", arrived="2026-11-05T10:00")
    log = played(tmp_path, [letter("R1", "2026-11-02T09:00"), accepted])
    names = [e["event"] for e in sorted(log, key=lambda e: e["seq"])]
    assert names.index("ticket.deemed_accepted") < names.index("decision.withdrawn")
    assert names.index("decision.withdrawn") < names.index("ticket.accepted")
    (taken_back,) = [
        e for e in named(log, "decision.withdrawn") if e["name"] == "ticket.deemed_accepted"
    ]
    (deemed,) = named(log, "ticket.deemed_accepted")
    assert taken_back["of"] == deemed["seq"]
    assert taken_back["at"] == "2026-11-05T10:00:00+08:00"


def test_time_does_not_go_back_for_a_message_further_down(tmp_path: Path) -> None:
    """The file's order is the order of arrival: what stands after a later message came after it."""
    messages = [
        letter("R2", "2026-11-02T09:00"),
        letter("R3", "2026-11-05T10:00"),
        message("R2", "unit.accepted", "2026-11-02T10:00"),
    ]
    log = played(tmp_path, messages)
    (taken_back,) = [e for e in named(log, "decision.withdrawn") if e["of"]][:1]
    assert taken_back["at"] == "2026-11-05T10:00:00+08:00"


def test_until_ends_between_messages_or_after_them(tmp_path: Path) -> None:
    """An event exactly at the end is in the log; one that arrives later is not."""
    messages = [
        letter("R4", "2026-11-02T09:00"),
        message("R4", "unit.accepted", "2026-11-04T10:00"),
    ]
    assert not named(
        played(tmp_path, messages, "2026-11-03T17:29:59+08:00"), "ticket.deemed_accepted"
    )
    deemed = named(
        played(tmp_path, messages, "2026-11-03T17:30:00+08:00"), "ticket.deemed_accepted"
    )
    assert len(deemed) == 1
    log = played(tmp_path, messages, "2026-12-31T00:00:00+08:00")
    assert [e["level"] for e in named(log, "alert.raised")] == ["prewarning", "yellow", "red"]
    assert [e.get("late") for e in named(log, "ticket.accepted")] == [True]


def test_what_comes_from_the_future_is_refused(tmp_path: Path) -> None:
    """More than five minutes before it happened a message cannot have come."""
    messages = [
        letter("R5", "2026-11-02T09:00"),
        message("R5", "unit.accepted", "2026-11-02T11:00", arrived="2026-11-02T10:00"),
        message("R5", "site.arrived", "2026-11-02T10:04", arrived="2026-11-02T10:00"),
    ]
    log = played(tmp_path, messages, "2026-11-02T12:00:00+08:00")
    assert not named(log, "ticket.accepted")
    assert len(named(log, "site.arrived")) == 1
    (refused,) = named(log, "message.refused")
    assert refused["ticket"] == "R5"
    assert "2026-11-02 11:00" in refused["why"]


def test_a_refused_message_may_come_again_mended(tmp_path: Path) -> None:
    """Under the same id; the same content again changes nothing."""
    result = message("R6", "result.submitted", "2026-11-02T10:00", **RESULT)
    bare = result | {"measures": ""}
    mended = result | {"at": "2026-11-02T11:00"}
    log = played(tmp_path, [letter("R6", "2026-11-02T09:00"), bare, bare, mended, mended])
    (refused,) = named(log, "message.refused")
    assert refused["missing"] == ["measures"]
    assert len(named(log, "result.submitted")) == 1


def test_messages_before_their_ticket_wait_for_it_a_week(tmp_path: Path) -> None:
    early = message("R7", "unit.accepted", "2026-11-02T10:00")
    receipt = letter("R7", "2026-11-02T09:00", arrived="2026-11-05T10:00")
    assert len(named(played(tmp_path, [early, receipt]), "ticket.accepted")) == 1
    never = played(tmp_path, [early], "2026-11-20T00:00:00+08:00")
    assert [(e["event"], e["seq"], e["ticket"]) for e in never] == [("message.refused", None, "R7")]


@pytest.mark.slow
def test_a_month_without_anybody_watching_is_the_same_month(tmp_path: Path) -> None:
    """Played to its end at once, or to each day of it: the log only grows."""
    messages = [
        letter("R8", "2026-09-24T16:00", emergency="utilities"),
        message("R8", "contact.attempted", "2026-09-28T10:00", purpose="first",
                outcome="no_answer", method="phone"),
        message("R8", "result.submitted", "2026-10-20T10:00", **RESULT),
    ]  # fmt: skip
    whole = played(tmp_path, messages, "2026-11-20T00:00:00+08:00")
    for days in range(0, 50, 7):
        until = datetime.fromisoformat("2026-09-25T00:00:00+08:00") + timedelta(days)
        part = played(tmp_path, messages, until.isoformat())
        assert part == whole[: len(part)]


def test_the_first_message_of_an_id_counts_in_whatever_ticket(tmp_path: Path) -> None:
    """The order of arrival decides, not which of the tickets is older."""
    older, younger = letter("R10", "2026-11-02T09:00"), letter("R11", "2026-11-02T09:30")
    shared = {"id": "shared"}
    first = message("R11", "unit.accepted", "2026-11-02T10:00") | shared
    second = message("R10", "unit.accepted", "2026-11-02T11:00") | shared
    log = played(tmp_path, [older, younger, first, second])
    assert [e["ticket"] for e in named(log, "ticket.accepted")] == ["R11"]
    # one that was refused gives way to another
    refused = first | {"unit": "住建局"}
    log = played(tmp_path, [older, younger, refused, second])
    assert [e["ticket"] for e in named(log, "ticket.accepted")] == ["R10"]
    assert [e["ticket"] for e in named(log, "message.refused")] == ["R11"]


def test_nothing_waits_for_ever_for_a_receipt_that_could_not_be_read(tmp_path: Path) -> None:
    unreadable = letter("R12", "2026-11-02T09:00", category="gossip")
    early = message("R12", "unit.accepted", "2026-11-02T10:00")
    log = played(tmp_path, [unreadable, early], "2026-11-20T00:00:00+08:00")
    assert [e["type"] for e in named(log, "message.refused")] == [
        "ticket.received",
        "unit.accepted",
    ]


def test_a_repeated_letter_is_seen_once_the_earlier_has_come(tmp_path: Path) -> None:
    """Regulation 2.2.6: of those that had begun by then, the one received first."""
    came = [
        letter("R13", "2026-11-02T11:00"),
        letter("R14", "2026-11-02T09:00", arrived="2026-11-02T12:00"),
        letter("R15", "2026-11-02T13:00"),
        letter("R16", "2026-11-02T13:00"),
    ]
    log = played(tmp_path, [raw | {"title": "路灯不亮三天了"} for raw in came])
    assert _earlier(log) == {"R15": "R14", "R16": "R14"}


def _earlier(log: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The tickets of a log that repeat another, and that one."""
    return {e["ticket"]: e["earlier"] for e in named(log, "screening.proposed") if "earlier" in e}


_ONE_MATTER: dict[str, Any] = {"title": "翠湖花园3号楼电梯停运"}
_WITHDRAWN = {"to": "hotline"}


@pytest.mark.parametrize(
    ("ends", "repeated"),
    [
        ([message("T1", "claimant.withdrew", "2026-11-02T10:00", **_WITHDRAWN)], {}),
        ([message("T1", "screening.decided", "2026-11-02T10:00", code="5", decline=True, by="王")],
         {}),
        ([message("T1", "claimant.withdrew", "2026-11-02T10:00", to="unit")], {"T2": "T1"}),
        ([message("T1", "claimant.withdrew", "2026-11-02T12:00", **_WITHDRAWN)], {"T2": "T1"}),
        ([message("T1", "result.submitted", "2026-11-02T10:00", **RESULT),
          message("T1", "result.reviewed", "2026-11-02T10:10", approved=True),
          message("T1", "claimant.withdrew", "2026-11-02T10:20", **_WITHDRAWN)], {"T2": "T1"}),
    ],
    ids=["withdrawn", "declined", "at-the-unit", "afterwards", "completed"],
)  # fmt: skip
@pytest.mark.store(units=simple_units(), whole=True)
def test_a_dismissed_ticket_is_not_repeated(
    store: Store, tmp_path: Path, ends: list[dict[str, Any]], repeated: dict[str, str]
) -> None:
    """Regulation 2.2.6: nobody handles what was declined, or withdrawn before its completion."""
    raws = [letter("T1", "2026-11-02T09:00") | _ONE_MATTER,
            letter("T2", "2026-11-02T11:00") | _ONE_MATTER,
            letter("T3", "2026-11-02T11:30") | _ONE_MATTER, *ends]  # fmt: skip
    raws.sort(key=lambda raw: str(raw["at"]))
    third = {"T3": repeated.get("T2", "T2")}
    log = played(tmp_path, raws, "2026-11-02T13:00:00+08:00")
    assert _earlier(log) == repeated | third
    _serve_at_once(store, raws)
    assert _earlier_in(store) == repeated | third


def test_a_declined_letter_declines_none_that_follows(tmp_path: Path) -> None:
    """By its code, or by the system itself where the policy lets it decide."""
    raws = [letter("T1", "2026-11-02T09:00", declined=5) | _ONE_MATTER,
            letter("T2", "2026-11-02T10:00") | _ONE_MATTER,
            letter("T3", "2026-11-02T11:00") | _ONE_MATTER,
            message("T2", "claimant.withdrew", "2026-11-02T11:30", **_WITHDRAWN),
            letter("T4", "2026-11-02T12:00") | _ONE_MATTER,
            letter("T5", "2026-11-02T13:00") | _ONE_MATTER]  # fmt: skip
    assert _earlier(played(tmp_path, raws)) == {"T3": "T2", "T4": "T3", "T5": "T3"}
    decides = POLICY_TEXT.replace("decides = []", 'decides = ["6"]')
    setup = ReplaySetup([(decides, POLICY_FILE.name)], simple_units())
    log = _played(tmp_path, raws, None, setup).events
    assert [e["ticket"] for e in named(log, "ticket.declined")] == ["T1", "T3", "T5"]
    assert _earlier(log) == {"T3": "T2", "T5": "T4"}


@pytest.mark.store(units=simple_units(), whole=True)
def test_numbers_are_facts(store: Store, tmp_path: Path) -> None:
    """The same words about another house, plate or day are another matter; dress is none."""
    first = letter("N1", "2026-11-02T09:00") | _ONE_MATTER
    titles = ["翠湖花园5号楼电梯停运", "翠湖花园３号楼电梯 停运！", "翠湖花园3-5号楼电梯停运",
              "翠湖花园35号楼电梯停运"]  # fmt: skip
    raws = [first]
    for number, title in enumerate(titles, 2):
        raws.append(letter(f"N{number}", f"2026-11-02T1{number}:00", title=title))
    log = played(tmp_path, raws, "2026-11-02T18:00:00+08:00")
    assert _earlier(log) == {"N3": "N1"}
    _serve_at_once(store, raws)
    assert _earlier_in(store) == {"N3": "N1"}


@pytest.mark.store(units=simple_units(), whole=True)
def test_the_advice_names_the_one_number_that_was_found(store: Store, tmp_path: Path) -> None:
    """Regulation 2.2.4: whoever tells of a fire is told the number of the fire service."""
    raws = [letter("E1", "2026-11-02T09:00", title="楼上厨房起火了"),
            message("E1", "screening.decided", "2026-11-02T09:05", code="4", decline=True, by="王"),
            letter("E2", "2026-11-02T09:10", title="楼下厨房起火了", declined=4),
            letter("E3", "2026-11-02T09:20", title="有人被困", declined=4)]  # fmt: skip
    _serve_at_once(store, raws)
    with store.reading() as session:
        written = [event for n in ("E1", "E2", "E3") for event in ticket_log(session, n)]
    for log in (played(tmp_path, raws, "2026-11-02T18:00:00+08:00"), written):
        advice = {e["ticket"]: e["advice"] for e in named(log, "ticket.declined")}
        assert advice["E1"] == advice["E2"] == "情况紧急请立即拨打 119。"
        assert advice["E3"] == "情况紧急请立即拨打 110、119、120 或 122。"
        notices = {e["ticket"]: e.get("number") for e in named(log, "notice.queued")
                   if e["kind"] == "declined"}  # fmt: skip
        assert notices == {"E1": "119", "E2": "119", "E3": None}


def _serve_at_once(store: Store, raws: Sequence[dict[str, Any]]) -> None:
    """Let all messages be there before the first is read, as when a history is imported."""
    now = datetime.fromisoformat("2026-11-02T18:00:00+08:00")
    feed(store, raws, now)
    advance_tickets(store, sorted({raw["ticket"] for raw in raws}), now)


def _earlier_in(store: Store) -> dict[str, str]:
    with store.reading() as session:
        numbers = session.scalars(select(TICKET.c.number)).all()
        return _earlier([event for n in numbers for event in ticket_log(session, n)])


@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_processes_gives_the_same_events(tmp_path: Path, seed: int) -> None:
    feed = _written(tmp_path, _random_feed(seed))
    printed = [json.dumps(list(replay(feed, SETUP, None, n))) for n in (1, 2, 5)]
    assert printed[0] == printed[1] == printed[2]


@pytest.mark.store(units=simple_units(), whole=True)
@pytest.mark.parametrize("seed", range(6))
def test_the_service_writes_the_same_log(store: Store, tmp_path: Path, seed: int) -> None:
    """But for the `at` of what time alone brought about, which the service dates by its clock."""
    path = _written(tmp_path, _random_feed(seed))
    # as the reader cleans them, which mends what two encodings have made of a text
    raws = [record.message for record in read_feed(path) if record.message is not None]
    _serve_units(store, raws)
    log = replay(path, SETUP, _END).events
    _serve(store, raws)
    for number in sorted({raw["ticket"] for raw in raws}):
        wanted = [e for e in log if e["ticket"] == number and e["seq"] is not None]
        wanted.sort(key=lambda event: event["seq"])
        if not wanted:
            assert row_of(store, number) is None
            continue
        with store.reading() as session:
            written = list(ticket_log(session, number))
        causes = [row.cause for row in log_of(store, number)]
        assert _comparable(written, causes) == _comparable(wanted, causes), number
    (today, same) = zip(*folded_outcomes(store, [Variant("no change")], _END), strict=True)
    assert today == same
    assert (
        facts_by_ticket(today)
        == stored(store)
        == facts_by_ticket(replay_outcomes(path, SETUP, _END).tickets)
    )


@pytest.mark.store(units=simple_units(), databases=["sqlite"])
@pytest.mark.parametrize("seed", range(3))
def test_a_variant_is_a_replay_under_its_rules(store: Store, tmp_path: Path, seed: int) -> None:
    """Where nothing came late: whatever came late is kept out by what had been done by then."""
    path = _written(tmp_path, _random_feed(seed, lateness=0))
    raws = [record.message for record in read_feed(path) if record.message is not None]
    _serve_units(store, raws)
    feed(store, raws, _END)
    advance_tickets(store, sorted({raw["ticket"] for raw in raws}), _END)
    changes = [("set", f"terms.{name}=1 half-day") for name in ("accept", "complaint", "survey")]
    variant = read_variant([*changes, ("off", "2026-02-24"), ("working", "2026-02-15")])
    setup = dataclasses.replace(SETUP, changes=variant.changes, days=dict(variant.days))
    today, varied = zip(*folded_outcomes(store, [variant], _END), strict=True)
    assert facts_by_ticket(varied) == facts_by_ticket(replay_outcomes(path, setup, _END).tickets)
    assert facts_by_ticket(varied) != facts_by_ticket(today)


def _serve_units(store: Store, raws: Sequence[dict[str, Any]]) -> None:
    """Let the store know all the units that messages name, as a replay does."""
    known = {unit.name for unit in SETUP.units.unit}
    unknown = sorted({name for raw in raws for name in unit_names(raw)} - known)
    with store.writing() as session:
        units = UnitsFile(SETUP.units.unit + tuple(map(Unit, unknown)))
        replace_units(session, units, at("2026-01-01T00:00"))


def _comparable(log: Sequence[dict[str, Any]], causes: Sequence[int | None]) -> list[Any]:
    return [
        {k: v for k, v in event.items() if k != "at" or cause is not None}
        for event, cause in zip_longest(log, causes)
    ]


def _serve(store: Store, raws: Sequence[dict[str, Any]]) -> None:
    """Let the messages arrive one moment after another, and time go by between them."""
    arrivals = groupby(raws, key=lambda raw: datetime.fromisoformat(raw["arrived"]))
    tickets: set[str] = set()
    for now, together in arrivals:
        arrived = list(together)
        with store.writing() as session:
            advance_step_by_step(session, tickets, now - datetime.resolution)
        tickets |= {raw["ticket"] for raw in arrived}
        feed(store, arrived, now)
        advance_tickets(store, sorted({raw["ticket"] for raw in arrived}), now)
    with store.writing() as session:
        advance_step_by_step(session, tickets, _END)


def _random_feed(seed_number: int, lateness: float = 0.25) -> list[dict[str, Any]]:
    """Random lives of a dozen tickets in the order of arrival; a part of it comes late."""
    lives_found: list[list[Message]] = []

    @hypothesis.seed(seed_number)
    @settings(
        max_examples=12,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(lives())
    def collect(life: list[Message]) -> None:
        lives_found.append(life)

    collect()
    rng = Random(seed_number)
    raws: list[dict[str, Any]] = []
    for number, life in enumerate(lives_found):
        ticket = f"Z{seed_number}-{number}"
        for drawn in life:
            late = rng.random() < lateness
            # no two of a ticket at one moment: together they would be folded together
            unique = timedelta(microseconds=drawn.arrival + 100 * number) if late else timedelta()
            arrived = drawn.at + timedelta(hours=rng.choice((1, 5, 24, 72)) * late) + unique
            envelope = {"id": f"{ticket}-{drawn.arrival}", "type": drawn.type, "ticket": ticket}
            moments = {"at": drawn.at.isoformat(), "arrived": arrived.isoformat()}
            raws.append({**drawn.raw, **envelope, **moments})
    raws.sort(key=lambda raw: datetime.fromisoformat(raw["arrived"]))
    return raws
