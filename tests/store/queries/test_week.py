"""The screens' and commands' queries on one week (week.py), each answer worked out by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.database import Store
from models.queries.bell_rows import rows_of_tickets, tickets_of_rows
from models.queries.coming_days import coming_days
from models.queries.detail import proposed_unit, ticket_detail
from models.queries.dispatch_history import past_dispatches
from models.queries.duties import NextDuty
from models.queries.event_counts import daily_counts, hourly_counts
from models.queries.failures import MESSAGE, failures, refused_message
from models.queries.find_tickets import find_tickets
from models.queries.level_counts import LevelCounts, count_levels
from models.queries.log import TicketNotFound, all_logs, refusals_outside_logs, ticket_log
from models.queries.message_answers import MessageAnswer, message_answers
from models.queries.overview import Counters, UnitLoad, day_bounds, workload
from models.queries.owed_calls import OwedCall, owed_calls
from models.queries.queue_depths import queue_depths
from models.queries.service_status import first_provisional_day, service_status
from models.queries.ticket_filter import ALL_OPEN, NO_LEVEL, TicketFilter
from models.queries.ticket_list import (
    ListedTicket,
    count_tickets,
    list_tickets,
    queue_position,
)
from models.queries.ticket_order import SortColumn, TicketOrder, ordered_ids, position_of
from models.queries.units import Ratio, UnitRates, unit_rates, units_of_tickets
from models.rules.calendar import Calendar
from models.rules.queues import ESCALATION
from models.rules.state import RuleContext
from models.rules.vocabulary import OPEN, Category, ClockName, Level
from tests.rules.district import POLICY
from tests.store.factories import at
from tests.store.queries.week import BUREAU, HOUSING, NOW, NUMBERS, STREET, one_week

pytestmark = pytest.mark.store(fill=one_week, shared=True)

QUEUE = ["W3", "W1", "W6", "W9", "W11", "W8", "W2", "W7", "W4"]
"""The open tickets: the emergency, then by the next due; nothing of W4 runs."""


class TestOverview:
    """The first screen and the wallboard."""

    def test_counters(self, store: Store) -> None:
        """Nine of eleven tickets are open, each counted where it waits."""
        with store.reading() as session:
            counters = workload(session, NOW).counters
        assert counters == Counters(
            open=9,
            prewarning=1,  # W9
            yellow=0,
            red=1,  # W1
            due_today=3,  # W3 on site, W6 the review of its return, W9
            first_contact=1,  # W11
            survey=1,  # W8
            dissatisfied=1,  # W5
            returned=1,  # W6
            manual=1,  # W4
        )

    def test_units_with_the_worst_levels_come_first(self, store: Store) -> None:
        """Each unit's share of the counters; W4 has none."""
        with store.reading() as session:
            units = workload(session, NOW).units
        assert units == (
            UnitLoad(BUREAU, open=3, prewarning=1, red=1, due_today=2),
            UnitLoad(HOUSING, open=3, due_today=1),
            UnitLoad(STREET, open=2),
        )

    def test_cards(self, store: Store) -> None:
        """The cards that stand, as the counters count them: W1's red one, no longer its yellow."""
        with store.reading() as session:
            load = workload(session, NOW)
        assert [(c.ticket, c.level, c.unit, c.at, c.due) for c in load.cards] == [
            ("W1", "red", BUREAU, at("2026-11-05T08:30"), at("2026-11-03T17:30"))
        ]
        assert load.newest_red == at("2026-11-05T08:30")

    def test_coming_days(self, store: Store) -> None:
        """Ten working days, and the Saturday by whose end an emergency's report is due."""
        context = RuleContext(POLICY, Calendar())
        with store.reading() as session:
            days = coming_days(session, NOW, context)
        saturday = next(day for day in days if not day.is_working)
        assert (f"{saturday.day:%m-%d}", saturday.others, saturday.levels) == ("11-07", 1, {})
        assert [day.day.isoformat()[5:] for day in days if day.is_working] == [
            *("11-06", "11-09", "11-10", "11-11", "11-12"),
            *("11-13", "11-16", "11-17", "11-18", "11-19"),
        ]
        handling = {f"{day.day:%m-%d}": day.handling for day in days if day.handling}
        levels = {f"{day.day:%m-%d}": dict(day.levels) for day in days if day.levels}
        # W9, W2, W7 and W11; W1's levels have all been raised
        assert handling == {"11-06": 1, "11-12": 1, "11-13": 1, "11-17": 1}
        assert levels == {
            "11-09": {"yellow": 1},
            "11-10": {"red": 1},
            "11-11": {"prewarning": 1},
            "11-12": {"prewarning": 1},
            "11-13": {"yellow": 1},
            "11-16": {"prewarning": 1, "yellow": 1, "red": 1},
            "11-17": {"red": 1},
            "11-18": {"yellow": 1},
            "11-19": {"red": 1},
        }

    def test_curve_of_the_day(self, store: Store) -> None:
        """By the hour of Shanghai: two letters and one completion this morning."""
        with store.reading() as session:
            today = hourly_counts(session, NOW)
            monday = hourly_counts(session, at("2026-11-02T23:59"))
        assert {h: n for h, n in enumerate(today.received) if n} == {8: 1, 9: 1}
        assert {h: n for h, n in enumerate(today.completed) if n} == {9: 1}
        assert monday.received[9:11] == (1, 1)

    def test_the_days_past(self, store: Store) -> None:
        """Today is the last of thirty; each day's count is the sum of its hours."""
        with store.reading() as session:
            days = daily_counts(session, NOW)
            for ago, count in enumerate(reversed(days.received)):
                hours = hourly_counts(session, NOW - timedelta(days=ago))
                assert count == sum(hours.received), ago
                assert days.completed[-1 - ago] == sum(hours.completed), ago
        assert len(days.received) == 30
        assert sum(days.received) > 2 == days.received[-1]

    def test_a_day_begins_at_midnight_in_shanghai(self) -> None:
        """Whatever the zone of the moment that is asked about."""
        begin, end = day_bounds(datetime.fromisoformat("2026-11-05T17:00:00+00:00"))
        assert (begin, end) == (at("2026-11-06T00:00"), at("2026-11-07T00:00"))


