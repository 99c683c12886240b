"""Routing of notices, without a store: channels, quiet hours, gathering, addresses."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.operations.notices.route import ChannelRoute
from models.rules.calendar import Calendar
from models.rules.quiet_hours import QuietHours
from tests.rules.district import POLICY
from tests.store.factories import at
from tests.workers.dispatching import UNIT, channels_file, outgoing_notice
from workers.notices.channels import ChannelsConfig, load_channels
from workers.notices.routing import routes_of

NOON, EVENING, NIGHT, MORNING = (
    at("2026-03-12T12:00"), at("2026-03-12T20:59"), at("2026-03-12T23:00"), at("2026-03-13T07:30"),
)  # fmt: skip
HOLIDAY, AFTER_IT = at("2026-10-01T12:00"), at("2026-10-08T07:30")
GATHER = timedelta(minutes=2)
QUIET = QuietHours.under(POLICY, Calendar())

CHANNELS = f"""
[channel.mail]
url = "mailto://127.0.0.1:25?from=desk@hotline.cn&to={{to}}"

[channel.hook]
url = "json://127.0.0.1/x"
quiet = false

[[rule]]
kinds = ["prewarning", "yellow", "red", "dispatched", "unrouted", "grave_conduct"]
channels = ["mail", "hook", "file"]

[people."{UNIT}".deputy_leader]
mail = "deputy@example.cn"
"""


@pytest.fixture
def channels(tmp_path: Path) -> ChannelsConfig:
    """A mail that is quiet at night, and a webhook that is not."""
    return load_channels(channels_file(tmp_path, CHANNELS))


@pytest.mark.parametrize(
    ("notice", "now", "mail_at", "hook_at"),
    [
        # a gathered kind waits for others, and the mail for the morning
        ({"kind": "yellow"}, NOON, NOON + GATHER, NOON + GATHER),
        ({"kind": "yellow"}, EVENING, MORNING, EVENING + GATHER),
        ({"kind": "yellow"}, NIGHT, MORNING, NIGHT + GATHER),
        ({"kind": "yellow"}, MORNING - GATHER, MORNING, MORNING),
        # what is urgent waits for nobody but others of its kind
        ({"kind": "red"}, NIGHT, NIGHT + GATHER, NIGHT + GATHER),
        ({"kind": "yellow", "emergency": True}, NIGHT, NIGHT + GATHER, NIGHT + GATHER),
        ({"kind": "dispatched"}, NIGHT, MORNING, NIGHT + GATHER),
        # a pre-warning at noon of National Day, and one on the evening before
        ({"kind": "prewarning"}, HOLIDAY, AFTER_IT, HOLIDAY + GATHER),
        ({"kind": "prewarning"}, at("2026-09-30T21:30"), AFTER_IT, at("2026-09-30T21:32")),
        ({"kind": "red"}, HOLIDAY, HOLIDAY + GATHER, HOLIDAY + GATHER),
        ({"kind": "dispatched", "emergency": True}, HOLIDAY, HOLIDAY, HOLIDAY),
        # an emergency that nobody has is told at once, and so is grave conduct
        ({"kind": "unrouted"}, NIGHT, MORNING, NIGHT + GATHER),
        ({"kind": "unrouted", "emergency": True}, NIGHT, NIGHT, NIGHT),
        ({"kind": "grave_conduct"}, NIGHT, NIGHT, NIGHT),
    ],
)
def test_each_channel_has_its_time(
    channels: ChannelsConfig,
    notice: dict[str, Any],
    now: datetime,
    mail_at: datetime,
    hook_at: datetime,
) -> None:
    """Gathering, quiet hours and urgent kinds decide; the file takes everything at once."""
    routes = routes_of(outgoing_notice(**notice), channels, POLICY.notices, QUIET, now)
    assert routes == [
        ChannelRoute("mail", mail_at),
        ChannelRoute("hook", hook_at),
        ChannelRoute("file", now),
    ]


def test_a_routed_notice_keeps_its_channel_and_waits_for_nobody(channels: ChannelsConfig) -> None:
    """It was gathered when it was routed; only the night holds it up again."""
    routed = outgoing_notice(channel="mail")
    assert routes_of(routed, channels, POLICY.notices, QUIET, NOON) == [ChannelRoute("mail", NOON)]
    assert routes_of(routed, channels, POLICY.notices, QUIET, NIGHT) == [
        ChannelRoute("mail", MORNING)
    ]


def test_a_notice_whose_channel_is_gone_is_routed_by_the_rules(channels: ChannelsConfig) -> None:
    """So is one that no rule is for: it goes to the file."""
    gone = outgoing_notice(channel="pigeon", kind="red")
    assert [r.channel for r in routes_of(gone, channels, POLICY.notices, QUIET, NOON)] == [
        "mail", "hook", "file",
    ]  # fmt: skip
    other = outgoing_notice(kind="returned")
    assert routes_of(other, channels, POLICY.notices, QUIET, NIGHT) == [ChannelRoute("file", NIGHT)]


def test_who_has_no_address_is_named(channels: ChannelsConfig) -> None:
    """The route says that it can never be taken, and what is missing."""
    notice = outgoing_notice(role="unit_contact", recipient=f"{UNIT}/unit_contact")
    mail, *_others = routes_of(notice, channels, POLICY.notices, QUIET, NOON)
    error = f"no address of {UNIT}/unit_contact in the channels file"
    assert mail == ChannelRoute("mail", NOON, error)
