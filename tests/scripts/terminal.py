"""A real terminal with a program in it, and a district's home to look at there."""

import contextlib
import os
import pty
import select
import subprocess
import time
from pathlib import Path

from models.clock import system_clock
from tests.store.factories import advance_tickets, feed, letter, prepared_home, unlocked_store

TIMEOUT = 30.0
"""Real seconds in which what must come has come."""


def home_with_a_ticket(folder: Path, name: str, broker_url: str) -> Path:
    """A district's home with one ticket, whose settings are in its `.env`."""
    home = prepared_home(folder / name)
    (home / ".env").write_text(f"HOTLINE_BROKER_URL={broker_url}\nHOTLINE_OPERATOR=林\n", "utf-8")
    (home / "monitor.json").write_text('{"introduced": true}')
    with unlocked_store(f"sqlite:///{home / 'hotline.db'}") as store:
        now = system_clock()
        feed(store, [letter(f"{name.upper()}001", "2026-11-02T09:00")], now)
        advance_tickets(store, [f"{name.upper()}001"], now)
    return home


class Terminal:
    """A terminal with a program in it, whose errors may go elsewhere."""

    def __init__(self, command: list[str], env: dict[str, str], stderr: int | None = None) -> None:
        self._handle, inner = pty.openpty()
        os.set_blocking(self._handle, False)
        self.process = subprocess.Popen(
            command,
            env=env,
            stdin=inner,
            stdout=inner,
            stderr=stderr or inner,
            start_new_session=True,
        )
        os.close(inner)

    def write(self, keys: str) -> None:
        """Press keys."""
        os.write(self._handle, keys.encode())

    def read_until(self, text: str) -> str:
        """What was printed up to this text; it must come."""
        printed, until = b"", time.monotonic() + TIMEOUT
        while text.encode() not in printed:
            assert time.monotonic() < until, printed[-2000:]
            if select.select([self._handle], [], [], 0.1)[0]:
                printed += os.read(self._handle, 1 << 16)
        return printed.decode("utf-8", "replace")

    def wait(self) -> int:
        """Wait until the program has ended; returns its exit code.

        What it prints meanwhile is read: a terminal that nobody reads holds up who writes to it.
        """
        until = time.monotonic() + TIMEOUT
        while self.process.poll() is None and time.monotonic() < until:
            if select.select([self._handle], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):  # nobody is at its other end any more
                    os.read(self._handle, 1 << 16)
        return self.process.wait(0)

    def close(self) -> None:
        """End the program."""
        self.process.kill()
        self.process.wait()
        os.close(self._handle)
