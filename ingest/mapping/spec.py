"""What a mapping file says, once checked."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

from ingest.canonical import FILLED_BY_LAKE
from ingest.mapping.paths import Path
from store.events import BY_NAME

RAW = ("arguments", "result")
"""Content as it stands in the record: JSON or text."""
FIELDS = (*(name for name in BY_NAME if name not in FILLED_BY_LAKE), *RAW, "session_id")
"""What a mapping may fill: the columns a source knows, and raw content and session id."""
RECORDS = ("json", "logfmt")

TOP = {
    "summary": "one line for `tooltrail formats list`",
    "records": "`json` (the default): one object a line; `logfmt`: `key=value` text",
    "extends": "the id of a format this one adds columns to",
    "recognise": "what every record of the format has at its top level; `[[recognise]]` for several kinds of records",
    "absent": 'texts that mean nothing is there, such as `["-"]`',
    "columns": "column = where it comes from",
    "when": "columns set where a field has certain values",
}
"""The keys of a mapping file and what they mean."""
COLUMN = {
    "from": "the path of the field, or a list of paths: the first that has a value counts",
    "value": "a constant, instead of `from`",
    "unit": "what a number is given in",
    "words": "a table from the field's words to the column's",
    "otherwise": "the word for all others; the field then stays in `unmapped` as well",
    "strip_prefix": "a text taken off the beginning",
    "before": "what stands before the first of these; nothing where there is none",
    "after": "what stands after the first of these; the whole where there is none",
    "part": "a known part of a text",
    "split": "for a list: what separates its elements in a text",
}
"""The keys of a column that is more than a path."""
RECOGNISE = {"keys": "keys that are there", "values": "keys with the value they have"}
WHEN = {
    "from": "the path of the field",
    "is": "a value or a list of values",
    "set": "columns and their words",
}


@dataclass(frozen=True)
class Source:
    """Where a column comes from: a constant, or paths of which the first with a value counts, and what is done."""

    column: str
    paths: tuple[Path, ...] = ()
    value: Any = None
    unit: str | None = None
    words: Table[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    strip_prefix: str = ""
    before: str = ""
    after: str = ""
    part: str = ""
    split: str | None = None


@dataclass(frozen=True)
class Condition:
    """Columns to set where one of the paths has one of the texts."""

    paths: tuple[Path, ...]
    texts: frozenset[str]
    columns: Table[str, Any]


@dataclass(frozen=True)
class Mapping:
    """A mapping file as checked. `signatures` has a None where any value will do; `where` is file:line of `extends`."""

    id: str
    summary: str
    records: str
    extends: str | None
    signatures: tuple[dict[str, Any], ...]
    absent: frozenset[str]
    sources: tuple[Source, ...]
    conditions: tuple[Condition, ...]
    where: str

    def reads(self) -> list[tuple[Path, ...]]:
        """Return the paths of each column and condition: one of them must lead somewhere."""
        sides = [source.paths for source in self.sources] + [condition.paths for condition in self.conditions]
        return [paths for paths in dict.fromkeys(sides) if paths]
