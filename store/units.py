"""How configuration values are written (128MiB, 5s, lists, switches), and on which line they stand."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A type of value: its parser raises ValueError or TypeError for what is not `expected`."""

    name: str
    expected: str
    parse: Callable[[Any], Any]


_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
          "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}  # fmt: skip
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_QUANTITY = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_MOST = 2**63 - 1
_LAST_PORT = 65_535


def _quantity(value: Any, units: dict[str, float] | dict[str, int]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match[2].lower() not in units:
        raise ValueError
    number = float(match[1]) if "." in match[1] else int(match[1])
    return number * units[match[2].lower()]


def parse_size(value: Any) -> int:
    """Return bytes: 128MiB, 1GB, 4096."""
    size = _quantity(value, _SIZES)
    if not 1 <= size <= _MOST:
        raise ValueError
    return int(size)


def parse_duration(value: Any) -> float:
    """Return seconds: 5s, 250ms, 1.5h, 10."""
    seconds = float(_quantity(value, _SECONDS))
    if not math.isfinite(seconds):
        raise ValueError
    return seconds


def _positive_duration(value: Any) -> float:
    if (seconds := parse_duration(value)) <= 0:
        raise ValueError
    return seconds


@dataclass(frozen=True)
class Named:
    """A duration, in seconds, by a name."""

    name: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.name}={self.seconds:g}s"


def _durations(value: Any) -> tuple[Named, ...]:
    if isinstance(value, str):
        value = dict(part.strip().rsplit("=", 1) for part in value.split(",") if part.strip())
    if not isinstance(value, dict):
        raise TypeError
    return tuple(Named(_text(name).strip(), _positive_duration(life)) for name, life in value.items())


def _count_or_zero(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    count = int(value)
    if not 0 <= count <= _MOST:
        raise ValueError
    return count


def _count(value: Any) -> int:
    if (count := _count_or_zero(value)) == 0:
        raise ValueError
    return count


def _switch(value: Any) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in words:
        raise ValueError
    return words[value.lower()]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(_text(item) for item in value)


def _pattern(value: Any) -> str:
    try:
        re.compile(_text(value))
    except re.error as error:
        raise ValueError from error
    return str(value)


def _path(value: Any) -> Path:
    return Path(_text(str(value) if isinstance(value, Path) else value)).expanduser()


def _paths(value: Any) -> tuple[Path, ...]:
    items = value if isinstance(value, list | tuple) else _texts(value)
    return tuple(_path(item) for item in items)


def _address(value: Any) -> str:
    host, colon, port = _text(value).rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > _LAST_PORT:
        raise ValueError
    return str(value)


TEXT = Kind("text", "text", _text)
PATTERN = Kind("regular expression", "a regular expression", _pattern)
TEXTS = Kind("list of texts", "a list of texts (in the environment: separated by commas)", _texts)
PATH = Kind("path", "a path", _path)
PATHS = Kind("list of paths", "a list of paths (in the environment: separated by commas)", _paths)
COUNT = Kind("number", "a whole number of at least 1", _count)
COUNT_OR_ZERO = Kind("number", "a whole number of at least 0", _count_or_zero)
SIZE = Kind("size", "a size such as 128MiB or a number of bytes", parse_size)
DURATION = Kind(
    "duration", "a duration above zero such as 5s, 250ms or a number of seconds", _positive_duration
)
DURATION_OR_ZERO = Kind("duration", "a duration such as 30s, 5m or a number of seconds", parse_duration)
DURATIONS = Kind(
    "durations by name",
    'durations by name such as {github = "30m"} (in the environment: github=30m, separated by commas)',
    _durations,
)
SWITCH = Kind("true or false", "true or false", _switch)
ADDRESS = Kind("host:port", "host:port", _address)


def choice(*words: str) -> Kind:
    """Return the kind of a value that is one of `words`, in any case."""
    exact = {word.lower(): word for word in words}

    def parse(value: Any) -> str:
        if (word := exact.get(_text(value).lower())) is None:
            raise ValueError
        return word

    return Kind(" or ".join(words), f"one of {', '.join(words)}", parse)


def show(value: Any) -> str:
    """Return a parsed value as a person would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(show(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def show_size(size: int) -> str:
    """Return bytes in the largest unit that divides them: 128MiB."""
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def beside(value: Any, folder: Path) -> Any:
    """Return relative paths in a value as seen from the folder of the file they were written in."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(beside(item, folder) for item in value)
    return value


_SECTION_LINE = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")
_KEY_LINE = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=(.*)""")


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line on which each section and key first stands: {("ingest", "flush_rows"): 4}.

    A small scan beside tomllib, which tells no lines. It only has to be right for files tomllib accepts.
    """
    found: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = _still_inside(line, inside)
        elif match := _KEY_LINE.match(line):
            path = (*section, *_words(match[1]))
            found.setdefault(path[:1], number)
            found.setdefault(path, number)
            inside = _opened(match[2])
        elif match := _SECTION_LINE.match(line):
            section = _words(match[1])
            found.setdefault(section, number)
    return found


def _words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in re.findall(r""""[^"]*"|'[^']*'|[^.\s]+""", dotted))


def _opened(value: str) -> str:
    return next((mark for mark in ('"""', "'''") if value.count(mark) % 2), "")


def _still_inside(line: str, mark: str) -> str:
    return "" if line.count(mark) % 2 else mark


_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def toml_fault(error: tomllib.TOMLDecodeError) -> str:
    """Return what tomllib says is wrong, without its place."""
    return f"not TOML: {_AT.sub('', str(error))}"


def toml_place(file: Path, error: tomllib.TOMLDecodeError) -> str:
    """Return file:line of a TOML fault."""
    match = _AT.search(str(error))
    return f"{file}:{match[1]}" if match and match[1] else str(file)
