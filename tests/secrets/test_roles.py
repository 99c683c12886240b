"""Permissions by user and by token, and the access log."""

import os
import pwd
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from models.database import Store
from models.operations.access import REVEALABLE, UnknownField, find, record_access, reveal
from models.queries.log import TicketNotFound
from models.rules.vocabulary import Permission, UserRole
from models.security.identity import current_actor
from models.security.roles import Actor, InvalidRoles, NotAllowed, token_digest
from models.security.roles_file import parse_roles
from models.settings import Settings
from models.tables.core import ACCESS
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, feed, letter, message, prepared_store

NOW = at("2026-11-20T09:00")
ME = pwd.getpwuid(os.geteuid()).pw_name
FILE = f"""
[users]
{ME} = "auditor"
wang = "operator"
[tokens.gateway]
role = "feeder"
sha256 = "{token_digest("a long random token")}"
"""


def test_each_role_may_what_it_is_for() -> None:
    """Each role against each permission."""
    may = {role: {a for a in Permission if Actor("x", role).may(a)}
           for role in (*UserRole, "")}  # fmt: skip
    assert may == {
        "operator": {"act", "reveal", "find"},
        "supervisor": {p.value for p in Permission},
        "auditor": {"audit"},
        "feeder": {"feed"},
        "": set(),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[users]\nwang = 'operater'",
            "line 2: users.wang: it must be one of: op",
        ),
        ("[users]\nwang = 7", "line 2: users.wang: it must be one of: op"),
        (
            "[people]\nwang = 'operator'",
            "line 1: people: there is no such key",
        ),
        ("users = 3", "line 1: users: write a table"),
        ("[tokens]\na = 'feeder'", "line 2: tokens.a: write a table"),
        (
            "[tokens.a]\nrole = 'feeder'\nsha256 = 'short'",
            "line 3: tokens.a.sha256: write",
        ),
        ("[users", "roles.toml: "),
    ],
)
def test_a_wrong_file_is_refused(text: str, expected: str) -> None:
    """The message names the fault."""
    with pytest.raises(InvalidRoles) as raised:
        parse_roles(text, "roles.toml")
    assert expected in str(raised.value)


def test_without_a_file_the_owner_of_the_home_is_supervisor(tmp_path: Path) -> None:
    """A single-machine installation needs no file; anybody else has no role."""
    home = tmp_path / "home"
    assert current_actor(Settings(home)) == Actor(ME, UserRole.SUPERVISOR)
    home.mkdir()
    assert current_actor(Settings(home)) == Actor(ME, UserRole.SUPERVISOR)
    if os.geteuid() == 0:
        os.chown(home, 12345, -1)
        assert current_actor(Settings(home)) == Actor(ME, "")


def test_a_file_says_who_is_who(tmp_path: Path) -> None:
    """By operating-system user, or by token; a token that nobody has is refused unrepeated."""
    (tmp_path / "roles.toml").write_text(FILE, "utf-8")
    assert current_actor(Settings(tmp_path)) == Actor(ME, UserRole.AUDITOR)
    assert current_actor(Settings(tmp_path, token="a long random token")) == Actor(
        "gateway", UserRole.FEEDER
    )
    with pytest.raises(InvalidRoles) as raised:
        current_actor(Settings(tmp_path, token="another"))
    assert "another" not in str(raised.value)
    (tmp_path / "roles.toml").chmod(0o666)
    with pytest.raises(InvalidRoles, match="others could change it"):
        current_actor(Settings(tmp_path))


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command in a home where the test's own user is an auditor."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "roles.toml").write_text(FILE, "utf-8")
    return InProcessHotline(home, monkeypatch, capsys)


