"""Names of agencies as cities write them: one unit goes by many spellings (Regulation 3.1)."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

_SET = re.compile(r"[\W_]+")
_BETWEEN = re.compile(r"[、，,;；/|\s]+")
_FORMS = (
    ("人民政府", "政府"),
    ("办公室", "办"),
    ("街道办事处", "街道"),
    ("街道办", "街道"),
    ("管理委员会", "管委会"),
    ("居民委员会", "居委会"),
    ("村民委员会", "村委会"),
    ("人力资源和社会保障", "人社"),
    ("住房和城乡建设", "住建"),
    ("发展和改革", "发改"),
    ("卫生健康", "卫健"),
    ("市场监督管理", "市监"),
    ("市场监管", "市监"),
    ("城市管理和综合执法", "城管"),
    ("城市管理", "城管"),
    ("有限责任公司", "公司"),
    ("有限公司", "公司"),
)
"""Long forms that every Chinese district shortens alike, the longer before the shorter."""

_REGION = re.compile(
    r"(?:[一-龥]{2,6}?省)?(?:[一-龥]{2,5}?市)?([一-龥]{2,3}?[区县旗])(?=[一-龥]{2})"
)
_NO_REGION = re.compile(r"[社小园景片辖地山库林牧校厂]区$")
_LEAST = 2
"""Characters that must be left of a name once its district has been taken off."""


def normalize_name(name: str) -> str:
    """Return a name without punctuation and spaces, its long forms shortened as is usual."""
    plain = _SET.sub("", unicodedata.normalize("NFKC", name)).casefold().replace("与", "和")
    for long, short in _FORMS:
        plain = plain.replace(long, short)
    return plain


def split_names(cell: str) -> list[str]:
    """Return the names in a cell that holds several, in their order."""
    return list(dict.fromkeys(part for part in _BETWEEN.split(cell) if part))


def find_all(cell: str, find: Callable[[str], str | None]) -> list[str]:
    """Return every unit that a cell names, the lead first; none where `find` does not know one."""
    if unit := find(cell):
        return [unit]
    units = [find(part) for part in split_names(cell)]
    return [] if None in units else list(dict.fromkeys(u for u in units if u))


class UnitNames:
    """The units of one district, found by any spelling that can only mean one of them.

    An exact name or alias comes first, then the same name in another form, then the same name
    with or without the district in front. Only the district's own name is taken off, so that
    neither the city's bureau nor another district's is taken for the district's. The territory says
    what the district is called; without one, more than half of the units have to name it.
    """

    def __init__(self, names: Mapping[str, str], territory: Iterable[str]) -> None:
        self._exact = dict(names)
        self._normal = _unique((normalize_name(name), unit) for name, unit in names.items())
        regions = {normalize_name(word) for word in territory} or _named_by_most(self._normal)
        words = "|".join(sorted(map(re.escape, regions), key=len, reverse=True)) or r"(?!)"
        self._region = re.compile(
            rf"(?:(?:[一-龥]{{2,6}}?省)?(?:[一-龥]{{2,5}}?市)?(?:{words})[区县旗]?|[本我]?[区县旗])"
        )
        self._bare = _unique((self._without(name), unit) for name, unit in self._normal.items())

    def find(self, name: str) -> str | None:
        """Return the full name of the unit that goes by `name`, or None."""
        name = name.strip()
        if not name:
            return None
        if unit := self._exact.get(name):
            return unit
        plain = normalize_name(name)
        return self._normal.get(plain) or self._bare.get(self._without(plain))

    def _without(self, plain: str) -> str:
        match = self._region.match(plain)
        rest = plain[match.end() :] if match else plain
        return rest if len(rest) >= _LEAST else plain


def _named_by_most(names: Mapping[str, str]) -> set[str]:
    """Return the district that is in the names of more than half of the units, if there is one."""
    units_of: dict[str, set[str]] = {}
    for name, unit in names.items():
        if (match := _REGION.match(name)) and not _NO_REGION.search(match[1]):
            units_of.setdefault(match[1], set()).add(unit)
    half = len(set(names.values())) / 2
    return {district for district, units in units_of.items() if len(units) > half}


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs as a mapping, without the names that two units share."""
    owners: dict[str, set[str]] = {}
    for name, unit in pairs:
        owners.setdefault(name, set()).add(unit)
    return {name: next(iter(units)) for name, units in owners.items() if name and len(units) == 1}
