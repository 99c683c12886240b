"""Tokens of people and machines: issued, used, ended, revoked, and never stored."""

import json
import os
import pwd
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text, update

from models.database import Store
from models.migrations import config_of, upgrade
from models.operations.tokens import (
    InvalidToken,
    carry_over_tokens,
    issue_token,
    revoke_token,
    use_token,
)
from models.queries.access_log import access_log
from models.queries.tokens import actor_for_token, find_token, is_token_valid, tokens
from models.rules.vocabulary import Sender, UserRole
from models.security.encryption import load_cipher
from models.security.roles import Actor, NotAllowed
from models.security.tokens import Token, TokenRefused, digest_of, new_token
from models.tables.core import TOKEN
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import at

NOW = at("2026-11-20T09:00")
HEAD = Actor("zhao", UserRole.SUPERVISOR)
WANG = Token("wang", UserRole.OPERATOR, (), None, NOW, NOW + timedelta(days=30))


def issued(store: Store, wanted: Token = WANG) -> str:
    """A token as a supervisor issues it."""
    with store.writing() as session:
        return issue_token(session, HEAD, wanted, wanted.issued_at)


def test_a_token_names_its_bearer_until_it_ends(store: Store) -> None:
    token = issued(store)
    other = issued(store, Token("gateway", UserRole.FEEDER, (Sender.CITY,), None, NOW))
    with store.reading() as session:
        assert actor_for_token(session, token, NOW) == Actor("wang", UserRole.OPERATOR)
        assert actor_for_token(session, token, NOW + timedelta(days=29)).name == "wang"
        assert find_token(session, other, NOW + timedelta(days=9_999)).speaks == (Sender.CITY,)
        with pytest.raises(TokenRefused, match="wang ended on 2026-12-20"):
            actor_for_token(session, token, NOW + timedelta(days=30))
        for typed in ("", new_token(), token[:-1], token.upper(), token + " ", "\ud800"):
            with pytest.raises(TokenRefused) as refused:
                actor_for_token(session, typed, NOW)
            assert not typed or typed not in str(refused.value)


def test_a_revoked_token_opens_nothing(store: Store) -> None:
    token = issued(store)
    with store.writing() as session:
        revoke_token(session, HEAD, "wang", NOW)
    with store.reading() as session:
        with pytest.raises(TokenRefused, match="revoked"):
            actor_for_token(session, token, NOW)
        assert not is_token_valid(session, "wang", NOW, NOW)
    with store.writing() as session, pytest.raises(InvalidToken, match="has no token"):
        revoke_token(session, HEAD, "wang", NOW)


def test_another_token_is_issued_when_the_first_is_no_longer_valid(store: Store) -> None:
    first = issued(store)
    with pytest.raises(InvalidToken, match="revoke"):
        issued(store)
    with store.writing() as session:
        revoke_token(session, HEAD, "wang", NOW)
    later = replace(WANG, issued_at=NOW + timedelta(hours=1))
    second = issued(store, later)
    with store.reading() as session:
        assert actor_for_token(session, second, NOW).name == "wang"
        # what was opened with the first must not live on by the second
        assert not is_token_valid(session, "wang", NOW, NOW)
        assert is_token_valid(session, "wang", later.issued_at, NOW)
        with pytest.raises(TokenRefused):
            actor_for_token(session, first, NOW)
    assert issued(store, replace(later, issued_at=NOW + timedelta(days=31)))


def test_only_a_supervisor_issues_and_revokes(store: Store) -> None:
    issued(store)
    for role in (UserRole.OPERATOR, UserRole.AUDITOR, UserRole.FEEDER):
        with store.writing() as session:
            with pytest.raises(NotAllowed):
                issue_token(session, Actor("li", role), replace(WANG, name="li"), NOW)
            with pytest.raises(NotAllowed):
                revoke_token(session, Actor("li", role), "wang", NOW)
    with store.reading() as session:
        assert list(tokens(session)) == ["wang"]


