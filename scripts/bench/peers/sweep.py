"""A sweep: one process goes through all that is due, one transaction a ticket, and no broker."""

from collections.abc import Iterable

from scripts.bench.peers import transactions


def _receive(bodies: Iterable[transactions.Body]) -> None:
    for body in bodies:
        transactions.dispatch(body)


def _clocks(clocks: Iterable[transactions.Body]) -> None:
    for clock in clocks:
        transactions.escalate(clock["id"], clock["now"])


if __name__ == "__main__":
    transactions.produce(_receive, _clocks)
