"""Days, overlays and instants for Hypothesis, thickest where holidays make terms difficult."""

from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st

from models.rules.calendar import SHANGHAI, DeclaredDay, announced_years

LAST = announced_years()[-1]
TURNS = tuple(
    date.fromisoformat(text)
    for text in (
        *("2024-02-09", "2024-04-03", "2024-09-13", "2024-09-30", "2025-01-25", "2025-04-27"),
        *("2025-05-30", "2025-09-28", "2026-01-03", "2026-02-14", "2026-09-19", "2026-09-30"),
        f"{LAST}-12-30",
    )
)
"""The eves of holidays, make-up days, and of the first year that nobody has announced."""

OFFICE_TIMES = tuple(
    time.fromisoformat(text)
    for text in ("00:00", "08:30", "11:59:59", "12:00", "14:30", "17:29:59", "17:30", "23:59:59")
)


@st.composite
def days(draw: st.DrawFn) -> date:
    """A day, mostly near a holiday."""
    turn = draw(st.sampled_from(TURNS))
    return turn + timedelta(days=draw(st.integers(-20, 20)))


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    """An instant in Asia/Shanghai, often exactly at an edge of the office hours."""
    when = draw(days())
    at = draw(st.sampled_from(OFFICE_TIMES) | st.times().map(lambda t: t.replace(microsecond=0)))
    return datetime.combine(when, at, SHANGHAI)


def overlays() -> st.SearchStrategy[dict[date, DeclaredDay]]:
    """A few days declared working or off."""
    declared = st.builds(DeclaredDay, st.booleans(), st.just("通知"))
    return st.dictionaries(days(), declared, max_size=6)
