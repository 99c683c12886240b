"""The channels file: its rules and addresses, and errors named by their line."""

from pathlib import Path

import pytest

from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import prepared_home
from tests.workers.dispatching import channels_file
from tests.workers.receivers import mail_server, web_server
from workers.notices.channels import InvalidChannels, load_channels

SECRET = "whsec_c2VjcmV0LCBhbmQgcXVpdGUgbG9uZyBlbm91Z2gh"
EVENTS = f"""\
[channel.city]
kind = "events"
url = "http://platform.example.cn/events"
secret = "{SECRET}"
types = ["ticket.accepted", "result.submitted"]
page = 100
"""

GOOD = """\
# where notices go
[channel.mail]
url = "mailtos://user:secret@smtp.example.cn:465?from=desk@example.cn&to={to}"
per_minute = 60

[channel.robot]
url = "wecombot://SECRETKEY-1234"
per_minute = 20
language = "zh"

[[rule]]
kinds = ["red"]
roles = ["principal_leader"]
channels = ["mail", "robot"]

[[rule]]
units = ["某局"]
emergency = false
channels = ["robot"]

[people."某局"]
principal_leader = { mail = "leader@example.cn" }

[outside]
city_hotline = { mail = "12345@example.cn" }
"""


def test_the_first_rule_that_matches_names_the_channels(tmp_path: Path) -> None:
    channels = load_channels(channels_file(tmp_path, GOOD))
    assert channels.channels_for("red", "principal_leader", "某局", False) == ("mail", "robot")
    assert channels.channels_for("yellow", "deputy_leader", "某局", False) == ("robot",)
    assert channels.channels_for("yellow", "deputy_leader", "某局", True) == ("file",)
    assert channels.recipient_address("mail", "principal_leader", "某局") == "leader@example.cn"
    assert channels.recipient_address("mail", "principal_leader", "另一局") is None
    assert channels.recipient_address("mail", "city_hotline", None) == "12345@example.cn"
    url = channels.channel["mail"].url_for("a&to=evil@x.cn", "T1-2+3")
    assert "&to=evil" not in url


@pytest.mark.parametrize(
    "url",
    [
        "mailto://127.0.0.1:25?from=desk@example.cn&to={to}",
        "wecombot://KEY-1234",
        "dingtalk://SEC1234@abcdef0123456789abcdef0123456789",
        "feishu://abcdef01-2345-6789-abcd-ef0123456789",
        "lark://abcdef01-2345-6789-abcd-ef0123456789",
        "jsons://token@city.example.cn/notices?+X-Message={id}",
        "form://127.0.0.1:8080/sms?:phone={to}",
        "bulksms://user:password@{to}",
    ],
)
def test_services_that_a_district_has(tmp_path: Path, url: str) -> None:
    """Mail, three robots, a webhook and two kinds of SMS gateways are accepted."""
    path = channels_file(tmp_path, f'[channel.one]\nurl = "{url}"\n')
    assert load_channels(path).channel["one"].url == url


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "per_minute = 20",
            "per_minute = 0",
            ["line 8:", "per_minute: it must be at least 1"],
        ),
        ("per_minute = 20", "per_munite = 20", ["line 8:", "channel.robot.per_munite"]),
        ('"wecombot://SECRETKEY-1234"', '"wecom//SECRETKEY-1234"', ["line 7:", "no service"]),
        ('language = "zh"', 'language = "fr"', ["line 9:", "one of: zh, en"]),
        ('kinds = ["red"]', 'kinds = ["blue"]', ["line 12:", "'blue' is no kind", "yellow"]),
        (
            "emergency = false",
            "emergency = 3",
            ["line 18:", "rule.2.emergency: write true"],
        ),
        (
            'channels = ["robot"]',
            'channels = ["phone"]',
            ["line 19:", "'phone'", "file, log, mail"],
        ),
        (
            'channels = ["robot"]',
            "channels = []",
            ["line 19:", "name at least 1"],
        ),
        ("principal_leader = {", "boss = {", ["line 22:", "deputy_leader"]),
        ("[channel.robot]", "[channel.file]", ["'file' is built in"]),
        ("# where", "where", ["not valid TOML", "line 1"]),
        ('[people."某局"]', "[people.某局]", ["not valid TOML", "quotes"]),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, old: str, new: str, parts: list[str]
) -> None:
    """No password or token is in the message, nor in a log."""
    assert old in GOOD
    with pytest.raises(InvalidChannels) as error:
        load_channels(channels_file(tmp_path, GOOD.replace(old, new)))
    assert [part for part in parts if part not in str(error.value)] == []
    assert "SECRETKEY" not in str(error.value)
    assert "secret" not in str(error.value)
    assert "SECRETKEY" not in caplog.text
    assert "secret" not in caplog.text


