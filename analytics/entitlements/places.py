"""Where in a JSON text the value of a path stands: looked for only when something is wrong with it."""

from __future__ import annotations

import json
import re

from analytics.entitlements.facts import Place

_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_DECODER = json.JSONDecoder()

Step = str | int


def steps_of(path: str) -> list[Step]:
    """Return the keys and numbers of a path such as `$.grants[3].tool`."""
    return [key or int(number) for key, number in _STEP.findall(path)]


def place_of(file: str, text: str, steps: list[Step]) -> Place:
    """Return where the value of a path begins; where it is missing, where its parent begins."""
    return place_at(file, text, _offset(text, steps))


def place_at(file: str, text: str, offset: int) -> Place:
    """Return line and column of a position in a text."""
    return Place(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _offset(text: str, steps: list[Step]) -> int:
    at = _past(text, 0)
    for step in steps:
        inner = _member(text, at, step) if text[at] in "[{" else None
        if inner is None:
            return at
        at = inner
    return at


def _member(text: str, at: int, step: Step) -> int | None:
    """Return where the member of an object or the element of an array begins; the last of equal keys counts."""
    closing, found, count = "]" if text[at] == "[" else "}", None, 0
    at = _past(text, at + 1)
    while text[at] != closing:
        name: Step = count
        if closing == "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _past(text, _past(text, at) + 1)
        found = at if name == step else found
        _, at = _DECODER.raw_decode(text, at)
        at = _past(text, at)
        at = _past(text, at + 1) if text[at] == "," else at
        count += 1
    return found


def _past(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