def test_what_was_issued_and_revoked_is_logged_without_the_token(store: Store) -> None:
    token = issued(store)
    with store.writing() as session:
        revoke_token(session, HEAD, "wang", NOW)
    with store.reading() as session:
        lines = [(line.who, line.act, line.fields) for line in access_log(session)]
        stored = session.execute(text("SELECT * FROM token")).all()
    assert lines == [
        ("zhao", "token_issued", ["wang", "operator"]),
        ("zhao", "token_revoked", ["wang"]),
    ]
    assert token not in repr(stored)
    assert token.encode() not in b"".join(bytes(v) for row in stored for v in row if _raw(v))


def _raw(value: object) -> bool:
    return isinstance(value, bytes | memoryview)


@pytest.mark.parametrize(
    ("name", "unit", "why"),
    [
        ("", None, "characters"),
        (" wang", None, "characters"),
        ("wa\x1b[31mng", None, "characters"),
        ("wang\nzhao", None, "characters"),
        ("w" * 65, None, "characters"),
        ("wang", "没有这个局", "no unit 没有这个局"),
    ],
)
def test_a_token_that_cannot_be_meant_is_refused(
    store: Store, name: str, unit: str | None, why: str
) -> None:
    with pytest.raises(InvalidToken, match=why):
        issued(store, replace(WANG, name=name, unit=unit))


def test_a_unit_is_kept_under_its_full_name(store: Store) -> None:
    token = issued(store, replace(WANG, role=UserRole.FEEDER, unit="城管局"))
    with store.reading() as session:
        assert find_token(session, token, NOW).unit == "城市管理和综合执法局"


@pytest.mark.parametrize(
    "change",
    [
        {"role": "supervisor"},
        {"name": "zhao"},
        {"expires_at": None},
        {"revoked_at": None},
        {"speaks": ["city", "units", "desk"]},
        {"unit": None},
        {"digest": digest_of("mine")},
        {"role": "emperor"},
        {"speaks": ["emperor"]},
    ],
)
def test_a_row_written_from_outside_opens_nothing(store: Store, change: Mapping[str, Any]) -> None:
    """Whoever writes to the database without a key gives nobody a token or another role."""
    wanted = replace(WANG, unit="城市管理和综合执法局")
    token = issued(store, wanted)
    with store.writing() as session:
        if "revoked_at" in change:
            revoke_token(session, HEAD, "wang", NOW)
        session.execute(update(TOKEN).values(change))
    with store.reading() as session:
        for offered in (token, "mine"):
            with pytest.raises(TokenRefused, match="nobody"):
                actor_for_token(session, offered, NOW)
        assert list(tokens(session).values()) == [None]


def test_the_last_use_is_noted_to_the_minute(store: Store) -> None:
    token = issued(store)

    def noted() -> object:
        with store.reading() as session:
            holder = tokens(session)["wang"]
            assert holder is not None
            return holder.last_used_at

    assert noted() is None
    assert use_token(store, token, NOW).actor == Actor("wang", UserRole.OPERATOR)
    assert noted() == NOW
    use_token(store, token, NOW + timedelta(seconds=59))
    assert noted() == NOW
    use_token(store, token, NOW + timedelta(seconds=60))
    assert noted() == NOW + timedelta(seconds=60)
    with pytest.raises(TokenRefused):
        use_token(store, "typed", NOW + timedelta(hours=1))
    assert noted() == NOW + timedelta(seconds=60)


def test_tokens_of_a_roles_file_are_carried_over_once(store: Store) -> None:
    of_file = {"gateway": (digest_of("known").hex(), UserRole.FEEDER)}
    with store.writing() as session:
        carry_over_tokens(session, of_file, NOW)
        assert actor_for_token(session, "known", NOW) == Actor("gateway", UserRole.FEEDER)
        revoke_token(session, HEAD, "gateway", NOW)
        carry_over_tokens(session, of_file, NOW)
        with pytest.raises(TokenRefused):
            actor_for_token(session, "known", NOW)


