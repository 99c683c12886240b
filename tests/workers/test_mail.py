"""Mail at a real server: its headers, its passwords, and addresses that could not work."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from models.database import Store
from tests.store.factories import at
from tests.workers.dispatching import (
    UNIT,
    YELLOW,
    ManualClock,
    channels_file,
    is_idle,
    notice_dispatcher,
    notices,
    ring,
    yellow_cards,
)
from tests.workers.processes import wait_until
from tests.workers.receivers import mail_server
from workers.notices.apprise_channel import send_message
from workers.notices.channels import ChannelConfig, InvalidChannels, load_channels

RULE = f"""
[[rule]]
kinds = ["yellow"]
channels = ["mail"]

[people."{UNIT}".deputy_leader]
mail = "deputy@example.cn"
"""


def _address(port: int, credentials: str = "") -> str:
    return f"mailto://{credentials}127.0.0.1:{port}?from=desk@hotline.cn&to={{to}}&mode=insecure"


def _channel(folder: Path, url: str) -> ChannelConfig:
    path = channels_file(folder, f'[channel.mail]\nurl = "{url}"\n')
    return load_channels(path).channel["mail"]


def test_a_notice_says_that_a_program_sent_it(store: Store, tmp_path: Path) -> None:
    """A repeat is the same mail: it has one Message-ID, made from the notice's id."""
    clock = ManualClock(at(YELLOW))
    yellow_cards(store, 3)
    with mail_server() as (server, port):
        text = f'[channel.mail]\nurl = "{_address(port)}"\n{RULE}'
        with notice_dispatcher(store, clock, tmp_path, text) as dispatcher:
            server.refusing = True
            ring(store, clock, dispatcher)
            clock.pass_by(timedelta(minutes=2))
            ring(store, clock, dispatcher)
            wait_until(lambda: {n.tries for n in notices(store, "yellow")} == {1}, 40, "refused")
            server.refusing = False
            clock.pass_by(timedelta(seconds=31))
            ring(store, clock, dispatcher)
            wait_until(lambda: is_idle(store, clock), 40, "the repeat")
    (refused,), (mail,) = server.refused, server.mails
    parcel = notices(store, "yellow")[0].parcel
    assert parcel.endswith("+2")
    assert mail.get_all("Message-ID") == [f"<{parcel}@hotline.cn>"]
    assert refused.get_all("Message-ID") == mail.get_all("Message-ID")
    assert mail.get_all("Auto-Submitted") == ["auto-generated"]
    assert mail.get_all("Precedence") == ["bulk"]
    assert mail.get_all("List-Id") == ["12345 <hotline.hotline.cn>"]
    assert mail["X-Hotline-Notice-Id"] == parcel
    assert "黄牌 3 件" in str(mail["Subject"])
    assert server.texts[-1].count("【黄牌】") == 3


def test_an_id_in_chinese_and_a_header_of_the_address(tmp_path: Path) -> None:
    """A Message-ID is ASCII; what the administrator wrote into the address stands."""
    with mail_server() as (server, port):
        channel = _channel(tmp_path, _address(port) + "&+List-Id=<a.b.cn>")
        assert send_message(channel, "a@b.cn", "濠 1@x>-7+2", "标题", "内容") is None
    (mail,) = server.mails
    assert mail.get_all("Message-ID") == ["<%E6%BF%A0%201%40x%3E-7+2@hotline.cn>"]
    assert mail.get_all("List-Id") == ["<a.b.cn>"]


def test_a_long_mail_is_one_mail(tmp_path: Path) -> None:
    """Its parts would have one Message-ID, and a server would keep the first."""
    text = "\n".join(
        f"{n}. 工单 T{n:05}“路灯不亮”已逾期，请分管领导督促处理。" for n in range(2_000)
    )
    with mail_server() as (server, port):
        channel = _channel(tmp_path, _address(port))
        assert send_message(channel, "a@b.cn", "T1-1", "标题", text) is None
    assert [body.splitlines() for body in server.texts] == [text.splitlines()]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("password", ["p@ss;word", "a/b?c#d:e", "100%25&+ =,"])
def test_a_password_with_any_character_opens_the_server(tmp_path: Path, password: str) -> None:
    """Written as the manual says, it arrives as it is."""
    with mail_server("desk@hotline.cn", password) as (server, port):
        credentials = f"{quote('desk@hotline.cn', safe='')}:{quote(password, safe='')}@"
        channel = _channel(tmp_path, _address(port, credentials))
        assert send_message(channel, "a@b.cn", "T1-1", "标题", "内容") is None
        refused = _channel(tmp_path, _address(port, credentials.replace(":", ":x")))
        assert send_message(refused, "a@b.cn", "T1-1", "标题", "内容")
    assert server.recipients == [["a@b.cn"]]


@pytest.mark.parametrize(
    "credentials",
    ["desk:pa@ssw0rd@", "desk:pa:ssw0rd@", "desk:pa/ssw0rd@", "desk:pa?ssw0rd@", "desk:pa#ssw0rd@",
     "desk@hotline.cn:passw0rd@"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["mailtos", "jsons"])
def test_a_password_that_would_be_cut_is_refused_with_its_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, scheme: str, credentials: str
) -> None:
    """The error says how to write each character, and repeats nothing of the address."""
    url = f"{scheme}://{credentials}smtp.hotline.cn:465?from=desk@hotline.cn&to={{to}}"
    with pytest.raises(InvalidChannels) as error:
        _channel(tmp_path, url)
    assert "line 2: channel.mail.url" in str(error.value)
    assert "@ as %40" in str(error.value)
    for part in ("ssw0rd", "desk", "hotline.cn"):
        assert part not in str(error.value)
        assert part not in caplog.text


def test_a_password_that_no_mail_server_takes_is_refused(tmp_path: Path) -> None:
    """The mail library cannot send it; the error does not repeat it."""
    with pytest.raises(InvalidChannels, match="only ASCII") as error:
        _channel(tmp_path, _address(25, "desk:口令@"))
    assert "口令" not in str(error.value)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_semicolon_in_a_value_is_refused(tmp_path: Path) -> None:
    """It ends the value; in a password before the server it does not."""
    with pytest.raises(InvalidChannels, match="; as %3B"):
        _channel(tmp_path, _address(25) + "&user=desk&pass=geheim;7")
    with mail_server("desk", "pa;ss") as (server, port):
        channel = _channel(tmp_path, _address(port, "desk:pa;ss@"))
        assert send_message(channel, "a@b.cn", "T1-1", "标题", "内容") is None
    assert len(server.mails) == 1
