"""The running service: its processes and their supervision, logs, metrics, health checks."""
