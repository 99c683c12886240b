"""Ids of messages hold no digest that a guess could be tried on, and known letters stay known."""

import json
import lzma
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from models.bulk import update_rows
from models.clock import system_clock
from models.database import Store
from models.migrations import upgrade
from models.operations import old_ids
from models.operations.inbox import add_messages
from models.operations.store_secret import renew_secret
from models.queries.failures import refused_message
from models.queries.message_answers import message_answers
from models.queries.verification import verify
from models.rules.calendar import SHANGHAI
from models.rules.messages import Envelope, read_envelope
from models.tables.core import INBOX, SALT
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.pipeline import FeedCounts, IngestPipeline
from tests.feeds.feed_files import delimited, lines
from tests.store.factories import advance_tickets, at, restored

KEPT = Path(__file__).parents[1] / "store" / "kept" / "0.1.0"
KEYED = 'key = ["标题"]\n'
MAPPING = """
name = "city"
headers = ["编号", "时间", "内容"]
dates = ["%Y-%m-%d %H:%M:%S"]
zone = "Asia/Shanghai"

[columns]
ticket = "编号"
at = "时间"
title = "标题"
content = "内容"
"claimant.name" = "诉求人"
"claimant.phone" = "电话"
unit = "单位"

[constants]
category = "complaint"

[[later]]
name = "replied"
type = "result.submitted"
at = "答复时间"
columns = { facts = "答复" }
constants = { measures = "见", remedies = "见", basis = "见", disposal = "ordinary" }
"""
COLUMNS = ("编号", "时间", "标题", "内容", "诉求人", "电话", "单位", "答复时间", "答复")
NOW = system_clock()
LONG_AGO, LATER = (f"{NOW.astimezone(SHANGHAI) - timedelta(hours=n):%F %T}" for n in (30, 20))
USUAL = dict(zip(COLUMNS, ("C1", LONG_AGO, "路灯不亮", "巷口的路灯坏了两周。", "某女士",
                           "13800001111", "城管局", LATER, "已修好。"), strict=True))  # fmt: skip
ANOTHER_TEXT = {"内容": "巷口的路灯坏了三周。", "电话": "13900002222"}
STRANGER = {"编号": "C2", "诉求人": "某先生", "电话": "13900003333", "内容": "井盖丢了。"}
WITHOUT_ID = {
    "type": "ticket.received",
    "ticket": "J1",
    "at": at("2026-11-02T09:00").isoformat(),
    "category": "complaint",
    "title": "路灯不亮",
}
OF_TWO = {
    "type": "progress.reported",
    "ticket": ["C1", "J1"],
    "at": at("2026-11-03T09:00").isoformat(),
    "unit": "城管局",
    "text": "正在处理",
}
OWN = {
    "0b7f4a52-6a1e-4d0f-9b0c-0123456789ab",
    "0b7f4a526a1e4d0f9b0c0123456789ab",
    "O1-0123456789ab",
    "O1#0123456789ab",
}
"""Ids that a source has given itself."""
_DIGEST = re.compile("#[0-9a-f]{12}|^[0-9a-f]{32}")

Take = Callable[[], list[FeedCounts]]


