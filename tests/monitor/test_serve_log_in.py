"""Logging in to the served monitor: by one's own token, for a time, from our own page."""

import asyncio
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path

import aiohttp
import psycopg
import pytest
from sqlalchemy import make_url

from models.clock import system_clock
from models.database import Store
from models.operations.tokens import revoke_token
from models.queries.tokens import tokens
from models.rules.limits import (
    LOG_IN_TRIES,
    SESSION_IDLE,
    SESSION_TIME,
    SESSIONS_OF_PERSON,
)
from monitor.serve.server import COOKIE
from tests.monitor.serving import (
    HEAD,
    Clock,
    closed,
    issued,
    log_in,
    logged,
    logged_in,
    received,
    served,
    tab,
    visitor,
)
from tests.servers.postgres import Databases

pytestmark = pytest.mark.store(databases=["sqlite"])


def set_cookie(reply: aiohttp.ClientResponse) -> str:
    """The header that sets the cookie of a session."""
    (header,) = reply.headers.getall("Set-Cookie")
    return header


async def status(session: aiohttp.ClientSession, url: str, **headers: str) -> int:
    """The status of the answer to a request."""
    async with session.get(url, headers=headers, allow_redirects=False) as reply:
        await reply.read()
        return reply.status


@pytest.mark.store
async def test_a_person_logs_in_opens_a_tab_and_logs_out(store: Store, tmp_path: Path) -> None:
    """What the tab's process has is the token of whoever logged in."""
    token = issued(store, "王小燕")
    async with served(store, tmp_path) as url, visitor() as browser:
        async with browser.get(f"{url}/") as page:
            assert page.status == 200
            assert 'type="password"' in await page.text()
        for closed_path in ("/ws", "/static/js/textual.js", "/static/css/xterm.css", "/nothing"):
            assert await status(browser, url + closed_path) == 403
        reply = await log_in(browser, url, token)
        assert (reply.status, reply.headers["Location"]) == (303, "./")
        assert token not in set_cookie(reply)
        async with browser.get(f"{url}/") as page:
            text = await page.text()
            assert "王小燕" in text and "退出登录" in text
            assert token not in text
        assert await status(browser, f"{url}/static/js/textual.js") == 200
        assert await status(browser, f"{url}/static/") == 403
        assert await status(browser, f"{url}/nothing") == 404
        async with tab(browser, url) as socket:
            assert (await received(socket))["token"] == token
            async with browser.post(f"{url}/logout", allow_redirects=False) as reply:
                assert (reply.status, reply.headers["Location"]) == (303, "./")
            await closed(socket)
        assert await status(browser, f"{url}/ws") == 403
    with store.reading() as session:
        holder = tokens(session)["王小燕"]
    assert holder is not None and holder.last_used_at is not None
    assert logged(store)[1:] == [
        ("王小燕", "log_in", ("127.0.0.1",)),
        ("王小燕", "log_out", ("127.0.0.1",)),
    ]


