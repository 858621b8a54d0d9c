"""How surprising it is that a value was passed on, when the history itself may hold the attack many times over.

Where honest and hostile sessions come in together nothing is known to be new: the address that one mail planted stands
in every third session. So kinds are counted, and not how often: a tool that lives from what another one shows takes
many different values from it, and an attack takes the same one again and again (as the continuation counts of Kneser
and Ney take no frequent word for a versatile one; Improved Backing-off for M-gram Language Modeling, ICASSP 1995). And
a value that users give of themselves, without having been shown it, needs no such reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.anomaly.calls import Calls, Floats, Ints, coded
from analytics.anomaly.counted import Counted
from analytics.anomaly.flows import Flows, flows_of, worst_of


@dataclass(frozen=True)
class Doubt:
    """Of each value, in how many sessions it was given and carried; of each edge and tool, how many values it had.

    `sessions` came in together; `value` are those that are doubted, ascending; `edge` counts by source * len(tools) +
    tool.
    """

    sessions: pl.Series
    tools: tuple[str, ...]
    value: Ints
    given: Ints
    carried: Ints
    edge: Counted
    kinds: Ints

    @classmethod
    def of(cls, calls: Calls, trusted: Ints | None = None) -> Doubt:
        """Count what came in together; values that were known before it did are not doubted."""
        tools = tuple(calls.tool.unique().sort())
        flows, tool, many = flows_of(calls), coded(calls.tool, tools), len(tools)
        value, code = np.unique(flows.value, return_inverse=True)
        come = flows.carried
        given, carried = (np.bincount(code[which], minlength=len(value)) for which in (~come, come))
        edge = tool[flows.source[come]] * many + tool[flows.call[come]]
        of_edge = np.unique(edge * len(value) + code[come]) // max(len(value), 1)
        of_tool = np.unique(tool[flows.call] * len(value) + code) // max(len(value), 1)
        kinds = np.bincount(of_tool, minlength=many)
        known = np.zeros(0, np.int64) if trusted is None else trusted
        new = np.isin(value, known, invert=True)
        return cls(calls.sessions, tools, value[new], given[new], carried[new], Counted.of(of_edge), kinds)

    def passing(self, calls: Calls, flows: Flows) -> tuple[Floats, Ints]:
        """Return of each call its surprise at passing a doubted value on, and the call whose result held it.

        Likely is what users give of themselves, and what goes the way of many other values.
        """
        come = np.flatnonzero(flows.carried & np.isin(flows.value, self.value))
        call, by = flows.call[come], flows.source[come]
        tool, at = coded(calls.tool, self.tools), np.searchsorted(self.value, flows.value[come])
        others = self.edge.of_each(tool[by] * len(self.tools) + tool[call]) - 1
        likely = (others + 0.5) / (self.kinds[tool[call]] + 1)
        nats = -np.log(np.minimum(likely + self.given[at] / (self.given[at] + self.carried[at]), 1))
        return worst_of(call, by, nats, len(calls))

    def ways(self, source: str, tool: str) -> tuple[int, int]:
        """Return how many other values went from one tool to another, and how many the other was given at all."""
        places = [self.tools.index(name) for name in (source, tool)]
        key = np.array([places[0] * len(self.tools) + places[1]])
        return int(self.edge.of_each(key)[0]) - 1, int(self.kinds[places[1]])