class Feeder:
    """Feeds files of each kind, all of them again and again."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder

    def rows(self, *rows: dict[str, str], mapping: str = MAPPING) -> FeedCounts:
        """Feed rows of a table, each given by what is unusual in it."""
        file = self._folder / "city.toml"
        file.write_text(mapping, encoding="utf-8")
        table = [list((USUAL | row).values()) for row in rows]
        content = delimited([list(COLUMNS), *table])
        return self._take("feed.csv", content.encode(), FeedOptions(mapping=file))

    def messages(self) -> FeedCounts:
        """Feed messages without an id, about one ticket and about two, and some with their own."""
        source_bodies = [
            WITHOUT_ID | {"id": i, "ticket": f"O{n}"} for n, i in enumerate(sorted(OWN))
        ]
        content = lines(WITHOUT_ID, OF_TWO, *source_bodies)
        return self._take("feed.jsonl", content, FeedOptions(source="city"))

    def _take(self, name: str, content: bytes, options: FeedOptions) -> FeedCounts:
        path = self._folder / name
        path.write_bytes(content)
        pipeline = IngestPipeline(self._store, self._folder / "refused.jsonl")
        pipeline.take(list(read_feed(path, options)))
        return pipeline.counts

    def all_again(self) -> None:
        """Feed all again, as it is by now; nothing of it is new."""
        before = rows_of(self._store)
        assert self.rows(ANOTHER_TEXT | {"单位": "住建局"}) == FeedCounts(1, 0, 1, 0)
        assert self.rows(STRANGER) == FeedCounts(1, 0, 0, 1)
        assert self.rows({"编号": "K1"}, mapping=KEYED + MAPPING) == FeedCounts(1, 0, 1, 0)
        assert self.messages() == FeedCounts(6, 0, 7, 0)
        assert rows_of(self._store) == before


@pytest.fixture
def feeder(store: Store, tmp_path: Path) -> Feeder:
    """A feeder whose letters are in: edited, edited back, and once more."""
    feeder = Feeder(store, tmp_path)
    for cells in ({}, ANOTHER_TEXT, {}, ANOTHER_TEXT):
        assert feeder.rows(cells) == FeedCounts(1, 1, 0, 0)
    advance_tickets(store, ["C1"], system_clock())
    assert feeder.rows(ANOTHER_TEXT | {"单位": "住建局"}) == FeedCounts(1, 1, 0, 0)
    assert feeder.rows({"编号": "C2"}) == FeedCounts(1, 1, 0, 0)
    assert feeder.rows(STRANGER) == FeedCounts(1, 0, 0, 1)
    assert feeder.rows({"编号": "K1"}, mapping=KEYED + MAPPING) == FeedCounts(1, 1, 0, 0)
    assert feeder.messages() == FeedCounts(6, 7, 0, 0)
    return feeder


def rows_of(store: Store) -> list[tuple[int, str]]:
    with store.reading() as session:
        rows = session.execute(select(INBOX.c.id, INBOX.c.message_id).order_by(INBOX.c.id))
        return [(row.id, row.message_id) for row in rows]


def ids_of(store: Store) -> set[str]:
    return {message_id for _id, message_id in rows_of(store)}


def unkeyed(store: Store) -> list[str]:
    """Make the ids what the release before has made; returns those that hold digests."""
    digests = []
    with store.writing() as session:
        rows = session.execute(select(INBOX).order_by(INBOX.c.id)).all()
        for row in rows:
            body: dict[str, Any] = session.decrypt(INBOX.c.body, row)
            envelope = read_envelope(body)
            assert isinstance(envelope, Envelope)
            if envelope.id == row.message_id:
                continue
            digests.append(envelope.id)
            place = {**row._mapping, "message_id": envelope.id}
            encrypted = session.encrypt(INBOX.c.body, body, place)
            changed = update(INBOX).where(INBOX.c.id == row.id)
            session.execute(changed.values(message_id=envelope.id, body=encrypted))
        renew_secret(session, form=3)
    return digests


def test_no_id_holds_a_digest_of_its_letter(store: Store, feeder: Feeder) -> None:
    """Each kind of id that is made here is among them; those of sources stay as they are."""
    ids = ids_of(store)
    assert ids >= OWN
    assert {i for i in ids - OWN if _DIGEST.search(i)} == set()
    digests = unkeyed(store)
    assert ids.isdisjoint(digests)
    kinds = ("#replied#", "#changed#", "#amended#", "#unit#", "#another#")
    assert all(any(kind in i for i in digests) for kind in kinds)
    assert any(re.fullmatch("[0-9a-f]{32}", i) for i in digests)
    assert {i[32:] for i in digests if re.match("[0-9a-f]{32}-", i)} == {"-C1", "-J1"}
    assert len([i for i in digests if i.startswith("C1#changed#")]) == 3
    assert all(_DIGEST.search(i) for i in digests)


def test_known_letters_stay_known(store: Store, feeder: Feeder) -> None:
    """Before their ids are keyed, and after; then an edit that is taken back is still one."""
    ids = rows_of(store)
    feeder.all_again()
    unkeyed(store)
    feeder.all_again()
    upgrade(store)
    assert rows_of(store) == ids
    feeder.all_again()
    upgrade(store)
    assert rows_of(store) == ids
    assert verify(store).findings == []
    for cells in ({}, ANOTHER_TEXT):
        assert feeder.rows(cells | {"单位": "住建局"}) == FeedCounts(1, 1, 0, 0)
        assert feeder.rows(cells | {"单位": "住建局"}) == FeedCounts(1, 0, 1, 0)
    assert len(ids_of(store)) == len(rows_of(store))


def test_an_interrupted_conversion_goes_on(
    store: Store, feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its batches, too, what is known stays known; no id is keyed twice."""
    ids = rows_of(store)
    digests = set(unkeyed(store))
    batches = []

    def stopped(*args: Any) -> None:
        batches.append(args)
        if len(batches) == 3:
            raise KeyboardInterrupt
        update_rows(*args)

    with monkeypatch.context() as patched:
        patched.setattr("models.operations.batches._SIZE", 2)
        patched.setattr(old_ids, "update_rows", stopped)
        with pytest.raises(KeyboardInterrupt):
            upgrade(store)
    left = ids_of(store) & digests
    assert left and left != digests
    feeder.all_again()
    upgrade(store)
    assert rows_of(store) == ids
    feeder.all_again()


