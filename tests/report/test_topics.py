"""The bulletin's tickets by topic: they add up to its total, and what grew most stands first."""

import csv
import io
from random import Random
from typing import Any

import pytest
from openpyxl import load_workbook

from models.database import Store
from models.operations.editions import publish
from models.operations.similar import add_bands, new_bands
from models.operations.topics import replace_topics
from models.queries.bulletin import Bulletin, bulletin
from models.queries.bulletin_dict import bulletin_as_dict
from models.queries.bulletin_topics import first_levels
from models.queries.editions import published_bulletin
from models.queries.figures import Month
from models.rules.policy import BulletinRules
from models.rules.topic_lists import ListedTopic
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from scripts.report.page import bulletin_page
from scripts.report.spreadsheets import bulletin_csv, bulletin_workbook
from scripts.report.terminal_table import bulletin_table
from scripts.screen import Screen
from tests.store.factories import advance_tickets, at, feed, letter, simple_units

NOW = at("2026-12-20T10:00")
OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
_PATHS = ("城乡建设/路灯", "城乡建设/井盖", "环境保护/噪声")
_BURST = "东街水管爆裂，大量自来水流到路面，附近居民家里都停水了，请尽快派人抢修"


def _fill(store: Store) -> None:
    """Many letters of two months about anything, and in November many about one thing."""
    rows = [ListedTopic(n, tuple(p.split("/")), ("", "")) for n, p in enumerate(_PATHS, 2)]
    with store.writing() as session:
        replace_topics(session, rows, "主任", at("2026-09-01T09:00"))
    random = Random(7)
    topics = [*_PATHS, "环境保护", "没有的", None]
    letters: list[dict[str, Any]] = []
    for n in range(60):
        day = f"2026-{random.choice((10, 11))}-{random.randint(1, 30):02}T10:00"
        more = {"unit": random.choice(("城管局", "没有的局"))}
        letters.append(letter(f"R{n}", day, topic=random.choice(topics), **more))
    for n in range(12):
        who = {"name": f"某{n}", "phone": f"139000022{n:02}"}
        text = {"title": "东街水管爆裂", "content": f"{_BURST}。"}
        day = f"2026-11-{n + 5:02}T10:00"
        letters.append(letter(f"W{n}", day, topic="井盖", claimant=who, **text))
    feed(store, letters, NOW)
    numbers = [raw["ticket"] for raw in letters]
    advance_tickets(store, numbers, NOW)
    with store.writing() as session:
        add_bands(session, new_bands(session, at("2026-09-01T00:00"), 1_000).rows)


pytestmark = pytest.mark.store(units=simple_units(), fill=_fill, shared=True)


def _bulletin(store: Store, month: Month = NOVEMBER) -> Bulletin:
    with store.reading() as session:
        return bulletin(session, month, BulletinRules())


@pytest.mark.parametrize("month", [Month(2026, 9), OCTOBER, NOVEMBER], ids=str)
def test_the_topics_add_up_to_the_total(store: Store, month: Month) -> None:
    result = _bulletin(store, month)
    for lines in (result.topics, first_levels(result.topics)):
        assert sum(line.tickets for line in lines) == result.total.count("tickets")
        for place, (_month, _units, total) in enumerate(result.trend[:-1]):
            assert sum(line.before[place] for line in lines) == total.count("tickets")
    if month == NOVEMBER:
        assert result.total.count("tickets") > 20, "there is something to add up"


def test_what_grew_most_comes_first_with_the_letters_behind_it(store: Store) -> None:
    hottest = _bulletin(store).hot[0]
    assert hottest.path == "城乡建设/井盖"
    assert hottest.growth == max(topic.growth for topic in _bulletin(store).hot)
    (group,) = [g for g in hottest.groups if g.claimants > 1]
    assert (group.claimants, set(group.tickets)) == (12, {f"W{n}" for n in range(12)})
    assert _bulletin(store, OCTOBER).hot == (), "no month before has any ticket"


def test_every_format_has_the_topics(store: Store) -> None:
    result = _bulletin(store)
    burst = next(line for line in result.topics if line.path == "城乡建设/井盖")
    cells = [burst.path, str(burst.tickets), str(burst.before[-1])]
    rows = list(csv.reader(io.StringIO(bulletin_csv(result))))
    assert cells in [row[:3] for row in rows]
    page = bulletin_page(result, lambda _figure: ())
    assert "城乡建设" in page
    assert "W11" in page or "W0" in page
    file = io.BytesIO()
    bulletin_workbook(file, result, lambda _figure: ())
    book = load_workbook(file)
    values = [cell.value for sheet in book for row in sheet for cell in row]
    assert {burst.path, "环境保护"} <= set(values)
    screen = Screen()
    bulletin_table(screen, result)
    assert "环境保护" in screen.text
    plain = bulletin_as_dict(result)
    assert sum(line["tickets"] for line in plain["topics"]) == plain["total"]["tickets"]
    assert plain["hot_topics"][0]["path"] == burst.path


def test_an_edition_keeps_its_topics(store: Store) -> None:
    actor = Actor("主任", UserRole.SUPERVISOR)
    with store.writing() as session:
        published = publish(session, actor, OCTOBER, BulletinRules(), NOW)
    with store.reading() as session:
        kept = published_bulletin(session, OCTOBER)
    assert kept is not None
    assert kept.bulletin.topics == published.bulletin.topics == _bulletin(store, OCTOBER).topics
