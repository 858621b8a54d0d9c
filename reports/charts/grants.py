"""What became of grants: by server as bars, by principal and server as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.charts.svg import PALETTE, Frame, cut, draw
from reports.page import Figure

STATES = {
    "used": ("reached", "used", "U"),
    "unused": ("warned", "unused", "–"),
    "denied_only": ("denied", "denied only", "D"),
    "used_not_granted": ("left", "used, not granted", "!"),
    "too_new": ("asked", "too new", "n"),
    "not_observable": ("soft", "not observable", "?"),
}
"""For each state its colour, its words, and the sign it has in the matrix."""
MOST_SERVERS, MOST_PRINCIPALS = 16, 40
_RANK = ("used_not_granted", "denied_only", "unused", "used", "too_new", "not_observable")


@dataclass(frozen=True)
class Square:
    """One square of the matrix: a principal, a server, and the state that is shown for it."""

    principal: str
    server: str
    state: str
    grants: int


def states_by_server(counts: Mapping[str, Mapping[str, int]]) -> Figure | None:
    """Return the bars: for each server how many grants are in each state, the largest first."""
    chosen = sorted(counts, key=lambda server: (-sum(counts[server].values()), server))[:MOST_SERVERS]
    values = [
        {"server": server, "state": state, "n": counts[server][state], "order": place}
        for server in chosen
        for place, state in enumerate(STATES)
        if counts[server].get(state)
    ]
    if not values:
        return None
    height = 26 * len(chosen)
    plot = {
        "data": {
            "values": [
                {**row, "server": f"{chosen.index(str(row['server'])):02} {cut(str(row['server']))}"}
                for row in values
            ]
        },
        "mark": {"type": "bar", "height": {"band": 0.68}, "stroke": PALETTE["paper"]},
        "encoding": {
            "y": {
                "field": "server",
                "type": "nominal",
                "title": None,
                "axis": {"ticks": False, "domain": False, "labelExpr": "slice(datum.label, 3)"},
            },
            "x": {
                "field": "n",
                "type": "quantitative",
                "title": "grants",
                "axis": {"tickCount": 6, "format": ",d", "tickMinStep": 1},
            },
            "color": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": list(STATES), "range": [PALETTE[c] for c, _, _ in STATES.values()]},
            },
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    left = len(counts) - len(chosen)
    title = "Grants by server and what became of them" + (
        f" (the {len(chosen)} largest of {len(counts):,} servers)" if left else ""
    )
    told = "; ".join(
        f"{cut(server)}: " + ", ".join(f"{n} {STATES[state][1]}" for state, n in counts[server].items() if n)
        for server in chosen[:6]
    )
    return Figure(title, draw(plot, Frame(600, height, left=190), title, told), _key())


def used_matrix(squares: Sequence[Square]) -> Figure | None:
    """Return the matrix of principals and servers; alike principals stand together."""
    if not squares:
        return None
    servers = _most(squares, "server", MOST_SERVERS)
    principals = _most(squares, "principal", MOST_PRINCIPALS)
    kept = [s for s in squares if s.server in servers and s.principal in principals]
    order = _alike(kept, servers, principals)
    values = [
        {
            "x": servers.index(s.server),
            "y": order.index(s.principal),
            "state": s.state,
            "sign": STATES[s.state][2],
        }
        for s in kept
    ]
    width, height = 30 * len(servers), 18 * len(order)
    top = 30 + 5 * max(len(cut(server, 22)) for server in servers)
    colours = {"domain": list(STATES), "range": [PALETTE[c] for c, _, _ in STATES.values()]}
    place = {"x": _axis("x", [cut(s, 22) for s in servers]), "y": _axis("y", [cut(p, 30) for p in order])}
    plot = {
        "data": {"values": values},
        "encoding": place,
        "layer": [
            {
                "mark": {"type": "rect", "stroke": PALETTE["paper"], "strokeWidth": 2},
                "encoding": {"color": {"field": "state", "type": "nominal", "scale": colours}},
            },
            {
                "mark": {"type": "text", "fontSize": 11, "fontWeight": "bold", "fill": PALETTE["paper"]},
                "encoding": {"text": {"field": "sign"}},
            },
        ],
    }
    title = "Granted and used: principals by servers"
    told = f"{len(order)} principals by {len(servers)} servers, {len(kept)} squares; the table beside it says the same"
    everyone = len({s.principal for s in squares})
    more = f" ({len(order)} of {everyone:,}, those with most squares)" if everyone > len(order) else ""
    return Figure(
        title + more,
        draw(plot, Frame(width, height, left=230, right=120, top=top, bottom=8), title, told),
        _key(signs=True),
    )


def _axis(name: str, labels: Sequence[str]) -> dict[str, object]:
    upright = {"orient": "top", "labelAngle": -45, "labelAlign": "left"} if name == "x" else {}
    words = "[" + ",".join(_quoted(label) for label in labels) + "]"
    axis = {"ticks": False, "domain": False, "labelExpr": f"{words}[datum.value]", **upright}
    return {
        "field": name,
        "type": "ordinal",
        "title": None,
        "scale": {"domain": list(range(len(labels)))},
        "axis": axis,
    }


def _quoted(text: str) -> str:
    """Return a text as a string of Vega's expressions: everything but plain letters and digits as an escape."""
    return "'" + "".join(c if c.isascii() and c.isalnum() else _escaped(c) for c in text) + "'"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _most(squares: Sequence[Square], what: str, most: int) -> list[str]:
    counts: dict[str, int] = {}
    for square in squares:
        name = getattr(square, what)
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]


def _alike(squares: Sequence[Square], servers: Sequence[str], principals: Sequence[str]) -> list[str]:
    """Return principals so that equal rows of the matrix are beside each other, the gravest first."""
    state = {(s.principal, s.server): _RANK.index(s.state) for s in squares}
    return sorted(principals, key=lambda p: ([state.get((p, server), len(_RANK)) for server in servers], p))


def _key(*, signs: bool = False) -> list[tuple[str, str]]:
    return [(colour, f"{sign}  {words}" if signs else words) for colour, words, sign in STATES.values()]
