"""Reads what the service and its commands log as JSON."""

import json
from datetime import datetime, timedelta
from typing import Any


def log_lines(text: str) -> list[dict[str, Any]]:
    """The lines as objects; each has a time of Shanghai, a level, a logger and what happened."""
    lines = [json.loads(line) for line in text.splitlines()]
    for record in lines:
        assert datetime.fromisoformat(record["timestamp"]).utcoffset() == timedelta(hours=8)
        assert {"level", "logger", "event"} <= record.keys()
    return lines
