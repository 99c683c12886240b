"""Fork the process of each tab from one that has loaded what all of them need.

A tab begins at once so, and shares the memory of what is loaded. The parent has no thread and no
open store when it forks, and reads no token: a tab takes nothing of its neighbours with it.
"""

import gc
import json
import logging
import os
import resource
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from models.rules.limits import TAB_MEMORY_BYTES
from scripts.service.child_process import STOP_SIGNALS, ForkedProcess, end_with_parent, stop_all

log = logging.getLogger("hotline.monitor")

_MESSAGE_BYTES = 1 << 12
_TOKEN = 3
"""The number that the file with its token has in a tab's process."""


class TabParent:
    """Forks a process that calls `run` for each tab that is asked for over `requests`.

    A request is a message (SOCK_SEQPACKET) of the tab's variables, as JSON, with two files: a
    socket, which becomes its standard input and output, and the token. The socket stays open here
    until the process has ended and been waited for, so nobody reads its end sooner. Shutting the
    other end, or losing it, kills the process.
    """

    def __init__(self, requests: socket.socket, run: Callable[[], int]) -> None:
        self._requests, self._run = requests, run
        self._tabs: dict[int, ForkedProcess] = {}
        self._poll = select.poll()
        self._pid = os.getpid()

    def serve(self, on_stop: Callable[[signal.Signals], None]) -> None:
        """Fork until nobody is left who could ask, and end the tabs that there are then.

        `on_stop` is called with each signal by which this process is told to stop; they may be
        blocked before.
        """
        gc.collect()
        # memory stays shared until somebody writes to it, which the collector would
        gc.freeze()
        for number in (signal.SIGCHLD, *STOP_SIGNALS):
            signal.signal(number, lambda *_: None)
        signals, wake = socket.socketpair()
        wake.setblocking(False)
        with signals, wake:
            signal.set_wakeup_fd(wake.fileno())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            self._serve_until_alone(signals, on_stop)
            signal.set_wakeup_fd(-1)
        stop_all(list(self._tabs.values()), 0)

    def _serve_until_alone(
        self, signals: socket.socket, on_stop: Callable[[signal.Signals], None]
    ) -> None:
        self._poll.register(self._requests, select.POLLIN)
        self._poll.register(signals, select.POLLIN)
        while True:
            for file, _event in self._poll.poll():
                if file == self._requests.fileno():
                    if not self._fork():
                        return
                elif file == signals.fileno():
                    for number in set(signals.recv(64)) & set(STOP_SIGNALS):
                        on_stop(signal.Signals(number))
                else:
                    self._poll.unregister(file)
                    self._tabs[file].send_signal(signal.SIGKILL)
            self._forget_ended()

    def _fork(self) -> bool:
        """Fork the tab that is asked for; returns False where nobody can ask any more."""
        message, files, _flags, _sender = socket.recv_fds(self._requests, _MESSAGE_BYTES, 2)
        if not message:
            return False
        try:
            # where no more files can be opened here, fewer have come
            screen, token = files
            tab = ForkedProcess("tab", partial(self._become_tab, message, screen, token))
        except (OSError, ValueError) as error:
            log.error("a tab cannot be forked: %s", error)
        else:
            self._tabs[screen] = tab
            self._poll.register(screen, select.POLLRDHUP)
            files.remove(screen)
        for file in files:
            os.close(file)
        return True

    def _forget_ended(self) -> None:
        ended = [file for file, tab in self._tabs.items() if tab.poll() is not None]
        for file in ended:
            del self._tabs[file]
            # a number that is used again may not be polled for the former one
            with suppress(KeyError):
                self._poll.unregister(file)
            os.close(file)

    def _become_tab(self, message: bytes, screen: int, token: int) -> int:
        end_with_parent(self._pid, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(screen, 0)
        os.dup2(screen, 1)
        if token != _TOKEN:
            os.dup2(token, _TOKEN, inheritable=False)
        most_files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # the requests, and the screens of all other tabs
        os.closerange(_TOKEN + 1, most_files)
        variables = json.loads(message) | {"HOTLINE_TOKEN_FILE": f"/dev/fd/{_TOKEN}"}
        os.environ.update(variables)  # noqa: TID251 - of the program that this process becomes
        resource.setrlimit(resource.RLIMIT_AS, (TAB_MEMORY_BYTES, TAB_MEMORY_BYTES))
        return self._run()
