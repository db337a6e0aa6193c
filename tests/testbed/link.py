"""The cable between a host and the switch of its lab: unplug, delay, cut, heal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.testbed import namespaces

BRIDGE = "br0"
CONTROLLER_ADDRESS = "10.77.0.1"
CONTROLLER_MAC = "02:00:0a:4d:00:01"
RELAY = Path(__file__).with_name("relay.py")


def controller() -> int:
    """A new namespace with the switch that all cables of a lab end in."""
    namespace = namespaces.create()
    namespaces.ip(
        namespace,
        [
            "link set lo up",
            f"link add {BRIDGE} address {CONTROLLER_MAC} type bridge",
            f"address add {CONTROLLER_ADDRESS}/24 dev {BRIDGE}",
            f"link set {BRIDGE} up",
        ],
    )
    return namespace


class Link:
    """One cable. Delay and cut are properties of the cable: a host that reboots keeps them.

    Without delay it is a pair of devices of the kernel's; with delay it is `relay.py`.
    """

    def __init__(self, controller: int, number: int) -> None:
        self.address = f"10.77.0.{10 + number}"
        self._controller = controller
        self._mac = f"02:00:0a:4d:00:{10 + number:02x}"
        self._port = f"v{number}"
        self._host: int | None = None
        self._relay: subprocess.Popen[bytes] | None = None
        self._rtt_ms = 0.0
        self._is_cut = False

    def plug(self, host: int) -> None:
        """Gives the namespace of a host an `eth0` at the end of the cable."""
        self._host = host
        if self._rtt_ms:
            self._start_relay(host)
        else:
            peer = f"peer name eth0 netns {namespaces.path(host)}"
            namespaces.ip(self._controller, [f"link add {self._port} type veth {peer}"])
        self._configure(host)

    def _configure(self, host: int) -> None:
        # Addresses of the cards are fixed on both sides: a host that is away leaves packets
        # unanswered, as behind a router, and none of its peers learns of it by ARP.
        namespaces.ip(
            host,
            [
                "link set lo up",
                f"link set eth0 address {self._mac} up",
                f"address add {self.address}/24 dev eth0",
                f"neigh replace {CONTROLLER_ADDRESS} lladdr {CONTROLLER_MAC} dev eth0",
            ],
        )
        namespaces.ip(
            self._controller,
            [
                f"link set {self._port} up {'nomaster' if self._is_cut else f'master {BRIDGE}'}",
                f"neigh replace {self.address} lladdr {self._mac} dev {BRIDGE}",
            ],
        )

    def _start_relay(self, host: int) -> None:
        ends = [namespaces.path(self._controller), self._port, namespaces.path(host), "eth0"]
        self._relay = subprocess.Popen(
            [sys.executable, "-S", "-E", str(RELAY), *ends],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._relay.stdout is not None
        if self._relay.stdout.readline() != b"ready\n":
            raise RuntimeError("the relay of the testbed did not start")
        self._tell_delay()

    def _tell_delay(self) -> None:
        assert self._relay is not None
        assert self._relay.stdin is not None
        os.write(self._relay.stdin.fileno(), b"%f\n" % (self._rtt_ms / 2000))

    def unplug(self) -> None:
        """Takes `eth0` away at once: nothing that the host still sends arrives."""
        if self._host is None:
            return
        self._host = None
        if self._relay is None:
            namespaces.ip(self._controller, [f"link delete {self._port}"])
        else:
            self._relay.kill()
            self._relay.communicate()
            self._relay = None

    def delay(self, rtt_ms: float) -> None:
        """Sets the time that the cable adds to a round trip. Connections live on."""
        has_relay, host = self._rtt_ms > 0, self._host
        self._rtt_ms = rtt_ms
        if host is None:
            return
        if has_relay and rtt_ms:
            self._tell_delay()
        elif has_relay or rtt_ms:
            self.unplug()
            self.plug(host)

    def cut(self) -> None:
        """Loses every packet from now on, without a word to either end."""
        self._is_cut = True
        if self._host is not None:
            namespaces.ip(self._controller, [f"link set {self._port} nomaster"])

    def heal(self) -> None:
        self._is_cut = False
        if self._host is not None:
            namespaces.ip(self._controller, [f"link set {self._port} master {BRIDGE}"])
