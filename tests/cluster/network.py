"""Hosts as network namespaces, connected by one bridge, and cuts between them.

Everything is created in the network and mount namespaces of this process, and the kernel removes it with them.
"""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BRIDGE = "switch"
SUBNET = "10.99.0"
# Where `ip netns` keeps its namespaces.
NAMESPACES = Path("/run/netns")
# Firewall rules: packets are lost, as with a broken switch, or connections are reset.
DROP_TO, DROP_FROM = "ip daddr {0} drop;", "ip saddr {0} drop;"
RESET = "ip daddr {0} meta l4proto tcp reject with tcp reset;"
OUT = "chain out {{ type filter hook output priority 0; {0} }};"
IN = "chain in {{ type filter hook input priority 0; {0} }};"


class Network:
    """The hosts and their addresses; each host reaches all others by name.

    :param hosts: Names, which are also the hostnames.
    :param folder: For the file that resolves the names.
    """

    def __init__(self, hosts: Sequence[str], folder: Path) -> None:
        self.addresses = {name: f"{SUBNET}.{number}" for number, name in enumerate(hosts, 1)}
        self._hosts_file = folder / "hosts"
        self._numbers = itertools.count(1)
        self._isolated: set[str] = set()

    def create(self) -> None:
        """Create the bridge and all hosts, in a network and mount namespace that this process does not share."""
        # Otherwise `ip netns` would leave files behind. Its folder is missing until it is first used on a machine.
        NAMESPACES.mkdir(exist_ok=True)
        _run("mount", "-t", "tmpfs", "tmpfs", str(NAMESPACES))
        lines = [f"{address} {name}" for name, address in self.addresses.items()]
        self._hosts_file.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        _run("mount", "--bind", str(self._hosts_file), "/etc/hosts")
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", BRIDGE, "type", "bridge")
        _run("ip", "addr", "add", f"{SUBNET}.254/24", "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        for name, address in self.addresses.items():
            self._create_host(name, address)

    def _create_host(self, name: str, address: str) -> None:
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", self._port(name), "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", self._port(name), "master", BRIDGE, "up")
        _run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        _run("ip", "-n", name, "link", "set", "eth0", "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")

    def command(self, host: str, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` on a host, in the same process."""
        set_hostname = ["unshare", "--uts", "--", "sh", "-c", 'hostname "$0" && exec "$@"', host]
        return ["ip", "netns", "exec", host, *set_hostname, *command]

    def next_cut(self) -> str:
        """Return an unused name for a cut."""
        return f"cut_{next(self._numbers)}"

    def cut(self, name: str, host: str, target: str, *, reset: bool) -> None:
        """Cut a host off from another one.

        :param reset: New connections are refused and packets of existing ones reset; otherwise packets are dropped.
        """
        chains = OUT.format((RESET if reset else DROP_TO).format(self.addresses[target]))
        if not reset:
            chains += IN.format(DROP_FROM.format(self.addresses[target]))
        _run("ip", "netns", "exec", host, "nft", f"table inet {name} {{ {chains} }}")

    def heal(self, name: str, host: str) -> None:
        """End a cut."""
        _run("ip", "netns", "exec", host, "nft", "delete", "table", "inet", name)

    def is_isolated(self, host: str) -> bool:
        """Return whether the host is cut off from everything."""
        return host in self._isolated

    def isolate(self, host: str) -> None:
        """Cut a host off from everything, as if its cable were unplugged."""
        _run("ip", "link", "set", self._port(host), "down")
        self._isolated.add(host)

    def reconnect(self, host: str) -> None:
        """End the isolation of a host."""
        _run("ip", "link", "set", self._port(host), "up")
        self._isolated.remove(host)

    def _port(self, host: str) -> str:
        # The name of an interface has at most 15 characters.
        return f"port{self.addresses[host].rpartition('.')[2]}"


def _run(*command: str) -> None:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise OSError(f"{' '.join(command)}: {process.stderr.strip()}")
