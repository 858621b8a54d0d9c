"""Java's text of a map, `{a=b, c={d=e}}`, read back as far as that can be done.

Nothing is quoted in it, so that it cannot be told whether a value held text, a number or null, or whether a comma
ended it: one does where a key and `=` or the end follows. What is read back is a likeness, all of it text.
"""

from __future__ import annotations

import re
from typing import Any

_DEEPEST = 32
_LONGEST = 1 << 20
_KEY = re.compile(r"\s*([^\s={}\[\],]{1,256})=")
_NEXT = re.compile(r",\s*(?=[^\s={}\[\],]{1,256}=)")
_STOPS = re.compile(r"[{}\[\],]")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.at += 1
        while not self._closes("}"):
            match = _KEY.match(self.text, self.at)
            if match is None:
                raise ValueError("no key")
            self.at = match.end()
            found[match[1]] = self.value(depth + 1, in_list=False)
        return found

    def sequence(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.at += 1
        while not self._closes("]"):
            while self.text[self.at : self.at + 1] == " ":
                self.at += 1
            found.append(self.value(depth + 1, in_list=True))
            if self.text[self.at : self.at + 1] not in (",", "]"):
                raise ValueError("a list closed by another bracket")
        return found

    def value(self, depth: int, *, in_list: bool) -> Any:
        if depth > _DEEPEST:
            raise ValueError("too deep")
        first = self.text[self.at : self.at + 1]
        if first == "{" and (
            _KEY.match(self.text, self.at + 1) or self.text[self.at + 1 : self.at + 2] == "}"
        ):
            return self.mapping(depth)
        return self.sequence(depth) if first == "[" else self._bare(in_list=in_list)

    def _bare(self, *, in_list: bool) -> str:
        start, inside = self.at, 0
        while (match := _STOPS.search(self.text, self.at)) is not None:
            mark, self.at = match[0], match.start()
            if mark in "{[":
                inside += 1
            elif mark == ",":
                if not inside and (in_list or _NEXT.match(self.text, self.at)):
                    return self.text[start : self.at]
            elif not inside:
                return self.text[start : self.at]
            else:
                inside -= 1
            self.at += 1
        raise ValueError("cut off")

    def _closes(self, mark: str) -> bool:
        """Say whether the container ends here, past whatever stands between its members."""
        here = self.text[self.at : self.at + 1]
        if here == ",":
            self.at += 1
            return False
        if here == mark:
            self.at += 1
            return True
        if not here:
            raise ValueError("cut off")
        return False


def parse(text: str) -> dict[str, Any] | None:
    """Return the map, None for text that is none, is cut off, or is too long or deep."""
    if not text.startswith("{") or len(text) > _LONGEST:
        return None
    reader = _Reader(text)
    try:
        found = reader.mapping(0)
    except ValueError:
        return None
    return found if not text[reader.at :].strip() else None
