"""The tables in docs/mapping.md: what a mapping file may say, from what reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ingest.mapping.spec import COLUMN, FIELDS, RAW, RECOGNISE, TOP, WHEN
from ingest.mapping.values import DURATIONS, EPOCHS, PARTS, SIZES, units_of
from store.events import BY_NAME, TEXT, TEXTS

PAGE = Path(__file__).parent.parent / "docs" / "mapping.md"
_GENERATED = re.compile(r"(<!-- generated: keys -->\n).*?(<!-- end -->)", re.DOTALL)


def mapping_page() -> str:
    """Return docs/mapping.md with its tables written again; its prose and examples stay as they are."""
    return _GENERATED.sub(lambda match: match[1] + _tables() + match[2], PAGE.read_text("utf-8"))


def _tables() -> str:
    parts = [
        _table("key of the file", TOP),
        _table("key of `[recognise]`", RECOGNISE),
        "A column is a path, or a table:\n",
        _table("key of a column", COLUMN),
        _table("key of `[[when]]`", WHEN),
        "\n".join(_units()) + "\n",
        _table("`part`", {name: meaning for name, (meaning, _) in PARTS.items()}),
        _columns(),
    ]
    return "\n".join(parts) + "\n"


def _table(head: str, rows: Mapping[str, str]) -> str:
    return (
        "\n".join([f"| {head} | |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows.items())])
        + "\n"
    )


def _units() -> Iterator[str]:
    yield "| columns | `unit` | without one |"
    yield "|---|---|---|"
    without = {
        id(EPOCHS): "RFC 3339 text",
        id(DURATIONS): "milliseconds; text such as `12ms` or `1m2.5s` has its own unit",
        id(SIZES): "bytes",
    }
    for units in (EPOCHS, DURATIONS, SIZES):
        columns = ", ".join(f"`{name}`" for name in FIELDS if units_of(name) is units)
        yield f"| {columns} | {', '.join(f'`{unit}`' for unit in units)} | {without[id(units)]} |"


def _columns() -> str:
    texts = [name for name in FIELDS if name not in BY_NAME or BY_NAME[name].type == TEXT]
    words = [name for name in texts if name in BY_NAME and BY_NAME[name].enum]
    lists = [name for name in FIELDS if name in BY_NAME and BY_NAME[name].type == TEXTS]
    rest = [name for name in FIELDS if name not in (*texts, *lists, *RAW)]
    lines = {
        "of certain words, which the [schema](schema.md) lists": words,
        "text, also from a number": [name for name in texts if name not in (*words, *RAW)],
        "lists of texts": lists,
        "content, JSON or text": list(RAW),
        "numbers, times, actors": rest,
    }
    shown = (f"- {kind}: {', '.join(f'`{name}`' for name in names)}" for kind, names in lines.items())
    return "These columns may be filled; the others are filled by the lake.\n\n" + "\n".join(shown) + "\n"
