"""What belongs to persons is shown in no text about a ticket."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.rules.personal.figures import every_figure
from models.rules.phones import find_phones, normalize_phone
from models.rules.redaction import Redactor, redact_text
from models.rules.text import clean
from tests.examples import examples

LANDLINE = ("+86 754 88968698", "0754-88968698", "(0754)88968698", "075488968698")
MOBILES = ("13812340001", "138 1234 0001", "+86 138-1234-0001")


@pytest.mark.parametrize("written", [*LANDLINE, "0754-88968698-801", "0754 8896 8698转8"])
@pytest.mark.parametrize("phone", LANDLINE)
def test_the_claimant_s_number_is_hidden_in_every_spelling(phone: str, written: str) -> None:
    redacted = Redactor({"phone": phone}).redact({"text": f"请回电{written}，谢谢"})["text"]
    assert redacted.startswith("请回电")
    assert redacted.endswith("，谢谢")
    assert "****" in redacted
    assert "8896" not in redacted


@pytest.mark.parametrize("written", [*LANDLINE, *MOBILES, "88968698", "8896-8698"])
def test_each_of_two_numbers_in_the_field_is_hidden(written: str) -> None:
    """Also without its area's number, which only the claimant's own is known by."""
    redacted = Redactor({"phone": "13812340001/0754-88968698"}).redact_text(f"打{written}")
    assert "1234" not in redacted
    assert "8896" not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "拨打12345，110和119都来了，96123没人接，客服400-820-1234、95598",
        "2026-11-02 10:30，工单2026110200017，单号202610091234567890",
        "工单编号440512202611020002，运单E12345678，订单6222020000000000008",
        "水费从85.60元涨到316.25元，表底数00012837，坐102路车",
        "户数1500 2000 300，合同价1500000-20000元，IP是192.168.1.1",
        "1 3 5 7 9 11 13 15 17 19栋没有电梯，海湾花园3栋电梯坏了",
        "汕府办〔2024〕12号文件，地铁3号线2号出口，学校3号门口，11月12号停水",
        "统一社会信用代码91440500MA4UQ3WX1X的公司",
        "型号11020361102026X的水表",
        "我叫了外卖，我叫车被拒载，本人多次投诉，联系人员不接电话",
        "微信支付1380元，QQ群里有人说，护照和港澳通行证预约",
    ],
)
def test_other_figures_and_words_are_left_as_they_are(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("电话138.1234.0001", "电话138****0001"),
        ("电话一三八一二三四零零零一", "电话一三八****零零零一"),
        ("电话①③⑧①②③④⓪⓪⓪①", "电话①③⑧****⓪⓪⓪①"),
        ("电话1381234\n0001", "电话138****0001"),
        ("13812340001一直打不通", "138****0001一直打不通"),
        ("①13812340001②13812340002", "①138****0001②138****0002"),
        ("座机0754-88123456转801", "座机075****01"),
        ("电话88123456", "电话881****56"),
        ("身份证440512900101123", "身份证440********1123"),
        ("电话0754-88123456/88123457", "电话075****56/881****57"),
        ("身份证44051219900101123 X", "身份证440***********123 X"),
        ("残疾证44051219900101000443", "残疾证440*************0443"),
        ("卡号6222020000000000008", "卡号****0008"),
        ("护照E12345678", "护照****"),
        ("车牌粤D·12K45挡道", "车牌粤****挡道"),
        ("邮箱lin88@163.com", "邮箱****@163.com"),
        ("微信号：lin_88", "微信号：****"),
        ("我叫林小满，住这里", "我叫林**，住这里"),
        ("林小满（13812340001）", "林**（138****0001）"),
        ("联系人是林小满，李四先生", "联系人是林**，李**先生"),
        ("业主陈一、林小满，都不同意", "业主陈**、林**，都不同意"),
        ("建设路12号门口路灯坏了", "建设路****门口路灯坏了"),
        ("海湾花园3栋2单元501室漏水", "海湾花园****漏水"),
        ("我家住海湾花园3栋", "我家住海湾花园****"),
        ("海湾花园3单元501室、3#楼501、12#", "海湾花园****、****、12#"),
        ("电话१३८१२३४०००१", "电话१३८****०००१"),
    ],
)
def test_what_is_shown_of_each_kind(text: str, redacted: str) -> None:
    assert redact_text(text) == redacted


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "hostile",
    ["13812340001 ", "0754-88123457,", "44051219900101123x,", "1 ", "0-", "0101 ", "一 ", "a", "a@",
     "我叫林小满、", "粤D12345", "1栋", "路12号3栋501室", "QQ123456 ", "111111900101111,"],
)  # fmt: skip
def test_a_text_of_nothing_but_places_takes_no_time_out_of_measure(hostile: str) -> None:
    """Some of them lead libraries and expressions into as many tries as there are characters."""
    text = hostile * (30_000 // len(hostile)) + "@b.c"
    redacted = Redactor({"phone": "0754-88123456", "name": "林小满"}).redact_text(text)
    assert redact_text(redacted) == redacted


def test_name_and_address_are_hidden_with_the_number() -> None:
    claimant = {"name": "张三", "phone": LANDLINE[0], "address": "濠江区达濠街道赤港路8号"}
    text = "张三住濠江区达濠街道赤港路8号，电话0754-88968698"
    assert Redactor(claimant).redact_text(text) == "张**住濠江区达濠街道****，电话075****98"


@given(
    st.sampled_from(["", "86", "+86 ", "86-"]),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.sampled_from(["", " ", "-"]),
)
def test_a_mobile_number_of_any_prefix_is_hidden(before: str, number: str, dash: str) -> None:
    """Also one that the numbering plan does not have."""
    written = f"{before}{number[:3]}{dash}{number[3:7]}{dash}{number[7:]}"
    assert normalize_phone(written) == number
    assert list(find_phones(f"打{written}。")) == [number]
    assert written not in Redactor({"phone": number}).redact_text(f"打{written}。")


SCRIPTS = (
    "0123456789",
    "０１２３４５６７８９",
    "零一二三四五六七八九",
    "〇壹贰叁肆伍陆柒捌玖",
    "⓪①②③④⑤⑥⑦⑧⑨",
    "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
)
BETWEEN = ("", " ", "-", ".", "/", "·", "_", "－", "——", " - ", "\n", "\n ", "　")


@st.composite
def disguised(draw: st.DrawFn, number: str) -> str:
    """Draw a spelling of a number: in one script, or each part in another, with something between.

    It is taken apart as people do it: in two, in threes and fours, or figure by figure.
    """
    cuts = draw(
        st.sampled_from([(3, 7), (3, 6), (7,), (3,), (4,), (6,), tuple(range(1, len(number)))])
    )
    parts = [number[a:b] for a, b in zip((0, *cuts), (*cuts, len(number)), strict=True)]
    between: str = draw(st.sampled_from(BETWEEN[1:] if len(parts) > 3 else BETWEEN))
    scripts = st.sampled_from(SCRIPTS)
    several = len(parts) == 3
    script = draw(scripts)
    table = [str.maketrans(SCRIPTS[0], draw(scripts) if several else script) for _part in parts]
    return between.join(part.translate(of) for part, of in zip(parts, table, strict=True))


def figures_of(text: str) -> str:
    """Return all figures of a text together, whatever they are written in."""
    return re.sub(r"\D", "", every_figure(text))


mobiles = st.from_regex(r"1(?:3[0-9]|5[0-35-9]|8[0-9])[0-9]{8}", fullmatch=True)
prefixes = st.sampled_from(["", "+86", "+86 ", "0086-", "86 ", "(+86)", "＋８６"])
words = st.sampled_from(["", "请打", "电话：", "我的号码是", "，", "谢谢", "（", "）", "。"])


@given(st.data(), mobiles, prefixes, words, words)
def test_no_mobile_number_survives_in_any_disguise(
    data: st.DataObject, number: str, prefix: str, before: str, behind: str
) -> None:
    """Whosever it is: nobody says to the redactor whose number it may be."""
    text = f"{before}{prefix}{data.draw(disguised(number))}{behind}"
    assert number not in figures_of(redact_text(clean(text)))


@given(
    st.data(),
    st.one_of(mobiles, st.from_regex(r"754[2-8][0-9]{7}", fullmatch=True)),
    st.text(st.sampled_from("零一二三四五六七八九，。 的\n①x-"), max_size=20),
)
def test_no_number_of_the_claimant_survives_whatever_is_between(
    data: st.DataObject, number: str, around: str
) -> None:
    """A figure each in another script, with up to three characters between."""
    between = st.text(st.sampled_from(" -.·/\n打我的，（）x"), max_size=3)
    script = st.sampled_from(SCRIPTS)
    written = "".join(data.draw(script)[int(c)] + data.draw(between) for c in number)
    phone = number if number.startswith("1") else f"0{number}"
    redacted = figures_of(Redactor({"phone": phone}).redact_text(f"{around}，{written}，{around}"))
    assert number not in redacted
    assert number.startswith("1") or number[-7:] not in redacted


LETTERS = st.text(
    st.sampled_from(
        "0123456789０一二三八零①⑧ \n-./·@#:：，。（）粤DXxEGqwv微信号卡路栋单元室"
        "我叫本人联系张三林王住电话建设花园业主"
    ),
    max_size=60,
)


@given(LETTERS | st.text(max_size=40), LETTERS, mobiles)
def test_redacting_twice_changes_nothing_and_a_text_stays_about_as_long(
    text: str, name: str, phone: str
) -> None:
    once = redact_text(clean(text))
    assert redact_text(once) == once
    assert len(once) <= 2 * len(text) + 4
    redactor = Redactor({"name": name[:4], "phone": phone, "address": name[4:14]})
    assume(len(clean(name[:4])) > 1)
    mine = redactor.redact_text(text)
    assert redactor.redact_text(mine) == mine


BORN = r"(19|20)?\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d)"


@given(st.from_regex(rf"[1-6]\d{{5}}{BORN}\d{{2,4}}[ -]?[Xx]?\d{{0,3}}", fullmatch=True))
@settings(max_examples=examples(300))
def test_what_is_like_an_identity_number_can_be_read(number: str) -> None:
    """Of fourteen figures and a letter, as long as an old number, a library made an error."""
    redact_text(f"号{number}，")
