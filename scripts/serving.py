"""Run a web server as a command: its address on standard output, what is wrong in one line."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

from models.database import Store
from models.errors import HotlineError
from models.i18n import _
from models.queries.tokens import tokens
from models.rules.vocabulary import UserRole

log = logging.getLogger("hotline.command")

Run = Callable[[str, int, Callable[[str], None]], Awaitable[None]]
"""Serves on a host and port until the process is told to stop; the last is told the address."""


def run_server(run: Run, host: str, port: int, public: str = "") -> None:
    """Serve, and print the address. Raises HotlineError where it cannot listen."""

    def print_address(address: str) -> None:
        sys.stdout.write((public or address) + "\n")
        sys.stdout.flush()

    async def serve() -> None:
        await run(host, port, print_address)

    try:
        asyncio.run(serve())
    except OSError as error:
        text = _("cannot listen on {host}:{port}: {why}")
        raise HotlineError(text.format(host=host, port=port, why=error.strerror)) from error


def note_missing_tokens(store: Store, role: UserRole) -> None:
    """Say on standard error that nobody can log in yet, and how a token is issued."""
    with store.reading() as session:
        if not tokens(session):
            text = _("nobody has a token yet: `hotline tokens issue NAME --role {user_role}`")
            log.warning(text.format(user_role=role.value))
