"""The people and bots of the fleet: names, teams, time zones, credentials and the clients they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.clients import KIND_NUMBER
from ingest.simulator.options import SimulationOptions
from ingest.simulator.slots import Values
from ingest.simulator.wording import FIRST_NAMES, LAST_NAMES

TEAMS = ("support", "finance", "engineering", "sales", "platform", "legal")
ZONES = (("America/Los_Angeles", -7), ("America/New_York", -4), ("Europe/London", 1), ("Europe/Berlin", 2),
         ("Asia/Kolkata", 5), ("Asia/Tokyo", 9))  # fmt: skip
"""Time zones with their whole hours from UTC in the simulated season."""

BOTS_ZONE = len(ZONES)
"""The zone number of bots, which keep no office hours."""

_FIRST_CHOICES = ("claude-code", "claude-code", "cursor", "chatgpt", "chatgpt", "vscode")
_TELEMETRY = 0.35
"""The share of people whose client reports its own side."""

_STATIC_KEYS = 0.15


@dataclass(frozen=True)
class Fleet:
    """Everybody, by user number; the arrays are what sessions are drawn from."""

    values: list[Values]
    zone: NDArray[np.int64]
    team: NDArray[np.int64]
    clients: NDArray[np.int64]
    adoption: NDArray[np.float64]
    static_key: NDArray[np.bool_]
    telemetry: NDArray[np.bool_]
    members: list[NDArray[np.int64]]
    addresses: list[bytes]
    keys: list[bytes]

    @property
    def size(self) -> int:
        """How many users and bots there are."""
        return len(self.values)


def build_fleet(options: SimulationOptions, rng: np.random.Generator) -> Fleet:
    """Draw the fleet; about one in twenty is a bot with a static key."""
    size = options.users
    zone = rng.choice(len(ZONES), size, p=(0.15, 0.2, 0.15, 0.3, 0.12, 0.08))
    zone[: len(ZONES)] = np.arange(len(ZONES))
    bots = np.arange(size) >= size - max(1, size // 20)
    zone[bots] = BOTS_ZONE
    team = rng.integers(0, len(TEAMS), size)
    choices = np.array([KIND_NUMBER[name] for name in _FIRST_CHOICES])
    clients = choices[rng.integers(0, len(choices), (size, 2))]
    clients[0] = clients[7 % size] = KIND_NUMBER["claude-code"]
    clients[bots] = KIND_NUMBER["ci-bot"]
    telemetry = rng.random(size) < _TELEMETRY
    telemetry[0] = True
    static_key = (rng.random(size) < _STATIC_KEYS) | bots
    static_key[1:4] = True
    octets = rng.integers(1, 255, (size, 3))
    return Fleet(
        values=[_user(number, int(zone[number]), int(team[number]), rng) for number in range(size)],
        zone=zone,
        team=team,
        clients=clients,
        adoption=rng.random((size, 1))[:, 0] * 0.7 + 0.15,
        static_key=static_key,
        telemetry=telemetry & ~bots,
        members=[np.flatnonzero(zone == number) for number in range(len(ZONES) + 1)],
        addresses=[b"10.%d.%d.%d" % tuple(row) for row in octets.tolist()],
        keys=[f"key_{word:016x}".encode() for word in rng.integers(0, 2**63, size).tolist()],
    )


def _user(number: int, zone: int, team: int, rng: np.random.Generator) -> Values:
    high, low, install = (int(word) for word in rng.integers(0, 2**63, 3))
    bot = zone == BOTS_ZONE
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    last = LAST_NAMES[(number * 7 + number // len(FIRST_NAMES)) % len(LAST_NAMES)]
    handle = f"svc-ci-{number}" if bot else f"{first}.{last}{number // 64 or ''}".lower()
    account = f"{high:016x}{low:016x}"
    texts = (
        f"CI runner {number}" if bot else f"{first} {last}",
        f"{handle}@acme.example",
        f"auth0|{low:016x}",
        TEAMS[team],
        f'["{TEAMS[team]}","{"service-accounts" if bot else "staff"}"]',
        str(number + 3),
        handle.replace(".", ""),
        f"{install:016x}{high ^ install:016x}{low:016x}{install ^ low:016x}",
        f"{account[:8]}-{account[8:12]}-4{account[13:16]}-a{account[17:20]}-{account[20:32]}",
        ("iTerm.app", "vscode", "tmux")[number % 3],
        "Etc/UTC" if bot else ZONES[zone][0],
    )
    return [text.encode() for text in texts]
