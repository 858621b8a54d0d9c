"""The one table: what we measured, what a peer or floor needs for the same, the target, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

HEAD = ("name", "ours", "peer / floor", "ratio", "target", "met")


@dataclass(frozen=True)
class Target:
    """A bound on our figure, or on its ratio to the peer's."""

    limit: float
    at_least: bool = True
    of_ratio: bool = False

    def met(self, row: Row) -> bool | None:
        """Say whether a row keeps to it; None when the row has no such figure."""
        figure = row.ratio if self.of_ratio else row.ours
        if figure is None:
            return None
        return figure >= self.limit if self.at_least else figure <= self.limit

    def text(self, unit: str) -> str:
        """Return it as the table shows it."""
        sign = ">=" if self.at_least else "<="
        return f"ratio {sign} {self.limit:g}" if self.of_ratio else f"{sign} {show(self.limit, unit)}"


def at_least(limit: float) -> Target:
    """Ask for a figure no lower than this."""
    return Target(limit)


def at_most(limit: float) -> Target:
    """Ask for a figure no higher than this."""
    return Target(limit, at_least=False)


def ratio_at_least(limit: float) -> Target:
    """Ask for a ratio to the peer no lower than this."""
    return Target(limit, of_ratio=True)


def ratio_at_most(limit: float) -> Target:
    """Ask for a ratio to the peer no higher than this."""
    return Target(limit, at_least=False, of_ratio=True)


@dataclass(frozen=True)
class Row:
    """One line: a figure of ours, the peer's, and targets. A row without a figure says in `note` why."""

    name: str
    unit: str
    ours: float | None = None
    peer: float | None = None
    peer_name: str = ""
    targets: tuple[Target, ...] = ()
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Our figure divided by the peer's."""
        return self.ours / self.peer if self.ours is not None and self.peer else None

    def cells(self) -> tuple[str, ...]:
        """Return the row as texts, in the order of the head."""
        if self.ours is None:
            return self.name, self.note or "not measured", "", "", self._target(), "not measured"
        peer = "" if self.peer is None else f"{show(self.peer, self.unit)} {self.peer_name}".rstrip()
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return self.name, show(self.ours, self.unit), peer, ratio, self._target(), self._met()

    def record(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return {
            "name": self.name, "unit": self.unit, "ours": self.ours, "peer": self.peer, "peer_name": self.peer_name,
            "ratio": self.ratio, "targets": [t.text(self.unit) for t in self.targets],
            "met": [t.met(self) for t in self.targets], "note": self.note,
        }  # fmt: skip

    def _target(self) -> str:
        return ", ".join(target.text(self.unit) for target in self.targets) or "information"

    def _met(self) -> str:
        return ", ".join("yes" if target.met(self) else "no" for target in self.targets)


def show(figure: float, unit: str) -> str:
    """Return a figure with its unit, to three digits."""
    if unit == "/s":
        return f"{figure / 1000:.1f} k/s"
    if unit == "%":
        return f"{figure:.1f} %"
    digits = 0 if figure >= 100 else 1 if figure >= 10 else 2
    return f"{figure:.{digits}f} {unit}"


def render(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table whose columns line up."""
    lines: list[Sequence[str]] = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    texts = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    texts.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(texts)