def test_what_cannot_be_read_stays_known(store: Store, feeder: Feeder) -> None:
    """A forged body keeps its id; an erased one needs none to have its id keyed."""
    ids = dict(rows_of(store))
    unkeyed(store)
    with store.writing() as session:
        forged = session.scalars(
            select(INBOX.c.id).where(INBOX.c.ticket == "J1", INBOX.c.type == "ticket.received")
        ).one()
        changed = update(INBOX).where(INBOX.c.id == forged)
        body = session.scalars(select(INBOX.c.body).where(INBOX.c.ticket == "O1")).one()
        session.execute(changed.values(body=body))
        session.execute(delete(SALT).where(SALT.c.ticket == "C1"))
    upgrade(store)
    after = dict(rows_of(store))
    assert {n for n, i in after.items() if i != ids[n] and "C1" not in i} == {forged}
    assert not any(re.search("#[0-9a-f]{12}", i) for i in ids_of(store) - OWN)
    assert feeder.messages().enqueued == 0
    assert dict(rows_of(store)) == after


def test_a_refused_message_is_mended_under_its_own_id(store: Store, feeder: Feeder) -> None:
    """Whoever mends it gets the id that its feed knows, and the answer to it."""
    advance_tickets(store, ["C2"], system_clock())
    with store.writing() as session:
        row = session.execute(select(INBOX).where(INBOX.c.message_id.contains("#another#"))).one()
        session.execute(update(INBOX).where(INBOX.c.id == row.id).values(conflicting=False))
        refused = refused_message(session, row.id)
        assert refused is not None
        assert refused.message_id == refused.body["id"] != row.message_id
        again = {**refused.body, "mended_by": "wang"}
        assert add_messages(session, "city", [again], system_clock()).enqueued == 1
        assert message_answers(session, [("city", refused.message_id)]) == {}
    advance_tickets(store, ["C2"], system_clock())
    with store.reading() as session:
        rows = session.execute(select(INBOX).where(INBOX.c.message_id == row.message_id)).all()
        assert [r.current for r in rows] == [False, True]
        assert message_answers(session, [("city", refused.message_id)]).keys() == {
            ("city", refused.message_id)
        }


def test_a_store_of_the_first_forms_is_keyed_too(store_url: str) -> None:
    """Release 0.1.0 took letters without ids; all that it took stays known."""
    sent: dict[str, dict[str, Any]] = {}
    for line in lzma.decompress((KEPT / "messages.jsonl.xz").read_bytes()).splitlines():
        entry = json.loads(line)
        envelope = read_envelope(entry["message"])
        assert isinstance(envelope, Envelope)
        sent.setdefault(entry["source"], {})[envelope.id] = entry["message"]
    kept = restored(KEPT, store_url)
    try:
        before = ids_of(kept)
        digests = {i for i in before if _DIGEST.search(i)}
        upgrade(kept)
        rows = rows_of(kept)
        assert ids_of(kept).isdisjoint(digests)
        assert len(ids_of(kept)) == len(before)
        with kept.writing() as session:
            for source, messages in sent.items():
                result = add_messages(session, source, list(messages.values()), system_clock())
                assert (result.enqueued, result.refused) == (0, [])
        assert rows_of(kept) == rows
        assert verify(kept).findings == []
        assert digests, "there were some"
    finally:
        kept.close()