class TestListing:
    """The list of open tickets."""

    def test_order(self, store: Store) -> None:
        """Emergencies first, then by the due of the next duty, those without one last."""
        with store.reading() as session:
            page = list_tickets(session, ALL_OPEN)
        assert [row.number for row in page.rows] == QUEUE
        assert (page.offset, page.total) == (0, len(QUEUE))

    def test_every_window_is_a_part_of_it(self, store: Store) -> None:
        """Wherever it begins, and across the end of the emergencies."""
        with store.reading() as session:
            for offset in range(len(QUEUE) + 1):
                for limit in (1, 3, 20):
                    page = list_tickets(session, ALL_OPEN, offset=offset, limit=limit)
                    assert [r.number for r in page.rows] == QUEUE[offset : offset + limit]
                    assert page.total == len(QUEUE)

    def test_position(self, store: Store) -> None:
        """The number of tickets before a ticket, in the whole list and in a filtered one."""
        red = TicketFilter(levels=("red",))
        with store.reading() as session:
            assert [queue_position(session, ALL_OPEN, n) for n in QUEUE] == list(range(len(QUEUE)))
            assert queue_position(session, red, "W1") == 0
            assert queue_position(session, red, "W2") is None
            assert queue_position(session, ALL_OPEN, "W5") is None, "it is completed"

    @pytest.mark.parametrize(
        ("wanted", "numbers"),
        [
            (TicketFilter(levels=("red", "prewarning")), ["W1", "W9"]),
            (TicketFilter(levels=(NO_LEVEL,)), ["W3", "W6", "W11", "W8", "W2", "W7", "W4"]),
            (TicketFilter(levels=("red", NO_LEVEL), units=("城管",)), ["W1", "W6"]),
            (TicketFilter(units=("达濠",)), ["W8", "W7"]),
            (TicketFilter(units=("住建局",)), ["W3", "W11", "W2"]),
            (TicketFilter(units=("没有这个单位",)), []),
            (TicketFilter(categories=("consultation", "help")), ["W1", "W8"]),
            (TicketFilter(statuses=("manual", "returned")), ["W6", "W4"]),
            (TicketFilter(emergency=True), ["W3"]),
            (TicketFilter(words=("施工",)), ["W2"]),
            (TicketFilter(words=("w1",)), ["W1", "W11"]),
            (TicketFilter(words=("w1", "公积金")), ["W1"]),
            (TicketFilter(words=("%",)), []),
            (TicketFilter(inverted=(TicketFilter(levels=("red", "yellow", "prewarning")),)),
             ["W3", "W6", "W11", "W8", "W2", "W7", "W4"]),
            (TicketFilter(inverted=(TicketFilter(units=("住建局",)), TicketFilter(emergency=True))),
             ["W1", "W6", "W9", "W8", "W7", "W4"]),
            (TicketFilter(words=("w1",), inverted=(TicketFilter(levels=("red",)),)), ["W11"]),
            (TicketFilter(inverted=(TicketFilter(due_before=at("2026-11-12T17:30")),)),
             ["W2", "W7", "W4"]),
            (TicketFilter(overdue_at=at("2026-11-12T17:30")),
             ["W3", "W1", "W6", "W9", "W11", "W8"]),
            (TicketFilter(due_from=at("2026-11-06T17:30"), due_before=at("2026-11-12T17:30")),
             ["W6", "W9", "W11", "W8"]),
        ],
    )  # fmt: skip
    def test_filters(self, store: Store, wanted: TicketFilter, numbers: list[str]) -> None:
        """Each field narrows the list; any value of a field will do, and all words must be there.

        A unit is found by a part of its name or of another name of it.
        """
        with store.reading() as session:
            assert [row.number for row in list_tickets(session, wanted).rows] == numbers
            assert count_tickets(session, wanted) == len(numbers)

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("column", SortColumn)
    def test_sorted_by_a_column(self, store: Store, column: SortColumn, descending: bool) -> None:
        """In both directions alike on both databases: without a value last, then as the queue."""
        codes: dict[SortColumn, list[str]] = {
            SortColumn.LEVEL: list(Level),
            SortColumn.STATUS: list(OPEN),
            SortColumn.CATEGORY: list(Category),
        }
        order = TicketOrder(column, descending)
        with store.reading() as session:
            rows = list_tickets(session, ALL_OPEN).rows
            page = list_tickets(session, ALL_OPEN, order=order)
            part = list_tickets(session, ALL_OPEN, order=order, offset=3, limit=4)
            ids = ordered_ids(session, ALL_OPEN, order)
            assert position_of(session, ids, page.rows[5].number) == 5
            assert position_of(session, ids, "W5") is None, "it is completed"

        def due(row: ListedTicket) -> datetime:
            return row.next_duty.due if row.next_duty else at("9999-01-01T00:00")

        def value(row: ListedTicket) -> Any:
            if column is SortColumn.LEFT:
                return row.next_duty.due if row.next_duty else None
            cell = getattr(row, "received_at" if column is SortColumn.RECEIVED else column.value)
            return codes[column].index(cell) if column in codes and cell else cell

        second = sorted(rows, key=lambda row: (due(row), row.number))
        valued = [row for row in second if value(row) is not None]
        expected = sorted(valued, key=value, reverse=descending)
        expected += [row for row in second if value(row) is None]
        assert [row.number for row in page.rows] == [row.number for row in expected]
        assert part.rows == page.rows[3:7]
        assert (page.total, part.total, part.offset) == (len(QUEUE), len(QUEUE), 3)

    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("W5", ["W5"]),
            ("W1", ["W1"]),
            ("W", []),
            ("", []),
            ("W99", []),
            ("%W5", []),
        ],
    )
    def test_tickets_are_found_by_number(self, store: Store, text: str, numbers: list[str]) -> None:
        """Closed ones too, the very number before those that only end or begin with it."""
        with store.reading() as session:
            assert [ticket.number for ticket in find_tickets(session, text, 20)] == numbers

    def test_clocks_of_a_line(self, store: Store) -> None:
        """The state of the first contact, what is due next, and how long one has waited."""
        with store.reading() as session:
            rows = {r.number: r for r in list_tickets(session, ALL_OPEN, limit=20).rows}
        contacts = {n: row.first_contact for n, row in rows.items() if row.first_contact}
        assert contacts == {
            "W1": "expired",
            "W2": "met",
            "W7": "met",
            "W8": "met",
            "W9": "expired",
            "W11": "running",
        }
        assert {n: row.missed for n, row in rows.items() if row.missed} == {}
        nearest = {n: (r.next_duty.clock, r.next_duty.due) for n, r in rows.items() if r.next_duty}
        waiting = {n: row.waits_since for n, row in rows.items() if row.waits_since}
        overdue = {n: row.overdue_answer for n, row in rows.items() if row.overdue_answer}
        assert nearest["W3"] == ("on_site", at("2026-11-06T11:00"))
        assert nearest["W6"] == ("return_review", at("2026-11-06T17:30"))
        assert nearest["W11"] == ("first_contact", at("2026-11-09T17:30"))
        # nobody chose a unit in time: it has waited since it came, not since the term's end
        assert waiting == {"W4": at("2026-11-05T09:00")}
        assert overdue == {
            "W4": NextDuty(ClockName.ASSIGNMENT, "district_desk", at("2026-11-05T17:30"))
        }


