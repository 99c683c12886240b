"""The channels of the channels file, and how those of events fare."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.queries.event_channels import (
    EventChannelStatus,
    event_channels,
    may_send_in_clear,
)
from models.queries.health import ProcessStatus
from models.rules.calendar import SHANGHAI
from models.settings import Settings
from scripts.service.check_result import GOOD, NOTE, PROBLEM, CheckResult
from workers.events.config import EventsChannelConfig
from workers.notices.channels import ChannelsConfig, load_channels

_CHECK = "events"
_LATE_AFTER = timedelta(minutes=5)


def configured_channels(settings: Settings) -> ChannelsConfig:
    """Load the channels file, if there is one. Raises InvalidChannels."""
    path = settings.channels_path
    return load_channels(path) if settings.channels or path.exists() else ChannelsConfig()


def check_channels_file(
    processes: Sequence[ProcessStatus], settings: Settings, now: datetime
) -> Iterator[CheckResult]:
    """Check that workers have read the channels file as it is: they do so at their start."""
    path = settings.channels_path
    if not path.exists():
        return
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    workers = [p for p in processes if p.role == "worker" and p.is_alive(now)]
    if names := [p.name for p in workers if p.started_at < changed_at]:
        text = _("{path} was changed after {workers} began, which go by what was there then")
        text = text.format(path=path, workers=", ".join(names))
        yield CheckResult("channels", NOTE, text, _("restart the workers"))


def check_event_channels(
    session: Session, settings: Settings, now: datetime
) -> Iterator[CheckResult]:
    """Check the channels of events: that nothing waits for long, and who gets texts in clear."""
    try:
        channels = configured_channels(settings).events
    except HotlineError as error:
        yield CheckResult("channels", PROBLEM, str(error))
        return
    yield from _check_each(session, channels, now)


def _check_each(
    session: Session, channels: Mapping[str, EventsChannelConfig], now: datetime
) -> Iterator[CheckResult]:
    known = {status.name: status for status in event_channels(session)} if channels else {}
    for name, channel in channels.items():
        status = known.get(name)
        if status is None:
            advice = _("a worker begins within seconds: see that one runs with this channels file")
            yield CheckResult(
                _CHECK, NOTE, _("{name}: nothing was sent yet").format(name=name), advice
            )
            continue
        late = status.since is not None and now - status.since > _LATE_AFTER
        state = PROBLEM if late else NOTE if status.error else GOOD
        advice = _("mend the receiver, or its address: nothing is lost or passed over meanwhile")
        yield CheckResult(
            _CHECK, state, event_channel_line(status), "" if state == GOOD else advice
        )
        if channel.reveal and not may_send_in_clear(session, name):
            text = _("{name}: texts are redacted, as the channel has no role to see them")
            advice = _("a supervisor may give it one: hotline roles set channel:{name} operator")
            yield CheckResult(_CHECK, NOTE, text.format(name=name), advice.format(name=name))


def event_channel_line(status: EventChannelStatus) -> str:
    """A channel of events for people: how far it has come, what waits, and why."""
    parts = [_("{name}: sent up to {cursor}").format(name=status.name, cursor=status.cursor)]
    if status.since is not None:
        at = f"{status.since.astimezone(SHANGHAI):%m-%d %H:%M:%S}"
        parts.append(_("waiting since {at}").format(at=at))
    if status.error is not None:
        parts.append(status.error)
    return "; ".join(parts)
