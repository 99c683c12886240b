"""Permissions by user and by token, and the access log."""

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from models.database import Session, Store, sqlite_file
from models.operations.access import REVEALABLE, UnknownField, find, reveal
from models.operations.access_log import record_access, recording_denials
from models.operations.roles import (
    InvalidRoleChange,
    note_owner,
    remove_role,
    set_role,
    set_roles,
)
from models.queries.log import TicketNotFound
from models.queries.roles import changed_outside, user_as_actor, user_roles
from models.queries.verification import verify
from models.rules.limits import DENIED_LINES
from models.rules.vocabulary import Permission, UserRole
from models.security.identity import SystemUser, process_user
from models.security.roles import Actor, InvalidRoles, NotAllowed, token_digest
from models.security.roles_file import parse_roles
from models.tables.core import ACCESS, USER_ROLE
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import (
    KEY_LINE,
    advance_tickets,
    at,
    feed,
    letter,
    message,
    prepared_store,
)

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
        "operator": {"act", "reveal", "find", "call"},
        "supervisor": {p.value for p in Permission},
        "auditor": {"audit", "export"},
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


def test_without_roles_the_owner_of_the_store_is_supervisor(
    store: Store,
) -> None:
    """Whoever owns the database's file, or has used a store on a server first; and nobody else."""
    file = sqlite_file(store.url)
    with store.writing() as session:
        note_owner(session, ME, NOW)
        note_owner(session, "li", NOW)
    with store.reading() as session:
        owner = Actor(ME, UserRole.SUPERVISOR, is_owner=True)
        assert user_as_actor(session, process_user(), file) == owner
        assert user_as_actor(session, SystemUser("li", 12345), file) == Actor("li", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_actor_is_the_real_user_whatever_the_environment_says() -> None:
    """In a program that took on its owner's rights, and after sudo."""
    code = (
        "import os; os.setreuid(12345, 0)\n"
        "from models.security.identity import process_user; print(process_user())"
    )
    environment = dict(os.environ) | {"SUDO_USER": "chen", "USER": "chen", "LOGNAME": "chen"}
    for program, expected in (
        (code, "SystemUser(name='uid 12345', uid=12345)"),
        (code.replace("12345, 0", "0, 0"), f"SystemUser(name='{ME}', uid=0)"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_roles_belong_to_the_store(store: Store) -> None:
    """Given by a supervisor, who stays one; every change is in the access log."""
    file = sqlite_file(store.url)
    with store.reading() as session:
        me = user_as_actor(session, process_user(), file)
    with store.writing() as session, pytest.raises(InvalidRoleChange, match="first: hotline roles"):
        set_role(session, me, "wang", UserRole.OPERATOR, NOW)
    with store.writing() as session:
        set_role(session, me, "chen", UserRole.SUPERVISOR, NOW)
    with store.reading() as session:
        assert user_as_actor(session, process_user(), file) == Actor(ME, ""), (
            "owning the store is nothing now"
        )
    with store.writing() as session:
        chen = user_as_actor(session, SystemUser("chen", 12345), file)
        assert chen == Actor("chen", UserRole.SUPERVISOR)
        set_role(session, chen, "wang", UserRole.OPERATOR, NOW)
        set_role(session, chen, "wang", UserRole.AUDITOR, NOW)
        remove_role(session, chen, "wang", NOW)
    changes: tuple[Callable[[Session], None], ...] = (
        lambda s: remove_role(s, chen, "chen", NOW),
        lambda s: remove_role(s, chen, "nobody", NOW),
        lambda s: set_role(s, chen, "two\nlines", UserRole.FEEDER, NOW),
        lambda s: set_roles(s, chen, {}, NOW),
    )
    for change in changes:
        with store.writing() as session, pytest.raises(InvalidRoleChange):
            change(session)
    with store.writing() as session, pytest.raises(NotAllowed):
        set_role(session, Actor("wang", UserRole.OPERATOR), "wang", UserRole.SUPERVISOR, NOW)
    with store.reading() as session:
        assert user_roles(session).by_name.keys() == {"chen"}
        lines = session.execute(ACCESS.select().order_by(ACCESS.c.id)).all()
    assert [(r.who, r.act, r.fields) for r in lines] == [
        (ME, "roles", ["chen = supervisor"]),
        ("chen", "roles", ["wang = operator"]),
        ("chen", "roles", ["wang = auditor"]),
        ("chen", "roles", ["- wang"]),
    ]


def test_whoever_writes_to_the_database_gives_nobody_a_role(store: Store) -> None:
    """Neither by a row of his own nor by changing one."""
    file = sqlite_file(store.url)
    with store.reading() as session:
        me = user_as_actor(session, process_user(), file)
    with store.writing() as session:
        roles = {ME: UserRole.FEEDER, "chen": UserRole.SUPERVISOR}
        set_roles(session, me, roles, NOW)
        row = {"name": "li", "role": "supervisor", "given_at": NOW, "given_by": "chen"}
        session.execute(session.insert(USER_ROLE).values(row | {"row_hash": b"x" * 32}))
        session.execute(USER_ROLE.update().where(USER_ROLE.c.name == ME).values(role="supervisor"))
    with store.reading() as session:
        assert user_roles(session).forged == tuple(sorted(("li", ME)))
        assert user_as_actor(session, process_user(), file) == Actor(ME, "")


def test_a_role_that_was_put_back_or_taken_away_is_found(store: Store) -> None:
    """Its row is genuine; the access log says that it no longer holds, or still should."""
    me = Actor(ME, UserRole.SUPERVISOR, is_owner=True)
    with store.writing() as session:
        set_role(session, me, "chen", UserRole.SUPERVISOR, NOW)
        set_role(session, me, "wang", UserRole.OPERATOR, NOW)
        old = session.execute(USER_ROLE.select().where(USER_ROLE.c.name == "wang")).one()
        remove_role(session, me, "wang", NOW)
        assert changed_outside(session) == []
        session.execute(session.insert(USER_ROLE).values(old._asdict()))
        assert changed_outside(session) == ["wang"]
        session.execute(USER_ROLE.delete())
        assert changed_outside(session) == ["chen"]


@pytest.fixture
def hotline(
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> InProcessHotline:
    """The command with a home in which a file says that the test's own user is an auditor."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "roles.toml").write_text(FILE, "utf-8")
    (home / "hotline.key").write_text(KEY_LINE, "ascii")
    (home / "hotline.key").chmod(0o600)
    with prepared_store(store_url):
        # nobody has used it by a command yet
        pass
    return InProcessHotline(home, monkeypatch, capsys, DATABASE_URL=store_url)


def test_commands_keep_to_the_roles(
    hotline: InProcessHotline, database: str, tmp_path: Path
) -> None:
    """An act that the role may not do is refused in one line, and is in the access log."""
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
        ("show", "X1", "--reveal", "--reason", "checking"),
        ("find", "--phone", "13900001111"),
        ("keys", "show"),
        ("keys", "rotate"),
        ("db", "prune"),
        ("report", "--month", "2026-10", "--publish"),
        ("roles", "list"),
        ("roles", "set", ME, "supervisor"),
        ("roles", "import", hotline.home / "roles.toml"),
    ]
    if database == "sqlite":
        refused.append(("backup", tmp_path / "copy.db"))
    before = len(hotline.lines("access"))
    for command in refused:
        error = hotline(*command, code=1).stderr.splitlines()[-1]
        assert error.startswith(f"hotline: {ME} (auditor) may not "), error
    lines = hotline.lines("access")[before:]
    assert [(r["who"], r["outcome"]) for r in lines] == [(ME, "denied")] * DENIED_LINES
    assert [r["fields"] for r in lines[:3]] == [
        ["hotline feed"],
        ["hotline calendar import"],
        ["hotline policy import"],
    ]
    token = "a long random token"
    checks = [c["told"] for c in hotline.json("doctor", code=1) if c["check"] == "roles"]
    assert checks[0] == f"{ME} is auditor"
    hotline("feed", letters, TOKEN=token)
    assert "gateway (feeder) may not" in hotline("access", code=1, TOKEN=token).stderr
    assert "nobody" in hotline("feed", letters, code=1, TOKEN="x").stderr
    assert hotline.lines("access")[-1]["who"] == "gateway"


def test_denied_acts_do_not_fill_the_disk(store: Store) -> None:
    """More than a few a minute are only counted, and stand in the next line."""
    nobody = Actor("nobody", "")
    clock = iter(NOW + timedelta(seconds=n) for n in (*range(50), 70))
    for _ in range(51):
        with pytest.raises(NotAllowed), recording_denials(store, lambda: next(clock)):
            nobody.require(Permission.KEYS, fields=["hotline keys show"])
    with store.reading() as session:
        lines = session.execute(ACCESS.select().order_by(ACCESS.c.id)).all()
    assert [r.amount for r in lines] == [1] * DENIED_LINES + [1 + 50 - DENIED_LINES]
    assert {(r.who, r.role, r.act, r.outcome) for r in lines} == {("nobody", "", "keys", "denied")}
    assert verify(store).broken is None
    with store.writing() as session:
        session.execute(ACCESS.update().where(ACCESS.c.id == 3).values(outcome="done"))
    broken = verify(store).broken
    assert broken is not None and broken.seq == 3


def test_a_home_of_ones_own_makes_nobody_supervisor(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """With the store's address and key, but another home: with another file, or with none."""
    hotline("access")
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    settings = {"HOME": str(other), "KEY_FILE": str(hotline.home / "hotline.key")}
    assert f"{ME} (auditor) may not" in hotline("keys", "show", code=1, **settings).stderr
    (other / "roles.toml").write_text(f"[users]\n{ME} = 'supervisor'\n", "utf-8")
    (other / "roles.toml").chmod(0o600)
    assert f"{ME} (auditor) may not" in hotline("keys", "show", code=1, **settings).stderr
    checks = {c["check"]: c for c in hotline.json("doctor", code=1, **settings)}
    assert "decides nothing" in checks["roles"]["told"]


def test_a_file_in_the_home_is_carried_over_once(hotline: InProcessHotline) -> None:
    """It is said once; from then on the file decides nothing."""
    first = hotline("access").stderr
    assert "are in the store now" in first
    assert hotline("access").stderr == ""
    (hotline.home / "roles.toml").write_text(f"[users]\n{ME} = 'supervisor'\n", "utf-8")
    assert "(auditor) may not" in hotline("keys", "show", code=1).stderr


def test_a_file_that_names_no_user_makes_nobody_supervisor(hotline: InProcessHotline) -> None:
    """As it was with the file: leaving out the token, under sudo, gives no right."""
    text = FILE[FILE.index("[tokens") :]
    (hotline.home / "roles.toml").write_text(text, "utf-8")
    assert f"{ME} (no role) may not" in hotline("keys", "show", code=1).stderr


def test_roles_are_set_by_commands(hotline: InProcessHotline, tmp_path: Path) -> None:
    """The owner gives himself a role first; the list, a file, and the way back."""
    (hotline.home / "roles.toml").unlink()
    hotline("tokens", "issue", "gateway", "--role", "feeder")
    texts = [c["told"] for c in hotline.json("doctor", code=1) if c["check"] == "roles"]
    assert any("leaves out his token" in text for text in texts)
    assert "first: hotline roles set" in hotline("roles", "set", "wang", "operator", code=1).stderr
    hotline("roles", "set", ME, "supervisor")
    hotline("roles", "set", "王 五", "operator")
    assert [(r["name"], r["role"], r["by"]) for r in hotline.lines("roles", "list")] == [
        (ME, "supervisor", ME),
        ("王 五", "operator", ME),
    ]
    file = tmp_path / "roles.toml"
    hotline("roles", "export", file)
    hotline("roles", "remove", "王 五")
    assert len(hotline.lines("roles", "list")) == 1
    hotline("roles", "import", file)
    assert len(hotline.lines("roles", "list")) == 2
    file.write_text("[users]\nwang = 'operator'\n", "utf-8")
    assert "no user would be supervisor" in hotline("roles", "import", file, code=1).stderr
    file.write_text("[users]\nwang = 'supervisor'\n", "utf-8")
    hotline("roles", "import", file)
    assert f"{ME} (no role) may not" in hotline("roles", "list", code=1).stderr


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
            revealed = reveal(session, who, "R1", REVEALABLE, NOW, "checking")
            assert reveal(session, who, "R2", ["phone"], NOW, "checking") == {
                "phone": "13900001111"
            }
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
                reveal(session, Actor("li", role), "R1", ["phone"], NOW, "checking")
            with store.writing() as session, pytest.raises(NotAllowed):
                find(session, Actor("li", role), "phone", "1", NOW)
        wang = Actor("wang", UserRole.OPERATOR)
        with store.writing() as session, pytest.raises(TicketNotFound):
            reveal(session, wang, "R9", ["phone"], NOW, "checking")
        with store.writing() as session, pytest.raises(UnknownField, match="name, phone"):
            reveal(session, wang, "R1", ["passport"], NOW, "checking")
        with store.reading() as session:
            assert session.execute(ACCESS.select()).all() == []
        with store.writing() as session:
            record_access(session, wang, "export", None, [], NOW)
