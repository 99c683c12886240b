"""The number of examples of a property: fewer for `make quick`, more for `make long`."""

import os

_FACTOR = float(os.environ.get("HOTLINE_TEST_EXAMPLES", "1"))


def examples(count: int) -> int:
    """`count` times HOTLINE_TEST_EXAMPLES, which is 1 unless it is set."""
    return max(1, round(count * _FACTOR))