OWED = {
    "first_contact": 1,
    "closing_contact": 1,
    "survey": 1,
    "dissatisfied": 1,
    "unreachable": 1,
    "proof": 0,
}


class TestOwedCalls:
    """The calls that are owed."""

    @pytest.mark.parametrize(
        ("kind", "call"),
        [
            ("first_contact", OwedCall("W11", "树木倒伏", HOUSING, "handling", None,
                                   at("2026-11-09T17:30"), at("2026-11-06T09:10"))),
            ("closing_contact", OwedCall("W10", "公交站牌", HOUSING, "completed", "satisfied",
                                     at("2026-11-09T17:30"), at("2026-11-06T09:20"))),
            ("survey", OwedCall("W8", "绿化带", STREET, "submitted", None,
                            at("2026-11-09T17:30"), at("2026-11-06T09:00"))),
            ("dissatisfied", OwedCall("W5", "垃圾清运", STREET, "completed", "dissatisfied",
                                  at("2026-11-04T17:30"), at("2026-11-03T15:00"))),
            ("unreachable", OwedCall("W7", "井盖缺失", STREET, "handling", None,
                                 None, at("2026-11-04T15:00"))),
        ],
    )  # fmt: skip
    def test_one_of_each_kind(self, store: Store, kind: str, call: OwedCall) -> None:
        """All kinds are counted; the tickets of one are listed with until when and since when."""
        with store.reading() as session:
            owed = owed_calls(session, NOW, kind)
        assert owed.counts == OWED
        assert (owed.kind, owed.rows) == (kind, (call,))

    def test_an_unreachable_claimant_is_listed_for_two_weeks(self, store: Store) -> None:
        """From the attempt that made it so."""
        end = at("2026-11-18T15:00")
        with store.reading() as session:
            last = owed_calls(session, end, "unreachable")
            later = owed_calls(session, end + timedelta(seconds=1), "unreachable")
        assert (last.counts["unreachable"], len(last.rows)) == (1, 1)
        assert (later.counts["unreachable"], later.rows) == (0, ())


