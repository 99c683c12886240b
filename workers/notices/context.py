"""The state that a worker's dispatcher and the threads of its channels share."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from models.clock import Now, clock_speed
from models.database import Session, Store
from models.errors import HotlineError, describe_safely
from models.operations.notices.batch import postpone_alone
from models.operations.notices.outgoing import OutgoingNotice
from models.operations.notices.record import count_try, drop_over, record_outcomes
from models.rulebook import RulebookCache
from models.rules.policy import Policy, in_force
from models.rules.quiet_hours import QuietHours
from models.rules.routing.directory import Directory
from workers.halving import by_halves
from workers.notices.channels import ChannelsConfig
from workers.notices.texts import NoticeTexts

log = logging.getLogger("hotline.notices")

_POSTPONED_FOR = timedelta(minutes=10)
"""Real time after which a notice that was postponed is tried again."""


class DeliveryContext:
    """The store, the time and the channels file; counts what was `sent`, `dropped` or `failed`."""

    def __init__(self, store: Store, now: Now, channels: ChannelsConfig, language: str) -> None:
        self.store = store
        self.now = now
        self.channels = channels
        self._named = channels
        self._named_by: Directory | None = None
        self.sent = 0
        self.dropped = 0
        self.failed = 0
        self._language = language
        self._rulebooks = RulebookCache()
        self._texts: dict[str, NoticeTexts] = {}
        self._lock = threading.Lock()

    def policy(self, session: Session, now: datetime) -> Policy:
        """Return the policy in force at `now`."""
        return in_force(list(self._rulebooks.current(session).policies.values()), now)

    def quiet_hours(self, session: Session, policy: Policy) -> QuietHours:
        """Return the quiet hours of a policy, by the calendar as of this transaction."""
        return QuietHours.under(policy, self._rulebooks.current(session).calendar)

    def channels_now(self, session: Session) -> ChannelsConfig:
        """Return the channels, with units by the names that they have as of this transaction."""
        directory = self._rulebooks.current(session).directory
        with self._lock:
            if directory is not self._named_by:
                self._named_by, self._named = directory, self.channels.with_names(directory)
            return self._named

    def texts(self, policy: Policy, language: str | None = None) -> NoticeTexts:
        """Return the texts of notices under this policy; by default in the service's language."""
        language = language or self._language
        with self._lock:
            texts = self._texts.get(language)
            if texts is None or texts.policy is not policy:
                texts = self._texts[language] = NoticeTexts(policy, language)
        return texts

    def record_outcomes(self, errors: Mapping[int, str | None], channel: str) -> None:
        """Record that notices were tried, by row with the error if there was one; count them.

        One that cannot be recorded is postponed, longer after each try: the others would be sent
        again with it.
        """

        def record(rows: Sequence[int]) -> None:
            with self.store.writing() as session:
                tried = {row: errors[row] for row in rows}
                sent, failed = record_outcomes(session, tried, channel, self.now())
            with self._lock:
                self.sent += sent
                self.failed += failed

        if errors:
            by_halves(list(errors), record, self._postpone_tried)

    def postpone(self, row: int, error: Exception) -> None:
        """Leave a notice for later that cannot be sent."""
        with self.store.writing() as session:
            self.postpone_in(session, row, error)

    def postpone_in(self, session: Session, row: int, error: Exception, longer: int = 1) -> None:
        """Leave a notice for later in this transaction, `longer` times the usual time."""
        why = str(error) if isinstance(error, HotlineError) else describe_safely(error)
        log.error("notice postponed: %s", why, extra={"row": row})
        span = _POSTPONED_FOR * longer * clock_speed(self.now)
        postpone_alone(session, row, self.now() + span)

    def _postpone_tried(self, row: int, error: Exception) -> None:
        """Postpone a notice that was tried and could not be recorded: twice as long each time."""
        with self.store.writing() as session:
            self.postpone_in(session, row, error, 2 ** count_try(session, row))

    def drop_over(
        self, session: Session, notices: Sequence[OutgoingNotice], now: datetime
    ) -> list[OutgoingNotice]:
        """Drop the notices whose occasion is over, and count them; returns the others."""
        standing = drop_over(session, notices, now)
        self.count_dropped(len(notices) - len(standing))
        return standing

    def count_dropped(self, count: int) -> None:
        """Count notices that were dropped."""
        with self._lock:
            self.dropped += count
