"""Exports of hotlines in a dozen variants: a suggestion takes each column for what it is.

All of it is invented.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from models.errors import HotlineError
from models.rules.particulars import read_particulars
from models.rules.titles import redacted_title
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import InvalidMapping, load_mapping
from scripts.ingest.mapping_suggestion import suggest_mapping
from tests.feeds.feed_files import HEADERS, LETTER, delimited, lines, workbook

LONG = (
    "来电人反映小区门口的路灯从上个月起一直不亮，晚上老人孩子出行很不方便，"
    "多次向物业反映没有结果，请相关部门尽快核实处理并回复。"
)


class Export(NamedTuple):
    """A table, and what its columns are: by field, what follows, and what is left out."""

    rows: dict[str, tuple[str, str]]
    """The cells of two rows by header."""
    columns: dict[str, str]
    later: Mapping[str, dict[str, str]] = MappingProxyType({})
    left_out: tuple[str, ...] = ()


EXPORTS = {
    "the usual one": Export(
        {
            "工单编号": ("DH202610120001", "DH202610120002"),
            "诉求内容": (LONG, f"{LONG}再次来电。"),
            "派单时间": ("2026-10-12 08:30:00", "2026-10-12 09:00:00"),
            "办结时限": ("2026-10-19 17:30:00", "2026-10-19 17:30:00"),
            "办理状态": ("已办结", "办理中"),
            "办结时间": ("2026-10-15 10:00:00", ""),
            "答复内容": ("已修复。", ""),
            "满意度": ("满意", ""),
            "联系电话": ("13800001111", "13800002222"),
        },
        {
            "ticket": "工单编号",
            "content": "诉求内容",
            "at": "派单时间",
            "claimant.phone": "联系电话",
        },
        {
            "replied": {"at": "办结时间", "facts": "答复内容"},
            "rated": {"at": "办结时间", "rating": "满意度"},
        },
        ("办结时限",),
    ),
    "with title, unit and category": Export(
        {
            "序号": ("1", "2"),
            "工单编号": ("20261012001", "20261012002"),
            "来电时间": ("2026/10/12 8:30", "2026/10/12 9:00"),
            "诉求人": ("张某", "李某"),
            "诉求人电话": ("13800001111", "0754-88123456"),
            "诉求类型": ("投诉", "咨询"),
            "诉求标题": ("路灯不亮", "社保怎么办"),
            "诉求内容": (LONG, LONG[:30]),
            "事发地址": ("达濠街道某路1号", "广澳街道某路2号"),
            "所属街道": ("达濠街道", "广澳街道"),
            "承办单位": ("区城管局", "区人社局"),
            "承办单位电话": ("0754-87000001", "0754-87000002"),
            "截止时间": ("2026/10/19 17:30", "2026/10/19 17:30"),
        },
        {
            "ticket": "工单编号",
            "at": "来电时间",
            "claimant.name": "诉求人",
            "claimant.phone": "诉求人电话",
            "category": "诉求类型",
            "title": "诉求标题",
            "content": "诉求内容",
            "address": "事发地址",
            "street": "所属街道",
            "unit": "承办单位",
        },
        {},
        ("序号", "承办单位电话", "截止时间"),
    ),
    "a school's telephone first": Export(
        {
            "编号": ("A-1", "A-2"),
            "学校电话": ("0754-86000001", "0754-86000002"),
            "被投诉单位": ("某小学", "某中学"),
            "投诉人": ("王某", "赵某"),
            "手机": ("13800001111", "13800002222"),
            "主题": ("校门口拥堵", "食堂卫生"),
            "投诉内容": (LONG, LONG[:20]),
            "投诉时间": ("2026年10月12日 8时30分", "2026年10月12日 9时"),
        },
        {
            "ticket": "编号",
            "claimant.name": "投诉人",
            "claimant.phone": "手机",
            "title": "主题",
            "content": "投诉内容",
            "at": "投诉时间",
        },
        {},
        ("学校电话", "被投诉单位"),
    ),
    "nobody's telephone": Export(
        {
            "登记编号": ("1001", "1002"),
            "坐席工号": ("A07", "A08"),
            "企业电话": ("0754-86000001", "0754-86000002"),
            "事项名称": ("欠薪", "消费纠纷"),
            "问题描述": (LONG, LONG[:20]),
            "登记时间": ("2026.10.12 08:30", "2026.10.12 09:00"),
        },
        {"ticket": "登记编号", "title": "事项名称", "content": "问题描述", "at": "登记时间"},
        {},
        ("坐席工号", "企业电话"),
    ),
    "camel case": Export(
        {
            "id": ("1", "2"),
            "workOrderNo": ("WO-77", "WO-78"),
            "appealTitle": ("路灯不亮", "占道经营"),
            "appealContent": (LONG, LONG[:20]),
            "callerName": ("张某", "李某"),
            "callerPhone": ("13800001111", "13800002222"),
            "createTime": ("1791765000000", "1791766000000"),
            "deadlineTime": ("1792765000000", "1792766000000"),
            "finishTime": ("1791965000000", "1791966000000"),
            "handleDept": ("区城管局", "区城管局"),
            "handleResult": ("已修复。", "已整改。"),
            "orderStatus": ("已完成", "已完成"),
            "updateTime": ("1791965000000", "1791966000000"),
        },
        {
            "ticket": "workOrderNo",
            "title": "appealTitle",
            "content": "appealContent",
            "claimant.name": "callerName",
            "claimant.phone": "callerPhone",
            "at": "createTime",
            "unit": "handleDept",
            "updated": "updateTime",
        },
        {"replied": {"at": "finishTime", "facts": "handleResult"}},
        ("id", "deadlineTime"),
    ),
    "snake case": Export(
        {
            "request_id": ("17-1", "17-2"),
            "request_type": ("Street light", "Graffiti"),
            "description": ("Light is out", "On the wall"),
            "created_at": ("2026-10-12T08:30:00", "2026-10-12T09:00:00"),
            "due_date": ("2026-10-19", "2026-10-19"),
            "closed_date": ("2026-10-15T10:00:00", ""),
            "status": ("Closed", "Open"),
            "resolution": ("Mended", ""),
            "address": ("1 Main St", "2 Main St"),
        },
        {
            "ticket": "request_id",
            "title": "request_type",
            "topic": "request_type",
            "content": "description",
            "at": "created_at",
            "address": "address",
        },
        {"replied": {"at": "closed_date", "facts": "resolution"}},
        ("due_date",),
    ),
    "initials": Export(
        {
            "gdbh": ("GD1", "GD2"),
            "slsj": ("20261012083000", "20261012090000"),
            "sqr": ("张某", "李某"),
            "lxdh": ("13800001111", "13800002222"),
            "sqnr": (LONG, LONG[:20]),
            "cbdw": ("区城管局", "区住建局"),
            "bjsx": ("20261019173000", "20261019173000"),
            "bjsj": ("20261015100000", ""),
        },
        {
            "ticket": "gdbh",
            "at": "slsj",
            "claimant.name": "sqr",
            "claimant.phone": "lxdh",
            "content": "sqnr",
            "unit": "cbdw",
        },
        {"replied": {"at": "bjsj"}},
        ("bjsx",),
    ),
    "two moments and two deadlines": Export(
        {
            "诉求编号": ("S1", "S2"),
            "创建时间": ("2026-1-5 8:03:00", "2026-1-5 9:03:00"),
            "派单时间": ("2026-1-5 9:00:00", "2026-1-5 10:00:00"),
            "签收时限": ("2026-1-6 9:00:00", "2026-1-6 10:00:00"),
            "要求办结时间": ("2026-1-12 9:00:00", "2026-1-12 10:00:00"),
            "实际办结时间": ("2026-1-9 9:00:00", "2026-1-9 10:00:00"),
            "回访时间": ("2026-1-10 9:00:00", "2026-1-10 10:00:00"),
            "标题": ("路灯", "噪音"),
            "详情": (LONG, LONG[:20]),
            "工单状态": ("已归档", "已归档"),
            "办理结果": ("已修复。", "已整改。"),
            "满意度评价": ("非常满意", "不满意"),
        },
        {"ticket": "诉求编号", "at": "创建时间", "title": "标题", "content": "详情"},
        {
            "replied": {"at": "实际办结时间", "facts": "办理结果"},
            "rated": {"at": "回访时间", "rating": "满意度评价"},
        },
        ("派单时间", "签收时限", "要求办结时间"),
    ),
    "topics under the category's name": Export(
        {
            "流水号": ("L1", "L2"),
            "受理时间": ("2026/10/12 上午8:30", "2026/10/12 下午3:05"),
            "事项类别": ("市容环卫", "交通出行"),
            "市民诉求": (LONG, LONG[:25]),
            "问题点位": ("达濠街道某路", "某路口"),
            "主办单位": ("区城管局", "区交通局"),
            "协办单位": ("", "区公安分局"),
        },
        {
            "ticket": "流水号",
            "at": "受理时间",
            "title": "事项类别",
            "content": "市民诉求",
            "address": "问题点位",
            "topic": "事项类别",
            "unit": "主办单位",
        },
        {},
        ("协办单位",),
    ),
    "a topic in three levels": Export(
        {
            "工单编号": ("G1", "G2"),
            "派单时间": ("2026-10-12 08:00", "2026-10-13 09:00"),
            "标题": ("路灯", "噪音"),
            "诉求内容": (LONG, LONG[:20]),
            "诉求分类": ("城建", "环保"),
            "一级分类": ("城乡建设", "环境保护"),
            "二级分类": ("市政管理", "噪声"),
            "三级分类": ("路灯", ""),
            "三级分类编码": ("010203", ""),
        },
        {
            "ticket": "工单编号",
            "at": "派单时间",
            "title": "标题",
            "content": "诉求内容",
            "topic.1": "一级分类",
            "topic.2": "二级分类",
            "topic.3": "三级分类",
        },
        {},
        ("诉求分类", "三级分类编码"),
    ),
    "replies of several kinds": Export(
        {
            "信件编号": ("X1", "X2"),
            "来信人": ("张某", "李某"),
            "联系方式": ("13800001111", "138****2222"),
            "来信日期": ("2026-10-12", "2026-10-13"),
            "信件标题": ("路灯", "噪音"),
            "信件内容": (LONG, LONG[:20]),
            "是否回复": ("是", "否"),
            "回复期限": ("2026-10-20", "2026-10-21"),
            "回复单位": ("区城管局", ""),
            "回复时间": ("2026-10-15 10:00", ""),
            "回复内容": ("已修复。", ""),
        },
        {
            "ticket": "信件编号",
            "claimant.name": "来信人",
            "claimant.phone": "联系方式",
            "at": "来信日期",
            "title": "信件标题",
            "content": "信件内容",
        },
        {"replied": {"at": "回复时间", "facts": "回复内容"}},
        ("是否回复", "回复期限", "回复单位"),
    ),
    "an answer that nobody has given yet": Export(
        {
            "任务编号": ("T1", "T2"),
            "上报时间": ("2026-10-12 08:30", "2026-10-12 09:30"),
            "任务描述": (LONG, LONG[:20]),
            "处理期限": ("2026-10-12 18:30", "2026-10-12 19:30"),
            "完成时间": ("", ""),
            "处理情况": ("", ""),
            "来源": ("12345热线", "微信小程序"),
        },
        {"ticket": "任务编号", "at": "上报时间", "content": "任务描述", "channel": "来源"},
        {"replied": {"at": "完成时间", "facts": "处理情况"}},
        ("处理期限",),
    ),
    "numbers of the staff": Export(
        {
            "受理人": ("话务员甲", "话务员乙"),
            "受理人工号": ("8001", "8002"),
            "来电号码": ("13800001111", "13800002222"),
            "市民姓名": ("张某", "李某"),
            "身份证号": ("", ""),
            "工单号": ("88-1", "88-2"),
            "紧急程度": ("一般", "紧急"),
            "受理日期": ("12/10/2026 08:30", "28/10/2026 09:00"),
            "来电内容": (LONG, LONG[:20]),
            "办理人电话": ("0754-87000001", "0754-87000002"),
            "户籍地址": ("某省某市", "某省某市"),
            "诉求地点": ("达濠街道某路", "某路口"),
        },
        {
            "claimant.phone": "来电号码",
            "claimant.name": "市民姓名",
            "ticket": "工单号",
            "at": "受理日期",
            "content": "来电内容",
            "address": "诉求地点",
        },
        {},
        ("受理人", "受理人工号", "身份证号", "紧急程度", "办理人电话", "户籍地址"),
    ),
    "a workbook's serials": Export(
        {
            "热线编号": ("R1", "R2"),
            "来电日期": ("46307.354166667", "46308.375"),
            "预计完成时间": ("46311.5", "46312.5"),
            "反映问题": ("路灯", "噪音"),
            "反映内容": (LONG, LONG[:20]),
        },
        {"ticket": "热线编号", "at": "来电日期", "content": "反映内容"},
        {},
        ("预计完成时间", "反映问题"),
    ),
}


def suggested(folder: Path, export: Export, form: str = "delimited") -> tuple[Path, Path]:
    """Write an export and the mapping that is suggested for it; returns both files."""
    rows = [tuple(cells[n] for cells in export.rows.values()) for n in range(2)]
    table = [tuple(export.rows), *rows]
    content = {
        "delimited": delimited(table).encode("gb18030"),
        "workbook": workbook(table),
        "lines": lines(*(dict(zip(table[0], row, strict=True)) for row in rows)),
    }[form]
    path, file = folder / "export.csv", folder / "city.toml"
    path.write_bytes(content)
    file.write_text(suggest_mapping(path, FeedOptions()), encoding="utf-8")
    return path, file


@pytest.mark.parametrize("form", ["delimited", "workbook", "lines"])
@pytest.mark.parametrize("name", EXPORTS)
def test_each_column_is_taken_for_what_it_is(name: str, form: str, tmp_path: Path) -> None:
    export = EXPORTS[name]
    path, file = suggested(tmp_path, export, form)
    mapping = tomllib.loads(file.read_text("utf-8"))
    assert mapping["columns"] == export.columns
    later: dict[str, Any] = {each["name"]: each for each in mapping.get("later", ())}
    for follow_up, columns in export.later.items():
        assert {"at": later[follow_up]["at"]} | later[follow_up].get("columns", {}) == columns
    assert set(later) - {"approved"} == set(export.later)
    assert set(export.left_out) <= set(mapping.get("others", ()))
    used = {*mapping["columns"].values(), *mapping.get("kept", {}).values()}
    assert not used & set(mapping.get("others", ()))
    records = list(read_feed(path, FeedOptions(mapping=file)))
    assert [record.why for record in records] == [None, None]
    assert not [note.text for record in records for note in record.notes]


def test_every_column_is_either_taken_or_listed(tmp_path: Path) -> None:
    for export in EXPORTS.values():
        _path, file = suggested(tmp_path, export)
        assert set(load_mapping(file).known_headers()) == set(export.rows)


def test_a_deadline_and_somebody_elses_telephone_are_explained(tmp_path: Path) -> None:
    _path, file = suggested(tmp_path, EXPORTS["with title, unit and category"])
    text = file.read_text("utf-8")
    assert "# 截止时间: a deadline" in text
    assert "# 承办单位电话: not the claimant's number" in text


@pytest.mark.parametrize("broken", ["\n", "\u2028"])
def test_a_header_of_two_lines_is_one_line_of_the_mapping(broken: str, tmp_path: Path) -> None:
    """As spreadsheets have them; a mapping that begins with it is none."""
    usual = EXPORTS["with title, unit and category"]
    rows = {h.replace("截止时间", f"截止{broken}时间"): cells for h, cells in usual.rows.items()}
    _path, file = suggested(tmp_path, usual._replace(rows=rows), "workbook")
    assert "# 截止 时间: a deadline" in file.read_text("utf-8")
    assert load_mapping(file).known_headers()


def test_the_letter_is_no_title(tmp_path: Path) -> None:
    path, file = suggested(tmp_path, EXPORTS["the usual one"])
    assert "# no column is a title" in file.read_text("utf-8")
    assert "title" not in tomllib.loads(file.read_text("utf-8"))["constants"]
    first, _second = read_feed(path, FeedOptions(mapping=file))
    assert first.message is not None
    assert redacted_title(read_particulars(first.message), "complaint", 40) == "投诉举报"


def test_what_is_unsure_is_marked(tmp_path: Path) -> None:
    """A topic for a title, a constant for a category, a date that is not the rating's."""
    _path, file = suggested(tmp_path, EXPORTS["topics under the category's name"])
    marked = [line for line in file.read_text("utf-8").splitlines() if "# ?" in line[1:]]
    assert 'title = "事项类别"  # ?' in marked
    assert 'category = "complaint"  # ?' in marked
    _path, file = suggested(tmp_path, EXPORTS["the usual one"])
    rated = file.read_text("utf-8").partition('name = "rated"')[2]
    assert 'at = "办结时间"  # ?' in rated
    _path, file = suggested(tmp_path, EXPORTS["with title, unit and category"])
    assert not [line for line in file.read_text("utf-8").splitlines()[1:] if "# ?" in line]


