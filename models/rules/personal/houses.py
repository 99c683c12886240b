"""The house in an address: its number, and building, entrance, floor and room."""

import re
from collections.abc import Iterator

from models.rules.personal.places import PersonalKind, Place

_N = r"(?:\d{1,4}|[一二三四五六七八九十百零〇\d]{1,5})"
_GAP = r"[ ,、-]?"
_BLOCK = rf"(?:[A-Z]{{0,2}}\d{{1,3}}[A-Z]?|[A-Z]|{_N}) ?(?:栋|幢|座|号楼|号院|排|#楼?)"
_ENTRANCE = rf"[东西南北中左右]?[边侧面]?(?:[A-Z]|{_N})? ?(?:单元|梯位?|门洞)"
_FLOOR = rf"{_N}楼"

_NO_COUNT = (
    r"(?!\d|[-~至到.]\d| ?(?:户|元|人|套|平|米|㎡|个|家|年|次|天|万|多|余|台|月|日|度|吨|%))"
)
_ROOM = (
    r"(?:\d{1,4}(?:室|房间?|号房?)|[A-Z](?:室|房|户)"
    r"|[A-Z]?\d{3,4}[A-Z]?(?:室|房间?|号房?)?" + _NO_COUNT + r"|\d{1,2}[A-Z](?![A-Za-z0-9]))"
)
_ROOM_OF_HOUSE = r"[A-Z]?\d{1,4}(?:室|房间?|号房)|\d{3,4}(?![\d\u4e00-\u9fff]|[-~.]\d)"

_STREET = "[路街巷弄道里同村寨围组队区园苑庄坊埔社厝寮横面]"
_ESTATE = "[园苑城庭湾府居区厦寓墅邸台轩阁村舍场]"
_NO_HOUSE = (
    r"(?!线|楼|院|栋|门(?![口牌面前店])|机|电梯|梯|车|文|令|公告|出口|入口|口|井|杆|灯|桩|泵|站|台|库|坑|地块"
    r"|馆|厅|食堂|变压|码|桥|墩|通知|批|点位|规|污水|雨水|排水|称|球|起|开始|上午|下午|晚|早|凌晨|中午"
    r"|之前|以前|之后|以后|前后|至|到|[-~]\d|\d{1,2}[点时:])"
)
"""Words behind a number that is a gate's, a line's or a paper's, or a day of the month."""

_HOUSE = re.compile(
    rf"{_STREET}(?:门牌)? ?"
    rf"(?P<house>(?:{_N}(?:[-之]\d{{1,3}}|[A-Z])? ?[号#]{_NO_HOUSE}(?:之{_N})?|{_N} ?号院)"
    rf"[院内]?(?:{_GAP}{_BLOCK}){{0,2}}(?:{_GAP}{_ENTRANCE})?(?:{_GAP}{_FLOOR})?"
    rf"(?:{_GAP}(?:{_ROOM}(?<=[室房间号])|{_ROOM_OF_HOUSE}))?)"
)
_BLOCK_WORD = re.compile("[栋幢座排]|#楼?|号楼|号院")
_BLOCK_NUMBER = re.compile(
    rf"(?:{_N}期)?(?<![A-Za-z\d])(?:[A-Z]{{0,2}}\d{{1,3}}[A-Z]?|[A-Z]|{_N}) ?$"
)
_IN_BLOCK = re.compile(
    rf"(?:{_GAP}{_BLOCK}){{0,2}}(?:{_GAP}{_ENTRANCE}(?:{_GAP}{_FLOOR})?(?:{_GAP}{_ROOM})?"
    rf"|{_GAP}{_FLOOR}(?:{_GAP}{_ROOM})?|{_GAP}{_ROOM}|{_N}档)"
)
_LONGEST_BLOCK = 12

_DASHED = re.compile(
    rf"{_ESTATE} ?(?P<house>[A-Z]?\d{{1,3}}-(?:\d{{1,2}}-)?\d{{3,4}}(?:室|房)?){_NO_COUNT}"
)
_ROOM_ALONE = re.compile(rf"{_ESTATE} ?(?P<house>[A-Z]?\d{{3,4}}(?:室|房间?))")
_ROOM_OF_FLOOR = re.compile(rf"楼{_GAP}[A-Z]?\d{{3,4}}(?:室|房|号)?{_NO_COUNT}")
_ROOM_OF_ENTRANCE = re.compile(rf"单元{_GAP}{_ROOM}")
_FLOOR_NUMBER = re.compile(rf"{_N}$")
_HOME = re.compile(r"(?:我家|家住|住在?)[是的在]?(?P<house>\d{3,4}(?:室|房间?|号))")
_NEIGHBOUR = re.compile(
    r"(?:楼上|楼下|隔壁|邻居|对门|对面)[是的住]{0,2}"
    r"(?P<house>\d{3,4}(?:室|房间?|户|号房?)?)"
    r"(?!\d| ?(?:元|人|套|平|米|个|家|年|次|天|路|线|多|余))"
)
_RESIDES = re.compile(
    rf"(?:家住|住[在于]|居住[在于]?|住址|我住|是住|现住|地址)[^,;，；。\n\d]{{0,20}}?"
    rf"(?P<house>{_BLOCK}(?:{_GAP}{_ENTRANCE})?(?:{_GAP}{_ROOM})?)(?!\d|房子|楼房)"
)


def locate_houses(plain: str) -> Iterator[Place]:
    """Yield the houses and rooms in a text whose figures are plain, behind street or estate.

    A building alone is none, unless somebody says that he lives there: a unit must find its lift.
    """
    for pattern in (_HOUSE, _DASHED, _HOME, _NEIGHBOUR, _ROOM_ALONE):
        for match in pattern.finditer(plain):
            yield Place(*match.span("house"), PersonalKind.ADDRESS)
    yield from _rooms_in_blocks(plain)
    yield from _rooms_of_floors(plain)


def _rooms_in_blocks(plain: str) -> Iterator[Place]:
    has_blocks = False
    for word in _BLOCK_WORD.finditer(plain):
        begins = word.start()
        number = _BLOCK_NUMBER.search(plain, max(begins - _LONGEST_BLOCK, 0), begins)
        if number is None:
            continue
        has_blocks = True
        if (inside := _IN_BLOCK.match(plain, word.end())) is not None:
            yield Place(number.start(), inside.end(), PersonalKind.ADDRESS)
    if has_blocks:
        for match in _RESIDES.finditer(plain):
            yield Place(*match.span("house"), PersonalKind.ADDRESS)


def _rooms_of_floors(plain: str) -> Iterator[Place]:
    for pattern in (_ROOM_OF_FLOOR, _ROOM_OF_ENTRANCE):
        for match in pattern.finditer(plain):
            number = _FLOOR_NUMBER.search(plain, max(match.start() - 4, 0), match.start())
            if number is not None:
                yield Place(number.start(), match.end(), PersonalKind.ADDRESS)
