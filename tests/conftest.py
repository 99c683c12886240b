"""What every test may ask for."""

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures", "tests.stores"]

# How long one example takes says something about the machine that day, not about the rule.
settings.register_profile("hotline", deadline=None)
settings.load_profile("hotline")
