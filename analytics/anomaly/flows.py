"""Where the values of arguments came from: an earlier result of the session, or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Calls, Flags, Floats, Ints, Ragged


@dataclass(frozen=True)
class Flows:
    """Every fingerprint at the place where a session's arguments hold it first; calls ascend.

    `call` holds it; `source` is the earlier call whose result showed it first, or -1; `address` says whether it is an
    address.
    """

    call: Ints
    value: Ints
    source: Ints
    address: Flags

    @property
    def carried(self) -> Flags:
        """Say which came from an earlier result."""
        return self.source >= 0


def worst_of(call: Ints, source: Ints, nats: Floats, calls: int) -> tuple[Floats, Ints]:
    """Return of each call its greatest surprise, and the source it came from: of equals the earliest, -1 of none."""
    surprise, worst = np.zeros(calls), np.full(calls, -1)
    order = np.lexsort((-source, nats))  # the last one written stays
    surprise[call[order]], worst[call[order]] = nats[order], source[order]
    return surprise, worst


def flows_of(calls: Calls) -> Flows:
    """Return the first use of each fingerprint in arguments, and the earlier result it came from."""
    values, codes = np.unique(np.concatenate([calls.args.value, calls.results.value]), return_inverse=True)
    kinds = max(len(values), 1)
    used, call = _first(calls, calls.args, codes[: len(calls.args.call)], kinds)
    shown, showing = _first(calls, calls.results, codes[len(calls.args.call) :], kinds)
    source = np.full(len(used), -1)
    if len(shown):
        place = np.minimum(np.searchsorted(shown, used), len(shown) - 1)
        earlier = (shown[place] == used) & (showing[place] < call)
        source[earlier] = showing[place[earlier]]
    order = np.argsort(call, kind="stable")
    value = values[used % kinds][order]
    return Flows(call[order], value, source[order], np.isin(value, calls.addresses.value))


def _first(calls: Calls, held: Ragged, codes: Ints, kinds: int) -> tuple[Ints, Ints]:
    """Return (session and value as one number, ascending; the first call that holds it)."""
    keys, at = np.unique(calls.session[held.call] * kinds + codes, return_index=True)
    return keys, held.call[at]
