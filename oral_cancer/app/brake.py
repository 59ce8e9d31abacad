"""How often a password can be guessed."""

import ipaddress
import math
import time
from dataclasses import dataclass, field

MOST = 10
"""Wrong passwords that one address may try within `SECONDS`; then none of it is looked at until these are over."""
SECONDS = 60.0
OF_ONE = 64
"""Bits of an IPv6 address that one network has; whoever is in it can take any of the others."""


@dataclass
class Brake:
    """The wrong passwords of the last minute, by the address that they came from."""

    _tried: dict[str, tuple[float, int]] = field(default_factory=dict)

    def count(self, address: str) -> None:
        """Note a wrong password."""
        now = time.monotonic()
        self._tried = {place: tried for place, tried in self._tried.items() if now - tried[0] < SECONDS}
        first, number = self._tried.get(_network(address), (now, 0))
        self._tried[_network(address)] = first, number + 1

    def seconds_left(self, address: str) -> int:
        """For how long no password from there is looked at; 0 where one is."""
        first, number = self._tried.get(_network(address), (0.0, 0))
        return max(0, math.ceil(first + SECONDS - time.monotonic())) if number >= MOST else 0


def _network(address: str) -> str:
    try:
        network = ipaddress.ip_network((address, OF_ONE), strict=False) if ":" in address else address
    except ValueError:  # with a zone, such as fe80::1%eth0
        network = address
    return str(network)
