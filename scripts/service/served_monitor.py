"""Serve the monitor to browsers: a web server, and a process for each tab."""

import os
import signal
import socket
from dataclasses import dataclass

from setproctitle import setproctitle

from models.child_environment import environment_for_child
from models.i18n import N_
from models.rules.vocabulary import UserRole
from models.settings import Settings, load_settings
from models.shared_clock import store_clock
from scripts.service.child_process import STOP_SIGNALS, ForkedProcess, end_with_parent
from scripts.service.setup import broker_url, prepare_process
from scripts.service.tab_parent import TabParent
from scripts.serving import note_missing_tokens, run_server

_OF_TEXTUAL = {
    "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
    "TEXTUAL_COLOR_SYSTEM": "truecolor",
    "TERM_PROGRAM": "textual",
}


@dataclass(frozen=True)
class ServedMonitor:
    """A monitor for browsers: where it listens, and what its tabs show.

    The settings name nobody: whoever logs in acts in a tab, not whoever serves. `clock` describes
    the clock of a demo, `public` is the address that browsers use if it is another one, and with
    `wallboard` the tabs show that.
    """

    settings: Settings
    host: str
    port: int
    clock: str = ""
    wallboard: bool = False
    public: str = ""

    def run(self) -> int:
        """Serve until told to stop; returns the exit code.

        This process loads what the others need, and forks the server and each tab that the server
        asks for. Raises HotlineError where the store cannot be used.
        """
        # closed before anything is forked: no process with an open database may fork
        prepare_process(self.settings, self.clock)[0].close()
        # the title stands where the environment begins: it must be found before that is changed
        setproctitle("hotline monitor --serve")
        environment = environment_for_child(self.settings) | _OF_TEXTUAL
        os.environ.clear()  # noqa: TID251 - of the processes that are forked
        os.environ.update(environment)  # noqa: TID251
        parent = os.getpid()
        asked, asks = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def serve() -> int:
            end_with_parent(parent, signal.SIGTERM)
            asked.close()
            self._serve(asks)
            return 0

        # until the parent of tabs takes them
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        server = ForkedProcess("monitor server", serve)
        asks.close()
        # imported here: Textual reads its variables when it is loaded, and the server needs none
        import scripts.service.monitor  # noqa: F401

        stopped: list[signal.Signals] = []

        def stop(number: signal.Signals) -> None:
            stopped.append(number)
            server.send_signal(number)

        TabParent(asked, self._show_tab).serve(stop)
        server.wait_until(float("inf"))
        return 0 if stopped else abs(server.code or 0)

    def _serve(self, tab_requests: socket.socket) -> None:
        # imported here: a tab needs no web server
        from monitor.serve import MonitorServer

        tab_requests.setblocking(False)
        store, _now = prepare_process(self.settings, self.clock)
        server = MonitorServer(
            store,
            store_clock(store),
            tab_requests,
            title=N_("12345 hotline"),
            language=self.settings.lang,
            public=self.public,
            board=self.wallboard,
        )
        note_missing_tokens(store, UserRole.OPERATOR)
        run_server(server.run, self.host, self.port, self.public)

    def _show_tab(self) -> int:
        """Show the monitor to whose token is in the environment."""
        from scripts.service.monitor import show_monitor

        settings = load_settings()
        store, now = prepare_process(settings, self.clock)
        show_monitor(settings, store, now, broker_url(settings), wallboard=self.wallboard)
        return 0