async def test_pages_that_only_forms_have_lead_to_the_form(store: Store, tmp_path: Path) -> None:
    """After an address was typed or loaded again, and after the session has ended by itself."""
    async with served(store, tmp_path) as url, visitor() as browser:
        for path in ("/login", "/logout"):
            async with browser.get(url + path, allow_redirects=False) as reply:
                assert (reply.status, reply.headers["Location"]) == (303, "./")
        async with browser.post(f"{url}/logout", allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (303, "./")
    assert [line for line in logged(store) if line[1] == "log_out"] == []


@pytest.mark.store(databases=["postgresql"])
async def test_an_outage_of_the_store_ends_no_session(
    store: Store, tmp_path: Path, postgres_server: Databases
) -> None:
    """Nobody new gets in, whoever is in stays, and afterwards all is as it was."""
    token, other = issued(store), issued(store, "li")
    name = make_url(store.url).database
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as admin:
        async with (
            served(store, tmp_path) as url,
            logged_in(url, token) as browser,
            tab(browser, url) as socket,
            visitor() as newcomer,
        ):
            await received(socket)
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            async with newcomer.post(f"{url}/login", data={"token": other}) as reply:
                assert reply.status == 503
                assert "数据库" in await reply.text()
            # longer than between two checks
            await asyncio.sleep(3)
            await socket.send_json(["stdin", "a"])
            assert await received(socket) == "a"
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            assert (await log_in(newcomer, url, other)).status == 303
            with store.writing() as session:
                revoke_token(session, HEAD, "wang", system_clock())
            await closed(socket)


@pytest.mark.store
async def test_a_token_that_is_none_has_ended_or_was_revoked_opens_nothing(
    store: Store, tmp_path: Path
) -> None:
    """They all get the same answer; the access log has one line for many, without the tokens."""
    revoked, whole = issued(store, "li"), issued(store, "wang")
    ended = issued(store, "zhou", days=0)
    with store.writing() as session:
        revoke_token(session, HEAD, "li", system_clock())
    clock, answers = Clock(), set()
    async with served(store, tmp_path, clock=clock) as url, visitor() as browser:
        for token in (revoked, ended, "wrong", whole[:-1], ""):
            async with browser.post(f"{url}/login", data={"token": token}) as reply:
                assert reply.status == 403
                assert "Set-Cookie" not in reply.headers
                answers.add((await reply.text()).split("<form")[1])
        assert len(answers) == 1
        failures = [line for line in logged(store) if line[1] == "log_in_failed"]
        assert failures == [("127.0.0.1", "log_in_failed", ("1",))]
        clock.forward += 61
        await log_in(browser, url, "wrong")
        assert logged(store)[-1] == ("127.0.0.1", "log_in_failed", ("5",))
        await log_in(browser, url, "wrong")
    # what was counted last is written when the server stops
    assert logged(store)[-1] == ("127.0.0.1", "log_in_failed", ("1",))
    assert not {revoked, ended, "wrong"} & {f for _w, _a, fields in logged(store) for f in fields}


async def test_guesses_have_to_wait_and_others_need_not(store: Store, tmp_path: Path) -> None:
    clock, token = Clock(), issued(store)
    async with served(store, tmp_path, clock=clock, public="https://h.example") as url:
        async with visitor(**{"X-Forwarded-For": "10.9.9.9, 192.0.2.7"}) as guesser:
            for _n in range(LOG_IN_TRIES):
                assert (await log_in(guesser, url, "guess")).status == 403
            reply = await log_in(guesser, url, "guess")
            assert reply.status == 429
            assert 30 < int(reply.headers["Retry-After"]) <= 60
            # who has a token need not wait for what others at his address do
            assert (await log_in(guesser, url, token)).status == 303
            # another address before it is only what the visitor says of himself
            moved = {"X-Forwarded-For": "10.1.1.1, 192.0.2.7"}
            assert (await log_in(guesser, url, "guess", **moved)).status == 429
            clock.forward += 61
            assert (await log_in(guesser, url, "guess")).status == 403
            assert (await log_in(guesser, url, "guess")).status == 429
        async with visitor(**{"X-Forwarded-For": "192.0.2.8"}) as other:
            assert (await log_in(other, url, token)).status == 303
    assert ("wang", "log_in", ("192.0.2.8",)) in logged(store)


async def test_whoever_has_a_token_does_not_fill_the_log_with_it(
    store: Store, tmp_path: Path
) -> None:
    token = issued(store)
    async with served(store, tmp_path) as url, visitor() as browser:
        answers = [(await log_in(browser, url, token)).status for _n in range(LOG_IN_TRIES + 3)]
        assert answers == [303] * LOG_IN_TRIES + [429] * 3
        async with logged_in(url, issued(store, "li")):
            pass
    assert [act for _who, act, _fields in logged(store)].count("log_in") == LOG_IN_TRIES + 1


async def test_nobody_says_himself_where_he_comes_from(store: Store, tmp_path: Path) -> None:
    """Without a proxy the header is the visitor's own."""
    token = issued(store)
    async with (
        served(store, tmp_path) as url,
        logged_in(url, token, **{"X-Forwarded-For": "192.0.2.7"}),
    ):
        assert ("wang", "log_in", ("127.0.0.1",)) in logged(store)


async def test_a_cookie_is_made_by_the_server_alone(store: Store, tmp_path: Path) -> None:
    """Session fixation: a cookie that was there before does not become a session."""
    token = issued(store)
    async with served(store, tmp_path) as url:
        async with visitor(Cookie=f"{COOKIE}=planted") as victim:
            reply = await log_in(victim, url, token)
            first = SimpleCookie(set_cookie(reply))[COOKIE].value
            assert first != "planted"
        async with visitor(Cookie=f"{COOKIE}=planted") as attacker:
            assert await status(attacker, f"{url}/ws") == 403
        # logging in again makes a new one, and ends the one before
        async with visitor(Cookie=f"{COOKIE}={first}") as again:
            second = SimpleCookie(set_cookie(await log_in(again, url, token)))[COOKIE].value
            assert second not in ("planted", first)
        async with visitor(Cookie=f"{COOKIE}={first}") as former:
            assert await status(former, f"{url}/ws") == 403


@pytest.mark.parametrize(
    ("public", "origin", "secure"),
    [
        ("", None, False),
        ("https://h.example", None, True),
        ("https://h.example", "https://h.example", True),
        ("https://h.example", "http://localhost:9000", False),
    ],
)
async def test_what_the_cookie_says(
    store: Store, tmp_path: Path, public: str, origin: str | None, secure: bool
) -> None:
    """Secure behind https; a tunnel that leads past the proxy has none."""
    host = origin.partition("//")[2] if origin else "h.example"
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    async with served(store, tmp_path, public=public) as url, visitor() as browser:
        header = set_cookie(await log_in(browser, url, issued(store), **headers))
    assert "HttpOnly" in header and "SameSite=Strict" in header
    assert ("Secure" in header) == secure
    # it ends with the browser, and is for the folder that the visitor sees
    assert "Path" not in header and "Max-Age" not in header and "Domain" not in header


@pytest.mark.parametrize(
    ("how", "board", "ends"),
    [
        (lambda clock: clock.__setattr__("forward", SESSION_IDLE.total_seconds() + 1), False, True),
        (lambda clock: clock.__setattr__("forward", SESSION_IDLE.total_seconds() + 1), True, False),
        (lambda clock: clock.__setattr__("forward", SESSION_TIME.total_seconds() + 1), True, True),
    ],
    ids=["idle", "wallboard", "working day"],
)
async def test_a_session_ends_by_itself(
    store: Store, tmp_path: Path, how: Callable[[Clock], None], board: bool, ends: bool
) -> None:
    clock = Clock()
    async with (
        served(store, tmp_path, clock=clock, board=board) as url,
        logged_in(url, issued(store)) as browser,
        tab(browser, url) as socket,
    ):
        await received(socket)
        how(clock)
        if ends:
            await closed(socket)
            async with asyncio.timeout(20):
                while logged(store)[-1][1] != "log_out":
                    await asyncio.sleep(0.05)
        else:
            await socket.send_json(["stdin", "a"])
            assert await received(socket) == "a"
        assert await status(browser, f"{url}/static/js/textual.js") == (403 if ends else 200)


async def test_whoever_types_is_not_idle(store: Store, tmp_path: Path) -> None:
    clock = Clock()
    async with (
        served(store, tmp_path, clock=clock) as url,
        logged_in(url, issued(store)) as browser,
        tab(browser, url) as socket,
    ):
        await received(socket)
        for _hour in range(3):
            clock.forward += SESSION_IDLE.total_seconds() - 30
            await socket.send_json(["stdin", "a"])
            assert await received(socket) == "a"


@pytest.mark.store
async def test_a_revoked_token_ends_its_open_tabs(store: Store, tmp_path: Path) -> None:
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store, "li")) as other,
        logged_in(url, issued(store)) as browser,
        tab(browser, url) as socket,
        tab(other, url) as untouched,
    ):
        await received(socket)
        await received(untouched)
        with store.writing() as session:
            revoke_token(session, HEAD, "wang", system_clock())
        await closed(socket)
        assert await status(browser, f"{url}/ws") == 403
        await untouched.send_json(["stdin", "a"])
        assert await received(untouched) == "a"


