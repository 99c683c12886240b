"""Runs a `hotline` command that kills itself at one exact point of its work.

    python -m tests.chaos.crash_points acknowledging 7 worker ...

ends by SIGKILL when it is about to acknowledge its seventh bell: after the commit, before the
broker knows. A signal from outside cannot meet such a point. Otherwise the command runs as usual.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from dramatiq.brokers.redis import _RedisConsumer
from redis.client import Pipeline
from sqlalchemy.engine import Transaction

from scripts.cli import main
from workers.notices.builtin_channels import FileChannel

POINTS: dict[str, tuple[Any, str, bool]] = {
    "committing": (Transaction, "commit", False),
    "committed": (Transaction, "commit", True),
    "acknowledging": (_RedisConsumer, "ack", False),
    "ringing": (Pipeline, "execute", False),
    "rung": (Pipeline, "execute", True),
    "sent": (FileChannel, "__call__", True),
}
"""The call at each point, and whether the process is killed after it or before."""


def break_at(point: str, count: int) -> None:
    """Kill this process the `count`-th time that it reaches the point."""
    owner, name, after = POINTS[point]
    work: Callable[..., Any] = getattr(owner, name)
    left = count

    @functools.wraps(work)
    def worked(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left > 0:
            return work(*args, **kwargs)
        result = work(*args, **kwargs) if after else None
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, worked)


if __name__ == "__main__":
    break_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["hotline", *sys.argv[3:]]
    main()
