"""Export metrics to Prometheus, read from the store and the broker at each scrape."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from threading import Event

import redis
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from models.clock import Now, system_clock
from models.database import Session, Store
from models.queries.backups import last_backup_at
from models.queries.event_channels import EventChannelStatus, event_channels
from models.queries.service_status import ServiceStatus, first_provisional_day, service_status
from models.rulebook import load_calendar
from models.rules.calendar import SHANGHAI
from models.store_errors import StoreError
from workers.broker import Bells

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


class MetricsCollector(Collector):
    """Reads store and broker at each scrape; no metric carries anything of a citizen."""

    def __init__(self, store: Store, bells: Bells, now: Now) -> None:
        self._store, self._bells, self._now = store, bells, now
        self._fault = ""

    def describe(self) -> list[Metric]:
        """No metric is announced: registering the collector must not read the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics; of a store or broker that is away only that it is."""
        now = self._now()
        try:
            with self._store.reading() as session:
                status, channels = service_status(session, now), event_channels(session)
                backed_up_at = last_backup_at(session)
                known_days = _known_days(session, now)
        except StoreError:
            yield _value("store_up", "Whether the store could be read.", 0)
        else:
            yield _value("store_up", "Whether the store could be read.", 1)
            yield from self._store_metrics(status)
            yield from _channel_metrics(channels, now)
            text = "Days from today whose working days are announced or declared, 366 at most."
            yield _value("calendar_known_days", text, known_days)
            if backed_up_at is not None:
                text = "Seconds since the store was last backed up."
                yield _value("backup_age_seconds", text, (now - backed_up_at).total_seconds())
        try:
            waiting = self._bells.waiting()
        except redis.RedisError as error:
            if (fault := self._bells.fault(error)) != self._fault:
                log.warning("the broker cannot be reached: %s", fault)
            self._fault = fault
            yield _value("broker_up", "Whether the broker answered.", 0)
        else:
            self._fault = ""
            yield _value("broker_up", "Whether the broker answered.", 1)
            bells = _labelled("bells", "Bells that wait in the broker.", ["queue"])
            for queue, count in waiting.items():
                bells.add_metric([queue], count)
            yield bells

    def _store_metrics(self, status: ServiceStatus) -> Iterator[Metric]:
        tickets = _labelled("open_tickets", "Open tickets.", ["status", "level"])
        for (ticket_status, level), count in status.tickets.items():
            tickets.add_metric([ticket_status, level], count)
        yield tickets
        rows = _labelled("due_rows", "Rows that are due and not dealt with.", ["queue"])
        ages = _labelled("due_seconds", "For how long the first of them has been due.", ["queue"])
        now = self._now()
        for queue, waiting in status.queues.items():
            rows.add_metric([queue], waiting.rows)
            age = (now - waiting.since).total_seconds() if waiting.since else 0.0
            ages.add_metric([queue], age)
        yield rows
        yield ages
        health = status.health
        yield _value("refused_messages", "Messages refused and not sent again.", health.refused)
        yield _value("queued_notices", "Notices not yet sent.", health.notices_queued)
        yield _value("failed_notices", "Notices given up.", health.notices_failed)
        text = "Persons who went beyond the limit of data seen in clear, within a day."
        yield _value("reveal_limits_passed", text, health.limits_passed)
        text = "Tickets quarantined, since their rows are not as the service wrote them."
        yield _value("tickets_quarantined", text, health.quarantined)
        yield from _process_metrics(status)


def _known_days(session: Session, now: datetime) -> int:
    today = now.astimezone(SHANGHAI).date()
    guess = first_provisional_day(load_calendar(session), today)
    return 366 if guess is None else (guess - today).days


def _channel_metrics(channels: Sequence[EventChannelStatus], now: datetime) -> Iterator[Metric]:
    text = "The age of the oldest event that a channel has not taken."
    ages = _labelled("unsent_events_seconds", text, ["channel"])
    failing = _labelled(
        "channel_failures", "Failures of a channel of events in a row.", ["channel"]
    )
    for channel in channels:
        age = (now - channel.since).total_seconds() if channel.since else 0.0
        ages.add_metric([channel.name], age)
        failing.add_metric([channel.name], channel.failures)
    yield from (ages, failing)


def _process_metrics(status: ServiceStatus) -> Iterator[Metric]:
    labels = ["process", "role"]
    seen = _labelled("process_seen_seconds", "Since when a process has not reported.", labels)
    late = _labelled("process_lateness_seconds", "How late the last bell was rung.", labels)
    done = _labelled("process_done", "Rows rung for, or tickets and notices dealt with.", labels)
    failed = _labelled("process_failed", "Failures since the process began.", labels)
    # processes report by the system's clock, also those of a demo
    now = system_clock()
    for process in status.health.processes:
        values = [process.name, process.role]
        seen.add_metric(values, max(0.0, (now - process.seen_at).total_seconds()))
        if process.is_alive(now):
            late.add_metric(values, process.lateness_ms / 1000)
        done.add_metric(values, process.done)
        failed.add_metric(values, process.failed)
    yield from (seen, late, done, failed)


def _labelled(name: str, help_text: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hotline_{name}", help_text, labels=labels)


def _value(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hotline_{name}", help_text, value=value)


def exposition(collector: MetricsCollector) -> str:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def serve_metrics(collector: MetricsCollector, port: int, stop: Event) -> None:
    """Answer scrapes on the loopback interface until `stop` is set."""
    registry = CollectorRegistry()
    registry.register(collector)
    server, thread = start_http_server(port, LOOPBACK, registry)
    stop.wait()
    server.shutdown()
    server.server_close()
    thread.join()