async def test_a_second_log_in_is_its_own_and_too_many_end_the_oldest(
    store: Store, tmp_path: Path
) -> None:
    token = issued(store)
    async with served(store, tmp_path) as url, logged_in(url, token) as first:
        async with logged_in(url, token) as second:
            async with second.post(f"{url}/logout", allow_redirects=False) as reply:
                assert reply.status == 303
            assert await status(first, f"{url}/static/js/textual.js") == 200
            for _n in range(SESSIONS_OF_PERSON):
                await log_in(second, url, token)
                second.cookie_jar.clear()
        async with asyncio.timeout(20):
            while await status(first, f"{url}/static/js/textual.js") == 200:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("public", "host", "origin", "allowed"),
    [
        ("", None, None, True),
        ("", None, "http://evil.example", False),
        ("", None, "null", False),
        ("", None, "", False),
        # an SSH tunnel from another port, and another name of this machine
        ("", "localhost:9000", "http://localhost:9000", True),
        ("", "localhost:9000", "http://localhost:9001", False),
        ("", "10.1.2.3:8012", "http://10.1.2.3:8012", True),
        ("", "[::1]:8012", "http://[::1]:8012", True),
        ("https://h.example/path", "localhost:9000", "http://localhost:9000", True),
        # a proxy that keeps the Host header, and one that does not
        ("https://h.example/path", "h.example", "https://h.example", True),
        ("https://h.example/path", "127.0.0.1:8012", "https://h.example", True),
        ("https://h.example/path", "127.0.0.1:8012", "https://evil.example", False),
        ("https://h.example:443", "h.example:443", "https://h.example", True),
        ("https://H.Example/Path", "H.EXAMPLE", "https://h.example", True),
        ("https://h.example", "h.example", "https://h.example:443", True),
        ("https://热线.example", "xn--yfr574f.example", "https://xn--yfr574f.example", True),
        ("http://h.example:80/", "h.example", "http://h.example", True),
        # whoever is on the network can be an http page of the same name
        ("https://h.example", "h.example", "http://h.example", False),
        ("https://h.example", "h.example:80", "http://h.example", False),
        ("https://h.example", "h.example", "https://h.example:8443", False),
        ("https://h.example", "h.example", "https://h.example.evil.example", False),
        ("https://h.example", "h.example", "https://h.example@evil.example", False),
        ("https://h.example", "h.example", "https://h.example:99999999", False),
    ],
)
async def test_only_our_own_page_logs_in_and_opens_tabs(
    store: Store, tmp_path: Path, public: str, host: str | None, origin: str | None, allowed: bool
) -> None:
    """By whatever address it was reached; another site's page may do neither."""
    token = issued(store)
    headers = {k: v for k, v in (("Host", host), ("Origin", origin)) if v is not None}
    async with served(store, tmp_path, public=public) as url, visitor() as browser:
        reply = await log_in(browser, url, token, **headers)
        assert reply.status == (303 if allowed else 403)
        if not allowed:
            cookie = SimpleCookie(set_cookie(await log_in(browser, url, token)))[COOKIE].value
        else:
            cookie = SimpleCookie(set_cookie(reply))[COOKIE].value
        asked = aiohttp.ClientSession(headers={**headers, "Cookie": f"{COOKIE}={cookie}"})
        async with asked as session:
            if allowed:
                async with session.ws_connect(f"{url}/ws") as socket:
                    assert await received(socket)
            else:
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await session.ws_connect(f"{url}/ws")
            async with session.post(f"{url}/logout", allow_redirects=False) as out:
                assert out.status == (303 if allowed else 403)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_of_another_site_without_an_origin(
    store: Store, tmp_path: Path, site: str
) -> None:
    async with served(store, tmp_path) as url, visitor() as browser:
        headers = {"Sec-Fetch-Site": site}
        assert (await log_in(browser, url, issued(store), **headers)).status == 403


