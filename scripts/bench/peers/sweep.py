"""A sweep: one process goes through all that is due, one transaction a ticket, and no broker."""

from collections.abc import Iterable

from scripts.bench.peers import work


def _receive(bodies: Iterable[work.Body]) -> None:
    for body in bodies:
        work.dispatch(body)


def _clocks(clocks: Iterable[work.Body]) -> None:
    for one in clocks:
        work.escalate(one["id"], one["now"])


if __name__ == "__main__":
    work.produce(_receive, _clocks)
