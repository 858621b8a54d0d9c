"""When people work: weights by hour over the whole period, and the windows the simulation goes through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.fleet import BOTS_ZONE, ZONES, Fleet
from ingest.simulator.options import SimulationOptions
from ingest.simulator.stamps import SECOND

HOUR = 3600 * SECOND
WINDOW_EVENTS = 8_000
"""About how many records one window holds: enough for NumPy to pay, little enough to stay in cache."""

_OFFICE_HOURS = np.array(
    [0.02, 0.01, 0.01, 0.01, 0.01, 0.02, 0.06, 0.25, 0.7, 1.0, 1.0, 0.95,
     0.6, 0.9, 1.0, 0.95, 0.8, 0.5, 0.25, 0.14, 0.12, 0.1, 0.06, 0.03]
)  # fmt: skip
_WEEKEND = 0.1
_BOTS_ALWAYS = 0.3


@dataclass(frozen=True)
class Window:
    """A stretch of time, its share of all events, and how likely each hour and zone is within it."""

    start: int
    end: int
    share: float
    hours: NDArray[np.int64]
    weights: NDArray[np.float64]


def period(options: SimulationOptions) -> tuple[int, int]:
    """Return the first microsecond of the simulated period and the first one after it."""
    first = datetime.combine(options.start, time(), UTC)
    start = int(first.timestamp()) * SECOND
    return start, start + options.days * 24 * HOUR


def local_hour(micros: int, zone: int) -> datetime:
    """Return the local time of somebody in a zone."""
    shift = 0 if zone == BOTS_ZONE else ZONES[zone][1]
    return datetime.fromtimestamp(micros / SECOND, UTC) + timedelta(hours=shift)


def windows(options: SimulationOptions, fleet: Fleet) -> list[Window]:
    """Cut the period into windows of about equal numbers of events, each whole hours or a part of one."""
    start, end = period(options)
    weights = _hourly(start, options.days * 24, fleet)
    shares = weights.sum(axis=1) / weights.sum()
    found: list[Window] = []
    begin = 0
    for hour in range(len(shares)):
        share = float(shares[begin : hour + 1].sum())
        if share * options.events < WINDOW_EVENTS and hour + 1 < len(shares):
            continue
        pieces = max(1, round(share * options.events / WINDOW_EVENTS))
        first, last = start + begin * HOUR, start + (hour + 1) * HOUR
        edges = [first + (last - first) * i // pieces for i in range(pieces + 1)]
        hours = np.arange(begin, hour + 1) * HOUR + start
        for left, right in pairwise(edges):
            found.append(Window(left, right, share / pieces, hours, weights[begin : hour + 1]))
        begin = hour + 1
    assert found[-1].end == end
    return found


def _hourly(start: int, hours: int, fleet: Fleet) -> NDArray[np.float64]:
    """Return how much work each zone does in each hour: its people times their activity."""
    weights = np.empty((hours, len(ZONES) + 1))
    for hour in range(hours):
        for zone in range(len(ZONES)):
            moment = local_hour(start + hour * HOUR, zone)
            rest = _WEEKEND if moment.weekday() >= 5 else 1.0
            weights[hour, zone] = _OFFICE_HOURS[moment.hour] * rest
        weights[hour, BOTS_ZONE] = _BOTS_ALWAYS
    people: NDArray[np.float64] = np.array([len(members) for members in fleet.members], float)
    return weights * people
