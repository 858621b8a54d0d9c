"""Detections: the folder is the registry, the file's stem the id, the head of the file what there is to know of it.

A detection is one .sql file. Its leading `--` lines are TOML (the header); what follows is one SELECT over the tables
of `world`, with every parameter bound as `$name`. Where SQL cannot say it, a .py file has the TOML as its docstring
and a function `find(connection, parameters)` that returns a relation.

Rows must have `evidence` (the least list of event ids without which the detection would not fire, in order of time),
`event_time` (of its last event) and `key` (text that stays the same when the same thing is found again). They may have
the entities `user_id`, `client`, `credential_id`, `server_name`, `tool_name`, `session`; `p_value`; `confidence`; and
whatever the header's `explain` names in braces.
"""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analytics.detecting import frameworks
from store.errors import UsageError

BUILT_IN = Path(__file__).parent.parent / "detections"
SEVERITIES = ("info", "low", "medium", "high", "critical")
ENTITIES = ("user_id", "client", "credential_id", "server_name", "tool_name", "session")
_REQUIRED = (
    "title",
    "severity",
    "confidence",
    "why",
    "next",
    "false_positives",
    "requires",
    "explain",
    "tags",
)
_OPTIONAL = ("parameters", "rollout", "lookback_hours")


@dataclass(frozen=True)
class Detection:
    """One detection as its file states it.

    `requires` are columns that must not be all null among the fresh events (in another table of the world, if written
    `table.column`), else it is not evaluable. `rollout` names the columns that many people share when something was
    rolled out. `lookback_hours` is how far before the window its events may lie. `columns` are columns of the lake it
    reads beside those of the world.
    """

    id: str
    title: str
    severity: str
    confidence: float
    why: str
    next: str
    false_positives: tuple[str, ...]
    requires: tuple[str, ...]
    explain: str
    tags: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    rollout: tuple[str, ...] = ()
    lookback_hours: float = 24.0
    columns: tuple[str, ...] = ()
    sql: str = ""
    find: Callable[[Any, Mapping[str, Any]], Any] | None = None


def load(folders: Iterable[Path] = ()) -> dict[str, Detection]:
    """Return the built-in detections and those of the given folders, by id, in order of id.

    Raises UsageError that names the file, and the line where it can be told.
    """
    found: dict[str, Detection] = {}
    for folder in (BUILT_IN, *folders):
        if not folder.is_dir():
            raise UsageError("there is no such folder of detections", where=str(folder))
        for file in sorted((*folder.glob("*.sql"), *folder.glob("*.py"))):
            if file.stem.startswith("_"):
                continue
            if file.stem in found:
                raise UsageError(
                    f"there is a detection {file.stem!r} already", where=str(file), hint="rename the file"
                )
            found[file.stem] = read(file)
    return dict(sorted(found.items()))


def read(file: Path) -> Detection:
    """Return one detection; UsageError says what is wrong with the file."""
    text = file.read_text("utf-8")
    head, sql = _parts(text) if file.suffix == ".sql" else (_docstring(text), "")
    try:
        header = tomllib.loads(head)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the header is not TOML: {error}", where=str(file)) from error
    _check(file, header)
    find = _function(file) if file.suffix == ".py" else None
    lists = ("false_positives", "requires", "tags", "rollout")
    values: dict[str, Any] = {name: tuple(v) if name in lists else v for name, v in header.items()}
    return Detection(id=file.stem, sql=sql, find=find, **values)


def _parts(text: str) -> tuple[str, str]:
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    head = [line[3:] if line.startswith("-- ") else line[2:] for line in lines[:end]]
    return "\n".join(head), "\n".join(lines[end:]).strip().rstrip(";")


def _docstring(text: str) -> str:
    match = re.match(r'\s*r?"""(.*?)"""', text, re.DOTALL)
    return match[1] if match else ""


def _check(file: Path, header: Mapping[str, Any]) -> None:
    missing = [name for name in _REQUIRED if name not in header]
    unknown = [name for name in header if name not in (*_REQUIRED, *_OPTIONAL)]
    if missing or unknown:
        wrong = [f"it lacks {', '.join(missing)}"] * bool(missing) + [
            f"it has unknown {', '.join(unknown)}"
        ] * bool(unknown)
        raise UsageError(f"the header: {'; '.join(wrong)}", where=str(file))
    if header["severity"] not in SEVERITIES:
        raise UsageError(f"severity is one of {', '.join(SEVERITIES)}", where=str(file))
    frameworks.check(header["tags"], str(file))


def _function(file: Path) -> Callable[[Any, Mapping[str, Any]], Any]:
    spec = importlib.util.spec_from_file_location(f"tooltrail_detection_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[Any, Mapping[str, Any]], Any] | None = getattr(module, "find", None)
    if function is None:
        raise UsageError("a .py detection has a function find(connection, parameters)", where=str(file))
    return function