class TestMessages:
    """The outcomes of messages."""

    def test_failures(self, store: Store) -> None:
        """The one refused message, its reason in words."""
        with store.reading() as session:
            failed = failures(session)
            assert (failed.messages, failed.notices) == (1, 0)
            (failure,) = failed.rows
            refused = refused_message(session, failure.id)
            assert refused_message(session, failure.id - 1) is None, "that one was applied"
        assert (failure.sort, failure.ticket, failure.what, failure.source, failure.at) == (
            MESSAGE,
            "W2",
            "unit.accepted",
            "messages",
            NOW,
        )
        assert failure.why == f"only the lead unit may: {HOUSING}, not {BUREAU}"
        assert refused is not None
        assert (refused.type, refused.ticket, refused.why) == (
            "unit.accepted",
            "W2",
            failure.why,
        )
        assert refused.body["at"] == "2026-11-06T09:40"

    def test_answers(self, store: Store) -> None:
        """Applied, refused and why; a waiting message and an unknown one have no answer yet."""
        refused = ("messages", "W2-unit.accepted-2026-11-06T09:40")
        applied, waiting = ("messages", "W1-received"), ("messages", "X1-received")
        unknown = ("elsewhere", "W1-received")
        with store.reading() as session:
            assert message_answers(session, []) == {}
            assert message_answers(session, [refused, applied, waiting, unknown]) == {
                refused: MessageAnswer(True, f"only the lead unit may: {HOUSING}, not {BUREAU}"),
                applied: MessageAnswer(False),
            }

    def test_refusals_that_no_log_tells_of(self, store: Store) -> None:
        """W2's log tells of its own."""
        with store.reading() as session:
            assert list(refusals_outside_logs(session)) == []

    def test_rows_and_tickets_of_a_bell(self, store: Store) -> None:
        """A bell of clocks carries tickets, all others messages that still wait."""
        with store.reading() as session:
            (row,) = rows_of_tickets(session, "intake", ["X1", "W1"])
            assert tickets_of_rows(session, "intake", [row, 1]) == ["X1"]
            assert rows_of_tickets(session, "callback", ["X1"]) == []
            (ticket,) = rows_of_tickets(session, ESCALATION, ["W1", "X1"])
            assert tickets_of_rows(session, ESCALATION, [ticket]) == ["W1"]


