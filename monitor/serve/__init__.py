"""The monitor in browsers: log-ins, sessions, limits, and a process for each tab."""

from monitor.serve.server import MonitorServer

__all__ = ["MonitorServer"]
