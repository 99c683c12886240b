"""Run the endpoint as a process of the service."""

from datetime import date

from models.database import Store
from models.rules.vocabulary import UserRole
from models.settings import Settings
from models.shared_clock import store_clock
from scripts.listen.server import ListenServer
from scripts.serving import note_missing_tokens, run_server


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
    note_missing_tokens(store, UserRole.FEEDER)
    run_server(server.run, host, port, public)