class TestTickets:
    """The queries on single tickets."""

    def test_detail(self, store: Store) -> None:
        """The row, the masked claimant, clocks in their order, log and notices."""
        with store.reading() as session:
            ticket = ticket_detail(session, "W5")
        assert (ticket.status, ticket.unit, ticket.category) == ("completed", STREET, "complaint")
        assert (ticket.received_at, ticket.completed_at) == (
            at("2026-11-02T10:00"),
            at("2026-11-04T10:00"),
        )
        assert (ticket.claimant.name, ticket.claimant.phone) == ("测**", "139****1111")
        assert ticket.content.startswith("濠江区达濠街道的路灯坏了三天")
        assert [(d.row.name, d.row.state) for d in ticket.duties] == [
            ("accept", "met"),
            ("first_contact", "met"),
            ("handling", "met"),
            ("result_review", "met"),
            ("survey", "met"),
            ("revisit", "expired"),
            ("closing_contact", "expired"),
        ]
        assert [line.seq for line in ticket.log] == list(range(1, len(ticket.log) + 1))
        assert ticket.log[0].name == "ticket.received"
        assert {"dispatched", "dissatisfied"} <= {n.kind for n in ticket.notices}
        assert {n.state for n in ticket.notices} == {"queued"}
        assert proposed_unit(ticket) is None

    def test_a_ticket_that_is_not_there(self, store: Store) -> None:
        """X1 waits in the inbox and is no ticket yet."""
        with store.reading() as session:
            with pytest.raises(TicketNotFound):
                ticket_detail(session, "X1")
            with pytest.raises(TicketNotFound):
                list(ticket_log(session, "X1"))

    def test_logs(self, store: Store) -> None:
        """A ticket's log is its part of all logs, in order and with the offset of Shanghai."""
        with store.reading() as session:
            whole = list(all_logs(session))
            for number in NUMBERS:
                events = list(ticket_log(session, number))
                assert events == [event for event in whole if event["ticket"] == number]
                assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert {event["ticket"] for event in whole} == set(NUMBERS)
        refused = [e for e in whole if e["event"] == "message.refused"]
        assert [(e["ticket"], e["type"], e["at"]) for e in refused] == [
            ("W2", "unit.accepted", "2026-11-06T09:40:00+08:00")
        ]

    def test_units_of_tickets(self, store: Store) -> None:
        """Without those that have none, and those that are not there."""
        with store.reading() as session:
            units = units_of_tickets(session, ["W1", "W3", "W4", "X1"])
        assert units == {"W1": BUREAU, "W3": HOUSING}

    def test_past_dispatches(self, store: Store) -> None:
        """The letters that a unit has accepted, in the order of arrival."""
        with store.reading() as session:
            past = list(past_dispatches(session))
        assert [(p.title, p.unit) for p in past] == [
            ("咨询公积金", BUREAU),
            ("夜间施工", HOUSING),
            ("垃圾清运", STREET),
            ("井盖缺失", STREET),
            ("绿化带", STREET),
            ("油烟扰民", BUREAU),
            ("公交站牌", HOUSING),
            ("树木倒伏", HOUSING),
        ]


