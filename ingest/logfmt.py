"""Key=value text: quoted values, bare values that hold spaces, and JSON values."""

from __future__ import annotations

import re

_KEY = r"[^\s=\"]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"(?=\s|$)'
_NESTED = rf'[\[{{](?:[^"]|"(?:[^"\\]|\\.)*")*?[\]}}](?=\s{_KEY}=|\s*$)'
_BARE = rf"\S*(?:\s(?!{_KEY}=)\S*)*"
_HEAD = re.compile(rf"\s({_KEY})=")
_VALUE = re.compile(rf"{_QUOTED}|{_BARE}")
_OBJECT = re.compile(_NESTED)
_SCANS = 8
"""How often a text is looked through for the ends of its JSON values: brackets that never close are plain text then."""
_SPACE = "\0"
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


def pairs(text: str) -> tuple[dict[str, str], bool]:
    """Return the values by key, and whether a key came twice; `text` starts with the space before a key.

    Of a key that comes twice the first value stands and the next are called `key#2` and on: the writer puts
    what it knows itself before what it quotes from others, so that a later one may be forged. ValueError says
    that the text holds no pairs.
    """
    plain = _plain_pairs(text)
    if plain is not None:
        return plain, False
    head = _HEAD.match(text)
    if head is None:
        raise ValueError("no key=value pairs")
    values: dict[str, str] = {}
    times: dict[str, int] = {}
    left = _SCANS * len(text)
    while head is not None:
        key, start = head[1], head.end()
        opens = left > 0 and text[start : start + 1] in ("[", "{")
        found = _OBJECT.match(text, start) if opens else None
        if opens:
            left -= len(text) - start if found is None else len(found[0])
        found = found or _VALUE.match(text, start)
        assert found is not None  # a bare value may be empty
        times[key] = times.get(key, 0) + 1
        values[key if times[key] == 1 else f"{key}#{times[key]}"] = unquoted(found[0])
        head = _HEAD.search(text, found.end())
    return values, len(times) != len(values)


def _plain_pairs(text: str) -> dict[str, str] | None:
    """Split at spaces; None for text with escapes, JSON, bare values that hold a space, or repeated keys."""
    if "\\" in text or "={" in text or "=[" in text or "\t" in text or _SPACE in text:
        return None
    quotes = '"' in text
    if quotes:
        parts = text.split('"')
        parts[1::2] = [inside.replace(" ", _SPACE) for inside in parts[1::2]]
        text = '"'.join(parts)
    tokens = text.split(" ")
    if tokens[0] or len(tokens) == 1:
        return None
    try:
        values = dict([token.split("=", 1) for token in tokens[1:]])
    except ValueError:
        return None
    if "" in values or len(values) != len(tokens) - 1:
        return None
    return _without_quotes(values, len(parts) - 1) if quotes else values


def _without_quotes(values: dict[str, str], quotes: int) -> dict[str, str] | None:
    """Undo the quotes; None when not all of the text's quotes stand around whole values."""
    for key in [key for key, value in values.items() if value[:1] == '"']:
        value = values[key]
        if value[-1] != '"':
            return None
        quotes -= 2
        values[key] = value[1:-1].replace(_SPACE, " ")
    return values if quotes == 0 else None


def unquoted(text: str) -> str:
    r"""Undo quotes with JSON's and Rust's escapes (\u{1b}); text without both quotes is returned as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return _ESCAPE.sub(_unescaped, text[1:-1]) if "\\" in text else text[1:-1]


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    if not digits:
        return _PLAIN.get(match[3], match[3])
    code = int(digits, 16)
    return chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"
