"""One unit in many spellings; and names that must not be taken for one another."""

import pytest

from models.rules.routing.naming import UnitNames, find_all

_NAMES = UnitNames(
    {
        "商州区人民政府办公室": "商州区人民政府办公室",
        "区住房和城乡建设局": "区住房和城乡建设局",
        "商州区城关街道办事处": "商州区城关街道办事处",
        "公安商州分局": "公安商州分局",
        "环卫中心": "商州区环境卫生中心",
    },
    ["商州"],
)


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("商州区政府办", "商州区人民政府办公室"),
        ("区政府办公室", "商州区人民政府办公室"),
        ("政府办", "商州区人民政府办公室"),
        ("商洛市商州区人民政府办公室", "商州区人民政府办公室"),
        ("陕西省商洛市商州区政府办", "商州区人民政府办公室"),
        (" 商州区 政府办 ", "商州区人民政府办公室"),
        ("商州区政府办。", "商州区人民政府办公室"),
        ("住建局", "区住房和城乡建设局"),
        ("商州区住建局", "区住房和城乡建设局"),
        ("本区住房与城乡建设局", "区住房和城乡建设局"),
        ("城关街道办", "商州区城关街道办事处"),
        ("城关街道", "商州区城关街道办事处"),
        ("环卫中心", "商州区环境卫生中心"),
        # the city's own, another district's, and what says nothing
        ("商洛市住建局", None),
        ("洛南县政府办", None),
        ("商洛市人民政府办公室", None),
        ("商州区", None),
        ("", None),
    ],
)
def test_a_name_means_one_unit_or_none(written: str, unit: str | None) -> None:
    """Every usual spelling is found; the city's and other districts' bureaus are not ours."""
    assert _NAMES.find(written) == unit


def test_a_spelling_that_two_units_share_means_neither() -> None:
    """An ambiguous name goes to a person; the exact name still works."""
    names = UnitNames({"甲区政府办": "甲区政府办", "甲区人民政府办公室": "另一个"}, ["甲区"])
    assert names.find("甲区政府办") == "甲区政府办"
    assert names.find("甲区 政府办公室") is None


@pytest.mark.parametrize(
    ("cell", "units"),
    [
        ("住建局、城关街道", ["区住房和城乡建设局", "商州区城关街道办事处"]),
        ("城关街道\n区住建局", ["商州区城关街道办事处", "区住房和城乡建设局"]),
        ("区政府办 / 商州区人民政府办公室", ["商州区人民政府办公室"]),
        ("住建局；没有的局", []),
        ("没有的局", []),
    ],
)
def test_a_cell_may_name_several_units(cell: str, units: list[str]) -> None:
    """All of them, the first before the others; none where one is not known."""
    assert find_all(cell, _NAMES.find) == units


def test_a_community_is_no_district() -> None:
    """Taking 社区 off a name would leave the name of something else."""
    names = UnitNames({"东湖社区服务中心": "东湖社区服务中心"}, [])
    assert names.find("服务中心") is None


_FOREIGN = {"教育局": "教育局", "龙湖区环卫站": "龙湖区环卫站", "龙湖区供水站": "龙湖区供水站"}


@pytest.mark.parametrize("territory", [["濠江"], []])
def test_a_unit_of_another_district_does_not_make_the_district_ours(territory: list[str]) -> None:
    """龙湖区环卫站 in the file is one unit; 龙湖区教育局 is no unit of ours."""
    few = UnitNames({**_FOREIGN, "民政局": "民政局", "濠江区住建局": "濠江区住建局"}, territory)
    assert few.find("龙湖区教育局") is None
    assert few.find("汕头市龙湖区教育局") is None
    assert few.find("环卫站") is None
    assert few.find("龙湖区环卫站") == "龙湖区环卫站"
    assert few.find("区教育局") == "教育局"


def test_other_districts_units_do_not_outvote_the_territory() -> None:
    """What the file says of its district holds, however many units come from elsewhere."""
    names = UnitNames(_FOREIGN, ["濠江"])
    assert names.find("龙湖区教育局") is None
    assert names.find("濠江区教育局") == "教育局"


def test_without_a_territory_most_units_say_what_the_district_is_called() -> None:
    """A file that names no territory still finds its units without the district in front."""
    names = UnitNames(
        {n: n for n in ("商州区教育局", "商州区民政局", "商州区住建局", "龙湖区环卫站")}, []
    )
    assert names.find("民政局") == "商州区民政局"
    assert names.find("环卫站") is None
