"""Figures for Prometheus, taken from the store and the broker whenever they are asked for."""

from collections.abc import Iterator
from threading import Event

import redis
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from models.clock import Now, system_clock
from models.database import Store, StoreError
from models.queries.service_status import ServiceStatus, service_status
from workers.broker import Bells

LOOPBACK = "127.0.0.1"


class MetricsCollector(Collector):
    """Reads store and broker anew at each scrape; no figure carries anything of a citizen."""

    def __init__(self, store: Store, bells: Bells, now: Now) -> None:
        self._store, self._bells, self._now = store, bells, now

    def describe(self) -> list[Metric]:
        """Nothing beforehand: what there is, is found when it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures; where the store or the broker is away, only that it is."""
        now = self._now()
        try:
            with self._store.reading() as session:
                found = service_status(session, now)
        except StoreError:
            yield _one("store_up", "Whether the store could be read.", 0)
        else:
            yield _one("store_up", "Whether the store could be read.", 1)
            yield from self._of_store(found)
        try:
            waiting = self._bells.waiting()
        except redis.RedisError:
            yield _one("broker_up", "Whether the broker answered.", 0)
        else:
            yield _one("broker_up", "Whether the broker answered.", 1)
            bells = _many("bells", "Bells that wait in the broker.", ["queue"])
            for queue, count in waiting.items():
                bells.add_metric([queue], count)
            yield bells

    def _of_store(self, found: ServiceStatus) -> Iterator[Metric]:
        tickets = _many("open_tickets", "Open tickets.", ["status", "level"])
        for (status, level), count in found.tickets.items():
            tickets.add_metric([status, level], count)
        yield tickets
        rows = _many("due_rows", "Rows that are due and not dealt with.", ["queue"])
        ages = _many("due_seconds", "For how long the first of them has been due.", ["queue"])
        now = self._now()
        for queue, waiting in found.queues.items():
            rows.add_metric([queue], waiting.rows)
            age = (now - waiting.since).total_seconds() if waiting.since else 0.0
            ages.add_metric([queue], age)
        yield rows
        yield ages
        health = found.health
        yield _one("refused_messages", "Messages refused and not sent again.", health.refused)
        yield _one("queued_notices", "Notices not yet sent.", health.notices_queued)
        yield _one("failed_notices", "Notices given up.", health.notices_failed)
        yield from _processes(found)


def _processes(found: ServiceStatus) -> Iterator[Metric]:
    names = ["process", "role"]
    seen = _many("process_seen_seconds", "Since when a process has not reported.", names)
    late = _many("process_lateness_seconds", "How late the last bell was rung.", names)
    done = _many("process_done", "Rows rung for, or tickets and notices dealt with.", names)
    failed = _many("process_failed", "Failures since the process began.", names)
    # processes report by the system's clock, also those of a demo
    now = system_clock()
    for one in found.health.processes:
        seen.add_metric([one.name, one.role], max(0.0, (now - one.seen_at).total_seconds()))
        late.add_metric([one.name, one.role], one.lateness_ms / 1000)
        done.add_metric([one.name, one.role], one.done)
        failed.add_metric([one.name, one.role], one.failed)
    yield from (seen, late, done, failed)


def _many(name: str, told: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hotline_{name}", told, labels=labels)


def _one(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hotline_{name}", told, value=value)


def exposition(figures: MetricsCollector) -> str:
    """All figures now, as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(figures)
    return generate_latest(registry).decode()


def serve_metrics(figures: MetricsCollector, port: int, stop: Event) -> None:
    """Answer Prometheus on this machine's loopback alone until told to stop."""
    registry = CollectorRegistry()
    registry.register(figures)
    server, thread = start_http_server(port, LOOPBACK, registry)
    stop.wait()
    server.shutdown()
    server.server_close()
    thread.join()
