"""A channel of events that lags is told of wherever somebody looks."""

from datetime import timedelta
from pathlib import Path

import pytest

from models.database import Store
from models.operations.anchors import make_anchor
from models.queries.failures import failures
from models.settings import Settings
from scripts.service.check_result import GOOD, NOTE, PROBLEM
from scripts.service.event_channels import check_event_channels
from scripts.service.metrics import MetricsCollector, exposition
from tests.store.factories import simple_units
from tests.workers.dispatching import channels_file
from tests.workers.event_receiver import SECRET, event_receiver
from tests.workers.sent_channel import NOW, SentChannel, live
from workers.broker import Bells, connect


@pytest.mark.store(databases=["sqlite"], units=simple_units())
def test_what_lags_is_said(store: Store, tmp_path: Path) -> None:
    """By the doctor, the metrics and the operators' screen: since when, and why."""
    with event_receiver() as receiver:
        channel = SentChannel(store, receiver)
        path = channels_file(
            tmp_path,
            f'[channel.{channel.name}]\nkind = "events"\nurl = "{receiver.url}"\n'
            f'secret = "{SECRET}"\nreveal = true\n[channel.new]\nkind = "events"\n'
            f'url = "{receiver.url}"\nsecret = "{SECRET}"\n',
        )
        settings = Settings(tmp_path, channels=path)

        def checked(after: timedelta) -> list[tuple[str, str]]:
            with store.reading() as session:
                results = check_event_channels(session, settings, NOW + after)
                return [(each.state, each.text) for each in results]

        good, role, new = checked(timedelta())
        assert good[0] == GOOD and "new" in new[1] and "role" in role[1]
        live(store)
        receiver.answer = 500
        channel.sender().send_due()
        with store.reading() as session:
            assert [each.name for each in failures(session).channels] == [channel.name]
        with store.writing() as session:
            assert make_anchor(session, NOW)
        (soon, *_), (late, *_) = checked(timedelta()), checked(timedelta(minutes=6))
        assert soon[0] == NOTE and late[0] == PROBLEM
        assert "HTTP 500" in late[1] and "waiting since 11-20 09:00:00" in late[1]
        collector = MetricsCollector(
            store,
            Bells(connect("unix:///nowhere.sock", store.cipher.store_id)),
            lambda: NOW + timedelta(minutes=6),
        )
        metrics = exposition(collector)
        assert f'hotline_unsent_events_seconds{{channel="{channel.name}"}} 360.0' in metrics
        assert f'hotline_channel_failures{{channel="{channel.name}"}} 1.0' in metrics
        receiver.answer = 200
        channel.sender().send_due()
        assert checked(timedelta(minutes=6))[0][0] == GOOD
