"""Fixtures for all tests: servers (tests/servers) and stores (tests/stores.py)."""

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures", "tests.stores"]

# The time of one example depends on the machine, not on the rule.
settings.register_profile("hotline", deadline=None)
settings.load_profile("hotline")
