"""Words for a story: names that cannot lie, lists, times, and the short ids of events."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_PLAIN = re.compile(r"[\w.@:/+|-]{1,80}", re.ASCII)
_LONGEST = 80
NAMED = 6
"""Names that are listed; the rest are counted."""
_SHORTEST_ID = 8


def short_ids(events: Iterable[str]) -> Mapping[str, str]:
    """Return the beginning of each id, eight characters or as many more as tell them all apart."""
    ids = sorted(set(events))
    length = _SHORTEST_ID
    while len({i[:length] for i in ids}) < len(ids):
        length += 1
    return {i: i[:length] for i in ids}


def named(text: str | None, otherwise: str = "something unnamed", longest: int = _LONGEST) -> str:
    """Return a name from a log as it may stand in a sentence: as it is if it is plain, else cut and in quotes."""
    if not text:
        return otherwise
    if _PLAIN.fullmatch(text):
        return text
    quoted = "".join(
        "'" if c in '“”"' else "(" if c == "[" else ")" if c == "]" else c for c in cut(text, longest)
    )
    return f"“{quoted}”"


def cut(text: str, longest: int = _LONGEST) -> str:
    """Return a text of at most so many characters, which ends in … if some are left out."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def events_by(rows: Iterable[Mapping[str, Any]], name: Any) -> dict[str, tuple[str, ...]]:
    """Return the events of each name that `name` gives for a row, in the order of their first."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if (value := name(row)) is not None:
            found.setdefault(value, []).append(row["event_id"])
    return {value: tuple(events) for value, events in found.items()}


def few(by_name: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the first event of each name: enough to show that it was there."""
    return tuple(dict.fromkeys(events[0] for events in list(by_name.values())[:NAMED]))


def many(count: int, noun: str) -> str:
    """Return a number with its noun, which takes an s unless there is one."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def counted(names: Sequence[str]) -> str:
    """Return names with how often each is there, the most frequent first."""
    counts = Counter(names).most_common()
    shown = [name if count == 1 else f"{name} ({count:,} times)" for name, count in counts[:NAMED]]
    if len(counts) > NAMED:
        shown.append(f"{len(counts) - NAMED:,} more kinds")
    return listed(shown)


def listed(names: Sequence[str]) -> str:
    """Return names as one list in words."""
    names = [*names[:NAMED], f"{len(names) - NAMED:,} more"] if len(names) > NAMED + 1 else list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def clock(moment: datetime) -> str:
    """Return the time of day, UTC."""
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def time_of(moment: datetime, told: datetime) -> str:
    """Return the time of day, UTC, with the date if the reader would take it for another day, that of `told`."""
    return clock(moment) if day(moment) == day(told) else f"{clock(moment)} on {day(moment)}"


def day(moment: datetime) -> str:
    """Return the date, UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def length(seconds: float) -> str:
    """Return a length of time in words."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"
