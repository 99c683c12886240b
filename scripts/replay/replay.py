"""Replay a file of messages in simulated time: in memory, by the rules of the service."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from models.rules import events
from models.rules.calendar import SHANGHAI, Calendar, DeclaredDay
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.lifecycle.replay import ReplayRules, Screening, TicketReplay
from models.rules.messages import Finding, Message, TicketReceived, read_message
from models.rules.policy import Policy, PolicyFile, changed_policy, in_force, load_policy
from models.rules.routing.directory import Directory, Unit, UnitsFile
from models.rules.screening import Beginning, duplicate_key, find_repeats, screen
from models.rules.topics import TopicTree
from scripts.replay.events import EVENTS, OUTCOMES, EventRuns, Record, RecordKind
from scripts.replay.messages import BUCKETS, ArrivedMessage, ReplayMessages, read_messages
from scripts.replay.processes import end_with_parent, rare_collections

_FEW = 3_000
"""Messages that are not worth a second process."""


@dataclass(frozen=True)
class ReplaySetup:
    """The rulebook of a replay: policies, units, declared days, topics, a routing model if given.

    `policies` are texts with the names of their files; each ticket runs under the one that was in
    force when it was received (7.2). `changes` are fragments of policies that lie over each of
    them. Of what lies before `quiet_before` nobody is told.
    """

    policies: Sequence[tuple[str, str]]
    units: UnitsFile
    days: dict[date, DeclaredDay] = field(default_factory=dict)
    model: bytes | None = None
    quiet_before: date | None = None
    changes: Sequence[PolicyFile] = ()
    topics: TopicTree = field(default_factory=TopicTree)

    def read_policies(self) -> list[Policy]:
        """Return the policies, each with the changes over it. Raises InvalidPolicy."""
        if not self.changes:
            return [load_policy(text, name) for text, name in self.policies]
        return [changed_policy(PolicyFile(*file), self.changes) for file in self.policies]

    def calendar(self) -> Calendar:
        """Return the calendar with the declared days."""
        return Calendar(self.days, version=int(bool(self.days)))


class ReplayResult:
    """The events of all tickets, with the number of the messages that were played."""

    def __init__(self, messages: int, runs: EventRuns) -> None:
        self.messages = messages
        self._runs = runs

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the events as the interface has them, ordered by `at`, ticket and `seq`."""
        return self._runs.read()

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events at once."""
        return list(self)


def replay(
    feed: Path, setup: ReplaySetup, until: datetime | None, processes: int | None = None
) -> ReplayResult:
    """Play a file to its last message, or to `until`. Raises HotlineError.

    Tickets are played one by one, in as many processes as there are cores if `processes` does not
    say otherwise; the events are the same.
    """
    messages, runs = _played(feed, setup, until, processes, EVENTS)
    return ReplayResult(messages.count, runs)


class ReplayOutcomes(NamedTuple):
    """How the tickets of a file fare, by their numbers, and how many of its lines were refused.

    These are lines that are no messages, or dated too far ahead.
    """

    refused_lines: int
    tickets: Iterator[TicketOutcome]


def replay_outcomes(
    feed: Path, setup: ReplaySetup, until: datetime | None, processes: int | None = None
) -> ReplayOutcomes:
    """Play a file as `replay` does, and return how its tickets fare."""
    messages, runs = _played(feed, setup, until, processes, OUTCOMES)
    tickets = map(msgspec.json.Decoder(TicketOutcome).decode, runs.read_raw())
    return ReplayOutcomes(len(messages.refused), tickets)


def _played(
    feed: Path,
    setup: ReplaySetup,
    until: datetime | None,
    processes: int | None,
    kind: RecordKind,
) -> tuple[ReplayMessages, EventRuns]:
    """Play a file, and return its messages and the records of that kind."""
    policies = setup.read_policies()

    def ahead(now: datetime) -> timedelta:
        return in_force(policies, now).intake.ahead.span

    with rare_collections():
        messages = read_messages(feed, ahead, until)
        player = Player(messages, policies, setup, until or messages.clock, kind)
        player.play(processes or _processes(messages.count))
    return messages, player.runs


def _processes(messages: int) -> int:
    return len(os.sched_getaffinity(0)) if messages > _FEW else 1


class Player:
    """Plays the messages of a file, bucket by bucket, into sorted runs of records of a kind."""

    def __init__(
        self,
        messages: ReplayMessages,
        policies: Sequence[Policy],
        setup: ReplaySetup,
        end: datetime,
        kind: RecordKind,
    ) -> None:
        self.runs = EventRuns(BUCKETS + 1)
        self._kind = kind
        self._messages = messages
        self._end = end
        self._directory = _directory(setup, messages.unit_names)
        day = setup.quiet_before
        self._quiet_before = datetime.combine(day, time(), SHANGHAI) if day else None
        self._repeats: dict[str, str] = {}
        calendar = setup.calendar()
        look = screening(self._directory, self._repeats)
        self._rules = ReplayRules(policies, calendar, look, self._directory.parents)
        self._linked = messages.linked()

    def play(self, processes: int) -> None:
        """Play everything. Tickets that share an id come first, and are played together."""
        groups = self._linked_groups()
        beginnings = [*self._messages.beginnings()]
        # once to see when they begin, which what they repeat does not change, and once for good
        for tickets in map(self._play_together, groups):
            beginnings += [_beginning_of(ticket) for ticket in tickets.values() if ticket.first]
        self._find_repeats(beginnings, groups)
        together = [self._play_together(group) for group in groups]
        records = [
            record
            for tickets in together
            for number, ticket in tickets.items()
            for record in self._kind.of_ticket(number, ticket)
        ]
        self.runs.write(BUCKETS, [*records, *self._kind.of_lines(self._messages.refused)])
        if processes == 1:
            for bucket in range(BUCKETS):
                self.play_bucket(bucket)
            return
        # forked, so that nothing needs to be sent to the processes
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, context, _set_player, (self, os.getpid())) as pool:
            for _done in pool.map(_play_bucket, range(BUCKETS)):
                pass

    def play_bucket(self, bucket: int) -> None:
        """Play the tickets of a bucket that depend on no other, and write their events."""
        by_ticket: dict[str, list[ArrivedMessage]] = {}
        for message in self._messages.bucket(bucket):
            if message.ticket not in self._linked:
                by_ticket.setdefault(message.ticket, []).append(message)
        records: list[Record] = []
        for number, arrived in by_ticket.items():
            records += self._kind.of_ticket(number, self._play_ticket(number, arrived))
        self.runs.write(bucket, records)

    def _find_repeats(
        self, beginnings: Sequence[Beginning], groups: Sequence[list[ArrivedMessage]]
    ) -> None:
        """Find the tickets that repeat earlier ones (2.2.6).

        Tickets that may have been dismissed by then are played first, to see when they are.
        """
        times = Counter(beginning.key for beginning in beginnings if beginning.key)
        repeated = {b.ticket for b in beginnings if times[b.key] > 1}
        decides = any(policy.screening.decides for policy in self._rules.policies)
        uncertain = repeated if decides else repeated & self._messages.may_be_dismissed()
        together = [group for group in groups if any(m.ticket in uncertain for m in group)]
        alone: dict[str, list[ArrivedMessage]] = {}
        for message in self._messages.of_tickets(uncertain - self._linked.keys()):
            alone.setdefault(message.ticket, []).append(message)
        together += alone.values()
        while True:
            dismissed: dict[str, datetime] = {}
            for group in together:
                dismissed |= _dismissed(group, self._play_together(group))
            repeats = find_repeats(beginnings, dismissed)
            settled = repeats == self._repeats or not decides
            self._repeats.clear()
            self._repeats.update(repeats)
            # what a ticket repeats may decline it by itself, and so decide what the next repeats
            if settled:
                break

    def _linked_groups(self) -> list[list[ArrivedMessage]]:
        groups: dict[int, list[ArrivedMessage]] = {}
        for bucket in range(BUCKETS) if self._linked else ():
            for message in self._messages.bucket(bucket):
                if message.ticket in self._linked:
                    groups.setdefault(self._linked[message.ticket], []).append(message)
        for group in groups.values():
            group.sort(key=lambda message: message.arrival)
        return list(groups.values())

    def _play_ticket(self, number: str, arrived: list[ArrivedMessage]) -> TicketReplay:
        messages = [self._read(message) for message in arrived]
        ids = {message.id for message in arrived}
        in_order = len(ids) == len(arrived) and all(m.at == m.clock for m in arrived)
        if in_order and isinstance(messages[0].content, TicketReceived):
            ticket = TicketReplay(number, self._rules)
            ticket.play_in_order(messages, self._end)
            return ticket
        return self._play_together(arrived)[number]

    def _play_together(self, arrived: Iterable[ArrivedMessage]) -> dict[str, TicketReplay]:
        """Play tickets from arrival to arrival.

        The first message of an id counts, unless it is refused when another one comes under it.
        """
        tickets: dict[str, TicketReplay] = {}
        by_id: dict[str, ArrivedMessage] = {}
        for message in arrived:
            ticket = tickets.get(message.ticket)
            if ticket is None:
                ticket = tickets[message.ticket] = TicketReplay(message.ticket, self._rules)
            clock = message.clock.astimezone(SHANGHAI)
            # what time has brought about by then is in the log before the message comes
            ticket.advance_to(clock)
            if (before := by_id.get(message.id)) is not None:
                owner = tickets[before.ticket]
                owner.advance_to(clock)
                if before.body == message.body or not owner.is_refused(before.arrival):
                    continue
                owner.replace(before.arrival)
            by_id[message.id] = message
            ticket.take(self._read(message), clock)
        for ticket in tickets.values():
            ticket.finish(self._end)
        return tickets

    def _read(self, arrived: ArrivedMessage) -> Message:
        at = arrived.at.astimezone(SHANGHAI)
        raw = msgspec.json.decode(arrived.body)
        message = read_message(arrived.type, arrived.ticket, at, arrived.arrival, raw)
        if self._quiet_before is not None:
            message = msgspec.structs.replace(message, quiet_before=self._quiet_before)
        return self._directory.resolve_names(message)


def screening(directory: Directory, repeats: Mapping[str, str]) -> Screening:
    """Return the screening of receipts (2.2); `repeats` are the earlier tickets, by number."""

    def look(receipt: Message, policy: Policy) -> tuple[Finding, ...]:
        assert isinstance(receipt.content, TicketReceived)
        earlier = repeats.get(receipt.ticket)
        return screen(receipt.content, policy, directory.place_pattern, earlier)

    return look


def _beginning_of(ticket: TicketReplay) -> Beginning:
    receipt, begun_at = ticket.first, ticket.begun_at
    assert receipt is not None and begun_at is not None
    assert isinstance(receipt.content, TicketReceived)
    return Beginning.of(duplicate_key(receipt.content), begun_at, receipt.at, receipt.ticket)


def _dismissed(
    arrived: Sequence[ArrivedMessage], tickets: Mapping[str, TicketReplay]
) -> dict[str, datetime]:
    """Return the tickets that were declined, or withdrawn before completion, and since when."""
    clocks = {message.arrival: message.clock for message in arrived}
    dismissed = {}
    for number, ticket in tickets.items():
        for event in ticket.log:
            match event.data:
                case events.TicketCompleted():
                    break
                case events.TicketDeclined() | events.TicketArchived():
                    assert event.cause is not None, "time alone ends no ticket before completion"
                    dismissed[number] = clocks[event.cause]
                    break
    return dismissed


def _directory(setup: ReplaySetup, named: Collection[str]) -> Directory:
    """The units of the file, with those added that messages name and it does not know."""
    known = Directory(setup.units.unit, setup.units.territory)
    unknown = sorted(name for name in named if known.resolve(name) is None)
    units = setup.units.unit + tuple(map(Unit, unknown))
    model = None
    if setup.model is not None:
        # numpy takes a tenth of a second: only where there is a model
        from models.rules.routing.learned import LinearClassifier

        model = LinearClassifier.read(setup.model)
    territory = sorted(setup.units.territory)
    return Directory(units, territory, model, classification=setup.topics)


_player: Player | None = None


def _set_player(player: Player, parent: int) -> None:
    """Keep the player of this process, which ends with its parent."""
    end_with_parent(parent)
    global _player  # noqa: PLW0603  (the pool hands nothing else on to what it runs)
    _player = player


def _play_bucket(bucket: int) -> None:
    assert _player is not None
    _player.play_bucket(bucket)
