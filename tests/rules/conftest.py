"""Hypothesis without verdicts on speed: a shared machine may be slow."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "rules",
    # The first text that is drawn in a fresh clone builds Unicode tables for seconds, the first
    # day of a year its list of working days.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("rules")
