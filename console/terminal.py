"""Make hostile text harmless to a terminal: what would move, hide or reorder text is shown, not obeyed."""

from __future__ import annotations

import re
from functools import lru_cache

# What a terminal obeys or a reader cannot see: controls, format characters (bidirectional overrides,
# zero-width, tags), line separators, lone surrogates, fillers, variation selectors, and what is no character.
_RANGES = (
    (0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD),
    (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
_DEL = 0x7F
_C0_END = 0x20
_PICTURES = 0x2400


def hostile_class() -> str:
    """Return the body of a regular expression class of every character that is not shown as it is."""
    return "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in _RANGES)


_HOSTILE = re.compile(f"[{hostile_class()}]")


def visible(text: str, keep: str = "") -> str:
    r"""Return text with every hostile character shown: ESC as ␛, a newline as ␊, U+202E as \u{202e}.

    Characters in `keep` stay as they are.
    """
    if _HOSTILE.search(text) is None:
        return text
    return _HOSTILE.sub(lambda match: match[0] if match[0] in keep else _shown(match[0]), text)


@lru_cache(maxsize=1024)
def _shown(char: str) -> str:
    code = ord(char)
    if code < _C0_END:
        return chr(_PICTURES + code)
    if code == _DEL:
        return "␡"
    return f"\\u{{{code:x}}}"


_BEYOND_JSON = re.compile(f"(?![\x00-\x1f])[{hostile_class()}]")


def visible_json(text: bytes) -> bytes:
    r"""Return JSON with what a terminal obeys written as \u escapes: other bytes, the same document.

    JSON escapes the characters below U+0020 itself; those between its values are layout and stay.
    """
    if text.isascii() and b"\x7f" not in text:
        return text
    return _BEYOND_JSON.sub(_escaped, text.decode()).encode()


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