def test_a_token_is_issued_listed_and_revoked_by_commands(hotline: InProcessHotline) -> None:
    issued = hotline(
        "tokens", "issue", "王小燕", "--role", "operator", "--expires", "30",
        "--speaks", "desk,city", "--unit", "城管局",
    )  # fmt: skip
    assert len(issued.stdout.strip()) == 43
    assert issued.stderr == ""
    (listed,) = hotline.lines("tokens", "list")
    assert listed["name"] == "王小燕"
    assert (listed["role"], listed["speaks"], listed["unit"], listed["valid"]) == (
        "operator",
        ["city", "desk"],
        "城市管理和综合执法局",
        True,
    )
    assert listed["expires_at"][10:] == listed["issued_at"][10:]
    line = hotline("tokens", "list").stdout
    assert "王小燕  operator  city hotline, district desk  城市管理和综合执法局  until " in line
    assert line.endswith("  never\n")
    hotline("tokens", "revoke", "王小燕")
    assert hotline.lines("tokens", "list")[0]["valid"] is False
    assert "revoked" in hotline("tokens", "list").stdout
    accesses = hotline("access").stdout.splitlines()
    assert ["token issued" in a for a in accesses[1:]] == [True, False]
    assert "token revoked" in accesses[2]
    error = hotline("tokens", "issue", "li", "--role", "emperor", code=2).stderr
    assert "one of: operator, supervisor, auditor, feeder" in error
    typed = ("tokens", "issue", "li", "--role", "feeder", "--speaks", "city,me")
    assert "me: one of: city, units, desk" in hotline(*typed, code=2).stderr


def test_an_upgrade_carries_the_tokens_of_the_roles_file_over(
    hotline: InProcessHotline, store_url: str
) -> None:
    """Nobody is locked out; and a file of a home that is named later brings no tokens."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    file = f'[users]\n{me} = "supervisor"\n' + "".join(
        f'[tokens.{name}]\nrole = "feeder"\nsha256 = "{digest_of(name).hex()}"\n'
        for name in ("gateway", "second")
    )
    store = Store(store_url, load_cipher(hotline.home / "hotline.key"))
    upgrade(store)
    command.downgrade(config_of(store), "0016")
    store.close()
    (hotline.home / "roles.toml").write_text(file)
    hotline("db", "upgrade")
    assert [t["name"] for t in hotline.lines("tokens", "list")] == ["gateway", "second"]
    later = file.replace("second", "third")
    (hotline.home / "roles.toml").write_text(later)
    assert [t["name"] for t in hotline.lines("tokens", "list")] == ["gateway", "second"]
    store = Store(store_url, load_cipher(hotline.home / "hotline.key"))
    upgrade(store)
    with store.reading() as session:
        assert actor_for_token(session, "gateway", NOW) == Actor("gateway", UserRole.FEEDER)
    store.close()


def test_the_doctor_names_tokens_that_end_soon_or_are_forged(
    hotline: InProcessHotline, store_url: str
) -> None:
    for name, days in (("wang", "13"), ("li", "30"), ("zhou", "30")):
        hotline("tokens", "issue", name, "--role", "operator", "--expires", days)

    def checked() -> dict[str, tuple[str, str]]:
        results = json.loads(hotline("doctor", "--json", code=1).stdout)
        of_tokens = [result for result in results if result["check"] == "tokens"]
        return {result["state"]: (result["told"], result["advice"]) for result in of_tokens}

    assert list(checked()) == ["note"]
    assert "within 14 days: wang" in checked()["note"][0]
    store = Store(store_url, load_cipher(hotline.home / "hotline.key"))
    with store.writing() as session:
        session.execute(update(TOKEN).where(TOKEN.c.name == "li").values(role="supervisor"))
    store.close()
    assert "not issued: li" in checked()["wrong"][0]


def test_a_token_may_lie_in_a_file(hotline: InProcessHotline, tmp_path: Path) -> None:
    """In the environment it could be read by whoever reads that, as `ps e` does."""
    file = tmp_path / "token"
    file.write_text(hotline("tokens", "issue", "li", "--role", "auditor").stdout)
    assert "token issued" in hotline("access", TOKEN_FILE=str(file)).stdout
    denied = hotline("tokens", "list", code=1, TOKEN_FILE=str(file)).stderr
    assert "li (auditor) may not" in denied
    missing = hotline("access", code=1, TOKEN_FILE=str(tmp_path / "none")).stderr
    assert "HOTLINE_TOKEN_FILE=" in missing