class TestService:
    """The queries of the status line, `hotline doctor` and the metrics."""

    def test_levels(self, store: Store) -> None:
        """Open tickets by level; X2 is dated an hour later and waits as well."""
        with store.reading() as session:
            assert count_levels(session) == LevelCounts(
                tickets=11, open=9, prewarning=1, yellow=0, red=1, manual=1, waiting=2
            )

    def test_status(self, store: Store) -> None:
        """The rows waiting in each queue and since when; open tickets by status and level."""
        with store.reading() as session:
            status = service_status(session, NOW)
            depths = queue_depths(session, NOW, NOW)
        waiting = {name: backlog for name, backlog in status.queues.items() if backlog.rows}
        assert waiting.keys() == {"intake"}
        assert (waiting["intake"].rows, waiting["intake"].since) == (1, NOW)
        assert (depths["intake"].waiting, depths["intake"].oldest_at) == (1, NOW)
        assert depths["delivery"].waiting == status.health.notices_queued > 0
        assert status.tickets == {
            ("handling", "red"): 1,
            ("handling", "prewarning"): 1,
            ("handling", NO_LEVEL): 3,
            ("dispatched", NO_LEVEL): 1,
            ("manual", NO_LEVEL): 1,
            ("returned", NO_LEVEL): 1,
            ("submitted", NO_LEVEL): 1,
        }
        assert status.units == 32

    def test_rates_of_the_units(self, store: Store) -> None:
        """W5, W8 and W10 were handled in time; W1, W5 and W9 miss a contact."""
        with store.reading() as session:
            rates = unit_rates(session, NOW)
        assert rates == {
            STREET: UnitRates(Ratio(2, 2), Ratio(3, 3), Ratio(0, 1), Ratio(0, 1)),
            HOUSING: UnitRates(Ratio(1, 1), Ratio(2, 2), satisfied=Ratio(1, 1)),
            BUREAU: UnitRates(first_contact=Ratio(0, 2), yellow=1, red=1),
        }

    def test_first_day_that_nobody_has_arranged(self) -> None:
        """The State Council has arranged 2026; of a year that is arranged there is none."""
        calendar = Calendar({}, 0)
        today = at("2026-11-06T00:00").date()
        first = first_provisional_day(calendar, today)
        assert first is not None
        assert (first.month, first.day) == (1, 1)
        assert first_provisional_day(calendar, today, days=10) is None
