"""Run the endpoint as a process of the service."""

import asyncio
import sys
from datetime import date

from models.database import Store
from models.errors import HotlineError
from models.i18n import _
from models.queries.tokens import tokens
from models.settings import Settings
from models.shared_clock import store_clock
from scripts.listen.server import ListenServer


def run_listener(
    settings: Settings,
    store: Store,
    host: str,
    port: int,
    *,
    public: str = "",
    quiet_before: date | None = None,
) -> None:
    """Take messages until the process is told to stop. Raises HotlineError where it cannot."""
    server = ListenServer(
        store,
        store_clock(store),
        settings.home / "refused.jsonl",
        language=settings.lang,
        public=public,
        quiet_before=quiet_before,
    )
    with store.reading() as session:
        if not tokens(session):
            text = _("nobody has a token yet: `hotline tokens issue NAME --role feeder`")
            sys.stderr.write(f"hotline: {text}\n")

    def print_address(address: str) -> None:
        sys.stdout.write((public or address) + "\n")
        sys.stdout.flush()

    try:
        asyncio.run(server.run(host, port, print_address))
    except OSError as error:
        text = _("cannot listen on {host}:{port}: {why}")
        raise HotlineError(text.format(host=host, port=port, why=error.strerror)) from error
