"""Compare the anchors of the store with the copy outside of it."""

from collections.abc import Iterable, Iterator

from models.anchor_file import AnchorLine
from models.i18n import lazy
from models.queries.anchor_check import ANCHORS, AnchorCheck
from models.rules.calendar import SHANGHAI
from models.security.anchors import Anchor
from models.security.findings import Finding, Harm

OUTSIDE = lazy("the copy of the anchors")


def check_outside(lines: Iterable[AnchorLine | None], anchored: AnchorCheck) -> Iterator[Finding]:
    """Yield what the copy says of the store: that it was set back, or had anchors taken away.

    A line that cannot be read was cut short by a crash, and its anchor follows again.
    """
    common: Anchor | None = None
    lost: Anchor | None = None
    foreign = 0
    for line in lines:
        if (anchor := _anchor(line)) is None:
            continue
        stored = anchored.find(anchor.number)
        if stored is not None and stored.signature == anchor.signature:
            common = stored if common is None or stored.number > common.number else common
        elif anchored.key is not None and not anchor.is_signed_by(anchored.key):
            foreign += 1
        elif lost is None or anchor.at > lost.at:
            lost = anchor
    if foreign:
        why = lazy("{n} of its anchors are not signed by the store's key", n=foreign)
        yield Finding(Harm.ALTERED, OUTSIDE, why)
    if lost is None:
        return
    more: dict[str, str | int] = {"last": lost.number, "at": _time(lost)}
    if common is None:
        why = lazy("outside they go up to {last} of {at}, and the store has none of those", **more)
        yield Finding(Harm.DELETED, ANCHORS, why, seq=1)
        return
    why = lazy(
        "outside they went up to {last} of {at}, the store has them up to {n} of {then}: "
        "a backup of that time was restored, or somebody set the store back",
        n=common.number,
        then=_time(common),
        **more,
    )
    yield Finding(Harm.SET_BACK, ANCHORS, why, seq=common.number + 1)


def _anchor(line: AnchorLine | None) -> Anchor | None:
    try:
        return line.anchor() if line is not None else None
    except ValueError:
        return None


def _time(anchor: Anchor) -> str:
    return f"{anchor.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
