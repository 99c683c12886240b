"""Several hosts on one network: each a network namespace, on a bridge in that of the servers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

NET = "10.77.0"
SERVERS = f"{NET}.1"
"""The address of the host with the servers, `PREFIX-hub`."""

HOSTS = ("one", "two", "three")


class NoNamespaces(Exception):
    """This user or this machine cannot have network namespaces; the text says why."""


def ip(*arguments: str) -> None:
    """Run the `ip` command."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def network() -> Iterator[str]:
    """Make three hosts and one with the servers; gives what their names begin with.

    Raises NoNamespaces.
    """
    prefix = f"hl{os.getpid()}"
    hub = f"{prefix}-hub"
    made: list[str] = []
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise NoNamespaces("hosts need root and iproute2")
    try:
        try:
            ip("netns", "add", hub)
            made.append(hub)
            ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        except subprocess.CalledProcessError as refused:
            raise NoNamespaces(f"no network namespaces here: {refused.stderr}") from refused
        ip("-n", hub, "addr", "add", f"{SERVERS}/24", "dev", "bridge")
        ip("-n", hub, "link", "set", "bridge", "up")
        for number, host in enumerate(HOSTS, 2):
            name = f"{prefix}-{host}"
            ip("netns", "add", name)
            made.append(name)
            ip(
                "-n",
                hub,
                "link",
                "add",
                host,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                name,
            )
            ip("-n", hub, "link", "set", host, "master", "bridge")
            ip("-n", hub, "link", "set", host, "up")
            ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        yield prefix
    finally:
        for name in made:
            ip("netns", "delete", name)


def on_host(name: str) -> list[str]:
    """Return the words before a command that is to run on the host `PREFIX-NAME`."""
    return ["ip", "netns", "exec", name]