def test_a_result_is_made_only_of_what_is_closed(tmp_path: Path) -> None:
    path, file = suggested(tmp_path, EXPORTS["the usual one"])
    first, second = read_feed(path, FeedOptions(mapping=file))
    kinds = ["result.submitted", "result.reviewed", "survey.rated"]
    assert [message["type"] for message in first.later] == kinds
    assert first.later[2]["rating"] == "satisfied"
    assert second.later == ()


def test_a_mapping_that_fits_already_is_named(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(delimited([HEADERS, LETTER]), encoding="utf-8")
    text = suggest_mapping(path, FeedOptions())
    assert "# The mapping provincial-board, which comes with hotline, knows this file" in text
    path.write_text(delimited([(*HEADERS[:-2], "正文", "x"), LETTER]), encoding="utf-8")
    assert "comes with hotline" not in suggest_mapping(path, FeedOptions())


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('ticket = "工单编号"', 'ticket = "?"', "columns.ticket"),
        ("headers = [", 'headers = ["?", ', "headers"),
        ('columns = { facts = "答复内容" }', 'columns = { facts = "?" }', "later.1.columns.facts"),
        ('facts = "原系统未附说明"', 'facts = "?"', "later.1.constants.facts"),
        ('category = "complaint"', 'category = "?"', "constants.category"),
    ],
)
def test_what_is_not_filled_in_is_an_error(old: str, new: str, place: str, tmp_path: Path) -> None:
    _path, file = suggested(tmp_path, EXPORTS["the usual one"])
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidMapping, match=rf"{place}: it is not filled in"):
        load_mapping(file)