async def test_a_link_from_another_site_leads_to_the_monitor(store: Store, tmp_path: Path) -> None:
    """A browser sends no strict cookie the first time: the page loads itself once more."""
    async with served(store, tmp_path) as url, visitor() as browser:
        async with browser.get(f"{url}/", headers={"Sec-Fetch-Site": "cross-site"}) as reply:
            assert 'http-equiv="refresh"' in await reply.text()
        async with browser.get(f"{url}/", headers={"Sec-Fetch-Site": "same-origin"}) as reply:
            assert "<form" in await reply.text()


@pytest.mark.parametrize("kept", [True, False], ids=["folder kept", "folder taken away"])
async def test_behind_a_proxy_with_a_path(store: Store, tmp_path: Path, kept: bool) -> None:
    """Every address is relative, so that it does not matter what a proxy does with the path."""
    folder = "/desk/12345" if kept else ""
    async with served(store, tmp_path, public="https://h.example/desk/12345/") as url:
        async with visitor() as browser:
            if kept:
                async with browser.get(url + folder, allow_redirects=False) as reply:
                    assert (reply.status, reply.headers["Location"]) == (303, "12345/")
            async with browser.get(f"{url}{folder}/") as reply:
                assert 'action="login"' in await reply.text()
            cookie = set_cookie(await log_in(browser, url + folder, issued(store)))
        async with visitor(Cookie=cookie.partition(";")[0]) as browser:
            async with browser.get(f"{url}{folder}/") as reply:
                text = await reply.text()
                assert 'href="static/' in text and 'action="logout"' in text
                assert "h.example" not in text
            assert await status(browser, f"{url}{folder}/static/js/textual.js") == 200
            async with tab(browser, url + folder) as socket:
                assert await received(socket)


