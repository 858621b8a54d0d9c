"""Paths to a field: dotted names, quoted where a name holds a dot, or a JSON pointer."""

from __future__ import annotations

import re

Path = tuple[str, ...]

_STEP = re.compile(r'"((?:[^"\\]|\\.)+)"|([^".]+)')
_PLAIN = re.compile(r'[^"./\s][^".\s]*')


def parse_path(text: str) -> Path:
    r"""Return the names on the way to a field; ValueError says what is wrong with the text.

    `user.sub` is the field sub inside user, `"src.addr"` one field whose name holds a dot, `/user/sub` the same
    as a JSON pointer (RFC 6901). A number names an element of an array, from 0.
    """
    if text.startswith("/"):
        return tuple(_unescaped(name) for name in text[1:].split("/"))
    names: list[str] = []
    at = 0
    while match := _STEP.match(text, at):
        quoted, bare = match.groups()
        names.append(re.sub(r"\\(.)", r"\1", quoted) if quoted else bare.strip())
        at = match.end()
        if at == len(text):
            return tuple(names)
        if text[at] != ".":
            break
        at += 1
    raise ValueError(_fault(text, at))


def show_path(path: Path) -> str:
    """Return a path as it is written in a mapping."""
    return ".".join(name if _PLAIN.fullmatch(name) else '"' + _escaped(name) + '"' for name in path)


def pointer(path: Path) -> str:
    """Return a path as the key it has in `unmapped`: names with a slash before each, not escaped."""
    return "/" + "/".join(path)


def _unescaped(name: str) -> str:
    if re.search(r"~(?![01])", name):
        raise ValueError("in a JSON pointer ~ is written ~0, and / inside a name ~1")
    return name.replace("~1", "/").replace("~0", "~")


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _fault(text: str, at: int) -> str:
    if not text:
        return "it is empty"
    if text.count('"') % 2:
        return "a quote is not closed"
    return f"a name is missing or ends oddly at character {at + 1}"
