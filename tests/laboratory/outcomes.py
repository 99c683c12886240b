"""How tickets fare: by the store's own rows and logs, by folds of its messages, and by a replay."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import select

from models.database import Store
from models.queries.ticket_lives import TicketChoice, chosen_tickets
from models.rulebook import load_rulebook
from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.decision import clock_key
from models.rules.lifecycle.outcome import TicketOutcome
from models.rules.vocabulary import EventName
from models.tables.core import CLOCK, EVENT, TICKET
from scripts.laboratory.store_comparison import StoreFolds, rule_sets
from scripts.laboratory.variants import Variant

Facts: TypeAlias = dict[str, Any]
"""A ticket's duties, levels and deemed acceptances."""


def folded_outcomes(
    store: Store, variants: Sequence[Variant], now: datetime
) -> list[list[TicketOutcome]]:
    """How each ticket fares under today's rules and under these variants."""
    with store.reading() as session:
        rulebook = load_rulebook(session)
        folds = StoreFolds(rule_sets(session, rulebook, variants), rulebook.directory, now, 0)
        return list(folds.outcomes(session, chosen_tickets(session, TicketChoice())))


def folded_alone(store: Store, variant: Variant, now: datetime) -> list[TicketOutcome]:
    """How each ticket fares under this variant, every one folded under it."""
    with store.reading() as session:
        rulebook = load_rulebook(session)
        _today, rules = rule_sets(session, rulebook, [variant])
        folds = StoreFolds([rules], rulebook.directory, now, 0)
        ids = chosen_tickets(session, TicketChoice())
        return [outcome for (outcome,) in folds.outcomes(session, ids)]


def facts_by_ticket(outcomes: Iterable[TicketOutcome]) -> Mapping[str, Facts]:
    """Outcomes by ticket, as `stored` has them."""
    return {
        outcome.ticket: {
            "duties": {
                (clock_key(c.name, c.unit or c.purpose), c.ordinal): (
                    *(c.name, c.holder, c.state, _local(c.base), _local(c.due)),
                    _local(c.ended_at),
                )
                for c in outcome.clocks
            },
            "levels": [(x.level, x.unit, x.run, _local(x.at)) for x in outcome.levels],
            "deemed": list(outcome.deemed),
        }
        for outcome in outcomes
    }


def stored(store: Store) -> Mapping[str, Facts]:
    """How the tickets of a store fare by its rows, its levels and its logs."""
    with store.reading() as session:
        tickets = {
            row.id: row.number
            for row in session.execute(select(TICKET).where(TICKET.c.policy_id.is_not(None)))
        }
        rows: dict[str, Facts] = {
            number: {"duties": {}, "levels": [], "deemed": []} for number in tickets.values()
        }
        for clock in session.execute(select(CLOCK)):
            rows[tickets[clock.ticket_id]]["duties"][clock.key, clock.ordinal] = (
                *(clock.name, clock.holder, clock.state, _local(clock.base), _local(clock.due)),
                _local(clock.ended_at),
            )
        events = list(session.execute(select(EVENT).order_by(EVENT.c.ticket_id, EVENT.c.seq)))
    withdrawals = (EventName.ALERT_WITHDRAWN, EventName.DECISION_WITHDRAWN)
    gone = {(e.ticket_id, e.data["of"]) for e in events if e.name in withdrawals}
    for event in events:
        if (event.ticket_id, event.seq) in gone:
            continue
        row, data = rows[tickets[event.ticket_id]], event.data
        if event.name == EventName.ALERT_RAISED:
            at = datetime.fromisoformat(data["effective_at"])
            row["levels"].append((data["level"], data["unit"], data["run"], _local(at)))
        elif event.name == EventName.TICKET_DEEMED_ACCEPTED:
            row["deemed"].append(data["unit"])
    for row in rows.values():
        row["levels"].sort(key=lambda level: (level[3], level[2]))
    return rows


def _local(at: datetime | None) -> datetime | None:
    return at and at.astimezone(SHANGHAI)