def test_commands_keep_to_the_roles(hotline: InProcessHotline, tmp_path: Path) -> None:
    """An action that the role may not do is refused in one line, before any read or write."""
    days, units, letters = (tmp_path / n for n in ("days.csv", "units.toml", "letters.jsonl"))
    days.write_text("2026-12-01,off,文\n", "utf-8")
    units.write_text("", "utf-8")
    letters.write_text("", "utf-8")
    refused: list[tuple[str | Path, ...]] = [
        ("feed", letters),
        ("calendar", "import", days),
        ("policy", "import", units),
        ("policy", "withdraw", "1"),
        ("units", "import", units),
        ("routing", "train"),
        ("routing", "use", "0"),
        ("channels", "try", "mail"),
        ("show", "X1", "--reveal"),
        ("find", "--phone", "13900001111"),
        ("keys", "show"),
        ("keys", "rotate"),
    ]
    for command in refused:
        error = hotline(*command, code=1).stderr
        assert error.startswith(f"hotline: {ME} (auditor) may not "), error
        assert "roles.toml" in error
    assert not (hotline.home / "hotline.db").exists()
    hotline("access")
    token = "a long random token"
    hotline("feed", letters, TOKEN=token)
    assert "gateway (feeder) may not" in hotline("access", code=1, TOKEN=token).stderr
    assert "nobody" in hotline("feed", letters, code=1, TOKEN="x").stderr


def test_what_was_seen_in_clear_is_logged(store_url: str) -> None:
    """The log has the person, moment, ticket and fields, but never their content."""
    who = Actor("wang", UserRole.OPERATOR)
    with prepared_store(store_url) as store:
        person = {"name": "王\x1b[31m小明", "phone": "0754-88001234"}
        first_letter = letter("R1", "2026-11-02T09:00", claimant=person, address="赤港路8号",
                     content="请打１３９１２３４５６７８，身份证44050719900101123x")  # fmt: skip
        more = message("R1", "claimant.supplemented", "2026-11-03T09:00", text="打13700000000")
        feed(store, [first_letter, more, letter("R2", "2026-11-02T09:00")], NOW)
        advance_tickets(store, ["R1", "R2"], NOW)
        with store.writing() as session:
            revealed = reveal(session, who, "R1", REVEALABLE, NOW)
            assert reveal(session, who, "R2", ["phone"], NOW) == {"phone": "13900001111"}
        assert revealed["name"] == "王小明"
        assert revealed["address"] == "赤港路8号"
        assert "44050719900101123x" in revealed["content"]
        assert {"text": "打13700000000"} in revealed["log"].values()
        tickets_of = partial(_find, store, who)
        assert (
            tickets_of("phone", "13912345678") == tickets_of("phone", "+86 139-1234-5678") == ["R1"]
        )
        assert tickets_of("phone", "075488001234") == tickets_of("name", "王 小明") == ["R1"]
        assert tickets_of("identity", "44050719900101123X") == ["R1"]
        assert tickets_of("phone", "13900001111") == ["R2"]
        assert tickets_of("name", "王小") == []
        with store.reading() as session:
            lines = session.execute(ACCESS.select().order_by(ACCESS.c.id)).all()
    assert [(r.who, r.role, r.act, r.ticket, r.fields) for r in lines[:3]] == [
        ("wang", "operator", "reveal", "R1", list(REVEALABLE)),
        ("wang", "operator", "reveal", "R2", ["phone"]),
        ("wang", "operator", "find", None, ["phone"]),
    ]
    assert lines[0].at == NOW
    assert "13912345678" not in repr(lines)


def _find(store: Store, who: Actor, kind: str, value: str) -> list[str]:
    with store.writing() as session:
        return find(session, who, kind, value, NOW)


def test_what_is_refused_shows_nothing(store_url: str) -> None:
    """Without the role, the ticket or the field; and then no line is logged."""
    with prepared_store(store_url) as store:
        feed(store, [letter("R1", "2026-11-02T09:00")], NOW)
        advance_tickets(store, ["R1"], NOW)
        without: tuple[UserRole | Literal[""], ...] = (UserRole.AUDITOR, UserRole.FEEDER, "")
        for role in without:
            with store.writing() as session, pytest.raises(NotAllowed):
                reveal(session, Actor("li", role), "R1", ["phone"], NOW)
            with store.writing() as session, pytest.raises(NotAllowed):
                find(session, Actor("li", role), "phone", "1", NOW)
        wang = Actor("wang", UserRole.OPERATOR)
        with store.writing() as session, pytest.raises(TicketNotFound):
            reveal(session, wang, "R9", ["phone"], NOW)
        with store.writing() as session, pytest.raises(UnknownField, match="name, phone"):
            reveal(session, wang, "R1", ["passport"], NOW)
        with store.reading() as session:
            assert session.execute(ACCESS.select()).all() == []
        with store.writing() as session:
            record_access(session, wang, "export", None, [], NOW)
