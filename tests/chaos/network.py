"""Network namespaces that stand for hosts: one bridge in the first of them, a cable from each of the others to it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

PREFIX = "10.213.77"
HUB = "hub"


class NoNamespaces(Exception):
    """This machine does not let us make network namespaces; the message says what it said."""


class Network:
    """A hub and hosts, each a namespace. They are ours alone: nothing leads out of them."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = hosts
        self._tag = f"chaos{os.getpid()}"

    def build(self) -> None:
        """Makes everything; raises NoNamespaces."""
        if shutil.which("ip") is None:
            raise NoNamespaces("there is no program `ip` (Debian: apt-get install iproute2)")
        hub = self.space(HUB)
        _ip("netns", "add", hub)
        _ip("-n", hub, "link", "set", "lo", "up")
        _ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        _ip("-n", hub, "address", "add", f"{self.address(HUB)}/24", "dev", "bridge")
        _ip("-n", hub, "link", "set", "bridge", "up")
        for host in self._hosts:
            self._plug(host)

    def _plug(self, host: str) -> None:
        hub, space = self.space(HUB), self.space(host)
        _ip("netns", "add", space)
        _ip("-n", hub, "link", "add", f"to-{host}", "type", "veth", "peer", "name", "cable", "netns", space)
        _ip("-n", hub, "link", "set", f"to-{host}", "master", "bridge", "up")
        _ip("-n", space, "address", "add", f"{self.address(host)}/24", "dev", "cable")
        for device in ("lo", "cable"):
            _ip("-n", space, "link", "set", device, "up")

    def cut(self, host: str) -> None:
        """Pulls the cable: nobody is told, packets are lost from now on."""
        _ip("-n", self.space(HUB), "link", "set", f"to-{host}", "down")

    def join(self, host: str) -> None:
        """Plugs it in again."""
        _ip("-n", self.space(HUB), "link", "set", f"to-{host}", "up")

    def remove(self) -> None:
        """Removes everything."""
        for name in (*self._hosts, HUB):
            subprocess.run(["ip", "netns", "del", self.space(name)], check=False, capture_output=True)  # noqa: S607

    def space(self, host: str) -> str:
        """The name of a host's namespace."""
        return f"{self._tag}-{host}"

    def address(self, host: str) -> str:
        """A host's address."""
        return f"{PREFIX}.{1 if host == HUB else 2 + self._hosts.index(host)}"


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)  # noqa: S607  found in build
    if done.returncode:
        raise NoNamespaces(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def inside(space: str) -> Iterator[None]:
    """In here this thread is in a namespace: sockets and processes it makes belong there. Nothing may be awaited."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{space}", os.O_RDONLY)
    try:
        os.setns(there, os.CLONE_NEWNET)
        yield
    finally:
        os.setns(here, os.CLONE_NEWNET)
        os.close(there)
        os.close(here)


def socket_in(space: str) -> socket.socket:
    """A socket that belongs to a namespace, wherever it is used."""
    with inside(space):
        made = socket.socket()
    made.setblocking(False)
    return made