@pytest.mark.parametrize("inner", [[{"code": "a", "value": 1}], [], ["a"]])
def test_objects_with_lists_in_them_are_a_table_too(inner: list[Any], tmp_path: Path) -> None:
    path, file = tmp_path / "page.json", tmp_path / "city.toml"
    letter = {"caseId": "1", "openedAt": "2026-10-12T08:30:00", "title": "Lamp", "notes": inner}
    path.write_text(json.dumps({"page": 1, "results": [letter, letter | {"caseId": "2"}]}))
    file.write_text(suggest_mapping(path, FeedOptions()), encoding="utf-8")
    columns = {"ticket": "caseId", "at": "openedAt", "title": "title"}
    assert tomllib.loads(file.read_text("utf-8"))["columns"] == columns
    assert len(list(read_feed(path, FeedOptions(mapping=file)))) == 2


def test_of_several_columns_that_fit_none_is_sure(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("request_id,srnumber,created\n1,1-77,2026-01-05\n2,1-78,2026-01-06\n")
    assert 'ticket = "request_id"  # ?' in suggest_mapping(path, FeedOptions())


def test_a_title_that_is_often_blank_is_none(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    rows = [(str(n), "2026-01-05", "灯" if n % 10 else "", "坏了。") for n in range(1, 31)]
    table = [("工单编号", "来电时间", "标题", "内容")]
    path.write_text(delimited([*table, *rows]), encoding="utf-8")
    suggestion = tomllib.loads(suggest_mapping(path, FeedOptions()))
    assert suggestion["columns"]["title"] == "标题"
    assert "title" not in suggestion["constants"], "a letter without one has category and place"
    path.write_text(delimited([*table, ("1", "2026-01-05", "", "坏了。")]), encoding="utf-8")
    assert "title" not in tomllib.loads(suggest_mapping(path, FeedOptions()))["columns"]


@pytest.mark.parametrize(
    "content", [b"{[,{", b'{"a": [{"b": [{}]}, {"c"', b'{"a\\&b": "20,2-01-05", {"c": 1}>']
)
def test_a_torn_page_is_no_table_and_no_fault_of_ours(content: bytes, tmp_path: Path) -> None:
    """Found by `make fuzz`: an envelope without a list, and a key with an escape that is none."""
    path = tmp_path / "page.json"
    path.write_bytes(content)
    with pytest.raises(HotlineError):
        tomllib.loads(suggest_mapping(path, FeedOptions()))
        list(read_feed(path, FeedOptions()))


def test_of_two_kinds_of_objects_the_letters_are_taken(tmp_path: Path) -> None:
    """Comments on letters lie beside them, with some of their fields."""
    path, file = tmp_path / "page.json", tmp_path / "city.toml"
    letter = {"Id": 100, "DateCreated": "2026-05-20T08:30:30", "Title": "Lamp", "City": "A"}
    letter |= {"Description": "Light is out"}
    comment = {"Id": 1, "ReportId": 100, "DateCreated": "2026-05-20T09:30:30", "Text": "yes"}
    path.write_text(json.dumps({"comments": [comment], "reports": [letter]}))
    file.write_text(suggest_mapping(path, FeedOptions()), encoding="utf-8")
    (record,) = read_feed(path, FeedOptions(mapping=file))
    assert record.message is not None
    assert record.message["ticket"] == "100"


def test_an_address_in_place_of_a_title_is_no_title(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("request_id,created,address\n1,2026-01-05,16815 W VANOWEN ST\n")
    text = suggest_mapping(path, FeedOptions())
    assert "title=投诉举报" in text
    assert "VANOWEN" not in text


def test_a_table_of_nothing_that_is_known_is_none(tmp_path: Path) -> None:
    path = tmp_path / "data.js"
    path.write_text('var data = [{"spot": [-90.1, 29.9]}];\n"spot": [-90.1, 29.9],\n')
    with pytest.raises(HotlineError, match="holds no table"):
        suggest_mapping(path, FeedOptions())
