"""The district of these tests: its policy, and short ways to write time."""

from datetime import date, datetime
from pathlib import Path

import models
from models.rules.calendar import SHANGHAI, Calendar
from models.rules.policy import Policy, load_policy

SCENARIOS = Path(__file__).parents[1] / "scenarios"
POLICY_FILE = Path(models.__file__).parent / "policy" / "haojiang.toml"
POLICY_TEXT = POLICY_FILE.read_text(encoding="utf-8")
POLICY: Policy = load_policy(POLICY_TEXT, POLICY_FILE.name)
CALENDAR = Calendar()

_CHANGED = {
    'complaint = "7 workdays"': 'complaint = "30 seconds"',
    'consultation = "1 workday"': 'consultation = "2 hours"',
    'suggestion = "2 workdays"': 'suggestion = "90 minutes"',
    'at = "workday -1"\nto = "unit_contact"': 'at = "-10s"\nto = "district_desk"',
    'at = "workday +1"': 'at = "+10s"',
    'at = "workday +2"': 'at = "+20s"',
    'ask_by = "workday -1"': 'ask_by = "-5s"',
    "most = 2": "most = 1",
    'district = "汕头市濠江区"': 'district = "试验区"',
    "valid_from = 2023-01-01": "valid_from = 2025-07-01",
}


def policy_with(*replacements: tuple[str, str]) -> str:
    """The district's policy with some of its lines written otherwise."""
    text = POLICY_TEXT
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


LIVE_POLICY = policy_with(*_CHANGED.items())
"""Another district: terms in seconds, minutes and hours, levels as offsets, from July 2025."""


def instant(text: str) -> datetime:
    """`2026-09-29 16:00` in Asia/Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def day(text: str) -> date:
    """`2026-09-29`."""
    return date.fromisoformat(text)