@pytest.mark.parametrize(
    ("accepted", "language", "expected"),
    [
        (None, "zh", "请先登录"),
        (None, "en", "Log in first"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "zh", "Log in first"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "en", "请先登录"),
        ("de,fr;q=0.9", "zh", "请先登录"),
        ("de, en;q=0.1, zh;q=0", "zh", "Log in first"),
        ("en;q=x, zh", "en", "请先登录"),
        (";;,=,q", "en", "Log in first"),
        ("*", "zh", "请先登录"),
    ],
)
async def test_refusals_are_in_the_language_of_the_visitor(
    store: Store, tmp_path: Path, accepted: str | None, language: str, expected: str
) -> None:
    headers = {"Accept-Language": accepted} if accepted is not None else {}
    async with (
        served(store, tmp_path, language=language) as url,
        visitor(**headers) as browser,
        browser.get(f"{url}/ws") as reply,
    ):
        assert expected in await reply.text()


async def test_a_refusal_that_is_shown_is_a_page(store: Store, tmp_path: Path) -> None:
    """A person sees the page of the log-in with the reason; what a page loads gets the text."""
    headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "zh"}
    async with served(store, tmp_path) as url, visitor(**headers) as browser:
        answers = [browser.get(f"{url}/nowhere")]
        other = {"Origin": "https://other.example"}
        answers.append(browser.post(f"{url}/login", data={"token": "x"}, headers=other))
        for answer, why in zip(answers, ("请先登录", "该请求来自其他网站"), strict=True):
            async with answer as reply:
                assert (reply.status, reply.content_type) == (403, "text/html")
                text = await reply.text()
                assert f'role="alert">{why}' in text
                assert "<form" not in text


async def test_pages_load_nothing_from_elsewhere_and_are_framed_by_nobody(
    store: Store, tmp_path: Path
) -> None:
    async with served(store, tmp_path) as url, visitor() as browser:
        async with browser.get(f"{url}/") as reply:
            policy = reply.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
            assert "//" not in (await reply.text()).replace("<!DOCTYPE html>", "")
            # not "no-referrer": the form would have the origin "null"
            assert reply.headers["Referrer-Policy"] == "same-origin"
            assert reply.headers["Cache-Control"] == "no-store"
        await log_in(browser, url, issued(store))
        async with browser.get(f"{url}/?fontsize=<script>") as reply:
            policy = reply.headers["Content-Security-Policy"]
            (scripts,) = [p for p in policy.split("; ") if p.startswith("script-src")]
            assert "unsafe" not in scripts
            assert "<script>" not in await reply.text()


async def test_a_name_is_no_part_of_the_page(store: Store, tmp_path: Path) -> None:
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store, "<b>x</b>")) as browser,
        browser.get(f"{url}/") as reply,
    ):
        assert "&lt;b&gt;x" in await reply.text()
