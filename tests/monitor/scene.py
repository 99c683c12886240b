"""The fixed scene of the tests: a morning of a district, made from messages by the operations.

The screenshots in the README show it too. Every letter is invented.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import select

from models.database import Store
from models.migrations import upgrade
from models.operations.inbox import add_messages
from models.operations.processes import report_process
from models.operations.rulebook import add_policy
from models.operations.samples import record_sample
from models.operations.units import replace_units
from models.queries.queue_depths import SAMPLE_SPAN
from models.rules.calendar import SHANGHAI
from models.rules.routing.directory import load_units
from models.security.encryption import Cipher
from models.tables.core import INBOX
from monitor.app import MonitorApp
from tests.store.factories import advance_step_by_step

NOW = datetime(2026, 10, 15, 10, 42, 6, tzinfo=SHANGHAI)
"""A Thursday morning, a week after the National Day holiday."""

_KEY = bytes(range(32))
_TITLES: tuple[tuple[str, str, str], ...] = (
    ("complaint", "城管局", "夜市烧烤摊凌晨两点还在吵"),
    ("complaint", "城管局", "小区门口垃圾三天没人清运"),
    ("complaint", "达濠街道", "楼道被邻居堆满旧家具"),
    ("help", "供电局", "老街一片接连三晚停电"),
    ("consultation", "人社局", "灵活就业断缴两年如何补缴"),
    ("complaint", "住建局", "新房漏水开发商迟迟不修"),
    ("suggestion", "交通局", "建议达濠往南滨早高峰加一班公交"),
    ("help", "民政局", "独居老人摔伤后无人照料"),
    ("complaint", "市监局", "健身房关门预付卡退不了"),
    ("complaint", "环保局", "海边养殖场半夜偷排污水"),
    ("help", "水务局", "顶楼水压太低烧不了热水"),
    ("consultation", "教育局", "随迁子女初中学位怎么申请"),
    ("complaint", "交警", "学校门口双排停车接送拥堵"),
    ("help", "河浦街道", "田埂边的井盖没了差点掉下去"),
    ("complaint", "城管局", "绿化带被铲了改成停车位"),
    ("suggestion", "文旅局", "建议礐石景区增设夜间照明"),
    ("complaint", "马滘街道", "祠堂翻修占了半条巷"),
    ("consultation", "医保局", "异地住院没备案还能不能报销"),
    ("complaint", "住建局", "工地夜里打桩孩子睡不着"),
    ("help", "广澳街道", "台风后倒下的大榕树压在屋顶"),
    ("complaint", "城管局", "沿街铺面占道摆卖婴儿车过不去"),
    ("complaint", "市监局", "外卖吃出钢丝球店家不认"),
    ("suggestion", "玉新街道", "建议社区活动室周末开放给学生"),
    ("help", "人社局", "装修队干完活四个月没发工资"),
    ("complaint", "滨海街道", "村口鱼塘死鱼发臭"),
    ("consultation", "公安局", "孩子落户改姓要带哪些材料"),
    ("complaint", "环保局", "喷漆房气味飘进小学教室"),
    ("help", "卫健局", "孕期建档医院说没有名额"),
    ("complaint", "交通局", "班车司机边开车边看手机"),
    ("complaint", "城管局", "公厕一个月没有水冲"),
    ("consultation", "自然资源局", "老宅没有房产证怎么补办"),
    ("help", "应急局", "山脚挡土墙裂缝越来越宽"),
    ("complaint", "礐石街道", "文化广场音响每晚放到十一点半"),
)
_NASTY = (
    "[bold]红[/bold][/b]路灯不亮",
    "\x1b[31m请看\x1b]0;owned\x07这里\u202e反过来写",
    "井盖\t丢了\n第二行 🚧 拨13800138000",
    "超长标题" * 40,
)


def screen_text(app: MonitorApp) -> str:
    """Return the text of the screen as it is now."""
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in app.screen._compositor.render_strips()
    )


def make_store(folder: Path) -> Store:
    """Create an empty store with the shipped policy and units."""
    store = Store(f"sqlite:///{folder / 'scene.db'}", Cipher([_KEY]))
    upgrade(store)
    files = resources.files("models") / "policy"
    units = (files / "haojiang-units.toml").read_text(encoding="utf-8")
    with store.writing() as session:
        policy = (files / "haojiang.toml").read_text(encoding="utf-8")
        add_policy(session, policy, "haojiang.toml", NOW)
        replace_units(session, load_units(units, "haojiang-units.toml"), NOW)
    return store


def make_scene(folder: Path) -> Store:
    """Create the store of the scene, as it is at NOW."""
    store = make_store(folder)
    fill_scene(store)
    return store


def fill_scene(store: Store) -> None:
    """Play the scene in this store, and report its processes and samples."""
    play(store, list(messages()), NOW)
    with store.writing() as session:
        for number in range(1, 5):
            _report(store, session, f"worker@desk:{100 + number}", "worker", "emergency")
        _report(store, session, "timekeeper@desk:105", "timekeeper", "")
        for number in range(60):
            # the messages that a worker finished in each five seconds of the last minutes
            dealt = {"intake": number % 7, "contact": number * number % 5, "delivery": number % 4}
            failed = {"delivery": int(number == 30)}
            wall = NOW - SAMPLE_SPAN * (60 - number)
            record_sample(session, "worker@desk:101", dealt, failed, NOW, wall, 1.0)


def play(store: Store, wanted: list[dict[str, Any]], now: datetime) -> None:
    """Add these messages and apply them as of their own moments, up to `now`."""
    with store.writing() as session:
        add_messages(session, "scene", wanted, now)
        waiting = select(INBOX.c.ticket).where(INBOX.c.state == "waiting")
        numbers = session.scalars(waiting).all()
        advance_step_by_step(session, numbers, now)


def received(number: str, at: datetime, title: str, **more: Any) -> dict[str, Any]:
    """Return the message of a new ticket."""
    claimant = {"name": "陈女士", "phone": "13800138000", "contact": "wanted"}
    base = {"id": f"{number}-1", "type": "ticket.received", "ticket": number}
    base |= {"at": at.isoformat(), "category": "complaint", "title": title}
    content = f"{title}。我家住在濠江区达濠街道，电话13800138000，请尽快派人来看看，谢谢。"
    return base | {"content": content, "claimant": claimant} | more


def messages() -> Iterator[dict[str, Any]]:
    """Yield every message of the scene."""
    start = datetime(2026, 9, 25, 9, 10, tzinfo=SHANGHAI)
    for index, (category, unit, title) in enumerate(_TITLES):
        at = start + timedelta(hours=14 * index, minutes=11 * index)
        number = f"{at:%Y%m%d}{index + 1:05}"
        yield received(number, at, title, category=category, unit=unit)
        yield from _life(number, unit, at, index)
    at = NOW - timedelta(hours=20)
    for index, title in enumerate(_NASTY):
        yield received(f"{at:%Y%m%d}9{index:04}", at, title, unit="城管局")
    yield received(
        "2026101500077",
        NOW - timedelta(minutes=50),
        "燃气管道泄漏闻到很重的气味",
        category="help",
        emergency="utilities",
        unit="住建局",
    )
    yield received(
        "2026101400061",
        NOW - timedelta(hours=26),
        "海堤缺口海水倒灌进屋",
        category="help",
        emergency="disaster",
        unit="应急局",
    )
    yield received("2026101500081", NOW - timedelta(minutes=20), "路边的石狮子不见了")
    yield received(
        "2026101500082",
        NOW - timedelta(minutes=9),
        "请问办理身份证要带什么",
        category="consultation",
        unit="不认识的局",
    )


def _life(number: str, unit: str, at: datetime, index: int) -> Iterator[dict[str, Any]]:
    """Yield what a unit did with a ticket: promptly, late, or nothing yet."""
    step = 2

    def message(kind: str, after: timedelta, **fields: Any) -> dict[str, Any]:
        nonlocal step
        body = {"id": f"{number}-{step}", "type": kind, "ticket": number, **fields}
        step += 1
        return body | {"at": (at + after).isoformat()}

    if index % 5 != 4:
        yield from _if_past(message("unit.accepted", timedelta(hours=3), unit=unit))
    if index % 3 == 0:
        contact = {"purpose": "first", "method": "phone", "outcome": "reached"}
        yield from _if_past(message("contact.attempted", timedelta(hours=5), unit=unit, **contact))
    if index % 7 in (1, 3):
        parts = {
            "facts": "已到现场核实，情况属实。",
            "measures": "当天安排人员处理。",
            "remedies": "已向来信人说明。",
            "basis": "《汕头市城市管理条例》",
            "disposal": "ordinary",
        }
        yield from _if_past(message("result.submitted", timedelta(hours=20), unit=unit, **parts))
        if index % 7 == 1:
            yield from _if_past(message("result.reviewed", timedelta(days=1), approved=True))
            rating = "dissatisfied" if index % 2 else "satisfied"
            yield from _if_past(message("survey.rated", timedelta(days=2), rating=rating))
    if index == 31:
        papers = {"reason": "不属本街道", "basis": "三定方案", "signed_by": "分管副主任"}
        yield from _if_past(
            message(
                "unit.returned", timedelta(hours=1), unit=unit, suggested_unit="城管局", **papers
            )
        )


def _if_past(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if datetime.fromisoformat(message["at"]) <= NOW:
        yield message


def _report(store: Store, session: Any, name: str, role: str, doing: str) -> None:
    report_process(
        session,
        NOW,
        name=name,
        role=role,
        started_at=NOW - timedelta(hours=2),
        doing=doing,
        lateness_ms=80,
        done=1234,
        failed=0,
    )