def test_a_channel_of_events_takes_no_notices(tmp_path: Path) -> None:
    """It is kept apart from those of notices."""
    channels = load_channels(channels_file(tmp_path, EVENTS + GOOD))
    assert list(channels.channel) == ["mail", "robot"]
    assert channels.events["city"].types == ("ticket.accepted", "result.submitted")
    named = (EVENTS + GOOD).replace('channels = ["robot"]', 'channels = ["city"]')
    with pytest.raises(InvalidChannels, match=r"line 25: .*'city' takes events"):
        load_channels(channels_file(tmp_path, named))


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ('kind = "events"', 'kind = "event"', ["line 2:", 'did you mean "events"']),
        ("http://", "ftp://", ["line 3:", "https://"]),
        ("http://platform", "http://plat form", ["line 3:", "https://"]),
        ("whsec_", "", ["line 4:", "whsec_"]),
        (SECRET, "whsec_c2hvcnQ=", ["line 4:", "24 to 64"]),
        (f'secret = "{SECRET}"', "", ["line 1:", "secret: it is missing"]),
        ("ticket.accepted", "ticket.eaten", ["line 5:", "types.1", "ticket.received"]),
        ("page = 100", "page = 0", ["line 6:", "at least 1"]),
        ("page = 100", "pages = 3", ["line 6:", "page"]),
        ("page = 100", "reveal = true", ["line 3:", "https://"]),
        ("channel.city", "channel.log", ["line 1:", "built in"]),
    ],
)
def test_a_wrong_channel_of_events(tmp_path: Path, old: str, new: str, parts: list[str]) -> None:
    """Named with its line; its secret is never in the message."""
    text = EVENTS.replace(old, new)
    with pytest.raises(InvalidChannels) as error:
        load_channels(channels_file(tmp_path, text))
    assert [part for part in parts if part not in str(error.value)] == []
    assert "c2VjcmV0" not in str(error.value) and "c2hvcnQ" not in str(error.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = channels_file(tmp_path, GOOD)
    path.chmod(0o644)
    with pytest.raises(InvalidChannels, match="chmod 600"):
        load_channels(path)


def test_the_command_names_whom_nobody_can_reach_and_tries_a_channel(tmp_path: Path) -> None:
    """`hotline channels check` and `try`, on a real receiver."""
    home = prepared_home(tmp_path / "home")
    hotline = HotlineProcess(home, tmp_path)
    with web_server() as (web, port), mail_server() as (mail, mail_port):
        text = f"""
[channel.mail]
url = "mailto://127.0.0.1:{mail_port}?from=a@b.cn&to={{to}}&mode=insecure"

[channel.hook]
url = "json://127.0.0.1:{port}/x"

[[rule]]
kinds = ["yellow"]
units = ["民政局"]
channels = ["mail"]

[people."民政局"]
unit_contact = {{ mail = "a@b.cn" }}
"""
        channels_file(home, text)
        checked = hotline("channels", "check", code=1).stdout
        assert checked.splitlines() == ["mail", "hook", "mail: no address of 民政局/deputy_leader"]
        channels_file(home, text.replace("unit_contact", "deputy_leader"))
        assert hotline("channels", "check").stdout.splitlines() == ["mail", "hook"]
        hotline("channels", "try", "hook")
        assert web.ids == ["hotline-try"]
        assert "--to" in hotline("channels", "try", "mail", code=2).stderr
        hotline("channels", "try", "mail", "--to", "someone@example.cn")
        assert mail.recipients == [["someone@example.cn"]]
        mail.refusing = True
        assert "mail: " in hotline("channels", "try", "mail", "--to", "x@y.cn", code=1).stderr
        assert "hook" in hotline("channels", "try", "pigeon", code=1).stderr
