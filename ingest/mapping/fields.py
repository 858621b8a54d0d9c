"""The fields of a piece of records, one field of all records at a time, and what of them was not taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ingest.attributes import as_json
from ingest.mapping.paths import Path, pointer, show_path

Raw = msgspec.Raw
Object = dict[str, Raw]

NULL = Raw(b"null")
"""What stands for an absent field, one object: to a mapping, null and absent are the same."""
_NOTHING: Object = {}
_OBJECTS = msgspec.json.Decoder(list[dict[str, Raw] | None])
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
_KINDS = {ord('"'): "text", ord("["): "an array", ord("{"): "an object", ord("t"): "true", ord("f"): "false"}
UNFIT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Fields:
    """Records as objects of raw values, read by path.

    `flat` says that the objects are what an adapter left in `unmapped`: their keys are JSON pointers already.
    `wrong` maps a row to why its record cannot be read.
    """

    def __init__(self, objects: Sequence[Object], *, flat: bool = False) -> None:
        self.rows = len(objects)
        self.wrong: dict[int, str] = {}
        self._flat = flat
        self._inside: dict[Path, Sequence[Object]] = {(): objects}
        self._known: dict[Path, list[Raw]] = {}
        self._left: dict[Path, set[int]] = {}
        self._stuck: dict[Path, set[int]] = {}

    def ways(self, path: Path) -> list[Path]:
        """Return where a path may lead: of what an adapter left, a part of the way may be one key."""
        if not self._flat:
            return [path]
        return [(pointer(path[:n]), *path[n:]) for n in range(len(path), 0, -1)]

    def raws(self, path: Path) -> list[Raw]:
        """Return the field of each record, NULL where it has none."""
        if path not in self._known:
            key = path[-1]
            self._known[path] = [o.get(key, NULL) for o in self._objects(path[:-1])]
        return self._known[path]

    def take(self, path: Path, left: Iterable[int]) -> None:
        """Say that a field has been given a column, except in the rows `left`."""
        rows = set(left)
        self._left[path] = self._left[path] & rows if path in self._left else rows

    def rest(self) -> list[bytes | None]:
        """Return, per row, the JSON object of all fields that were not taken, None where all were."""
        out: list[Object] = [{} for _ in range(self.rows)]
        for node in self._inside:
            if not any(node[:n] in self._left for n in range(1, len(node) + 1)):
                self._rest_of(node, out)
        return [as_json(fields) if fields else None for fields in out]

    def _rest_of(self, node: Path, out: list[Object]) -> None:
        depth = len(node) + 1
        inner = {path for path in self._inside if len(path) == depth and path[:-1] == node}
        leaves = {path for path in self._left if len(path) == depth and path[:-1] == node}
        named = frozenset(path[-1] for path in inner | leaves)
        prefix = "" if self._flat and not node else self._pointer(node) + "/" if node else "/"
        for row, fields in enumerate(self._inside[node]):
            if not fields.keys() <= named:
                out[row].update({prefix + k: v for k, v in fields.items() if k not in named})
        for path in inner | leaves:
            back = self._left[path] if path in leaves else self._stuck.get(path, ())
            for row in back:
                if not absent(raw := self.raws(path)[row]):
                    out[row][prefix + path[-1]] = raw

    def _pointer(self, node: Path) -> str:
        return node[0] + "".join("/" + name for name in node[1:]) if self._flat else pointer(node)

    def _objects(self, path: Path) -> Sequence[Object]:
        if path not in self._inside:
            raws = self.raws(path)
            try:
                found = _OBJECTS.decode(b"[" + b",".join(raws) + b"]")
                self._inside[path] = [_NOTHING if o is None else o for o in found]
            except UNFIT:
                self._inside[path] = [self._object(path, row, raw) for row, raw in enumerate(raws)]
        return self._inside[path]

    def _object(self, path: Path, row: int, raw: Raw) -> Object:
        first = bytes(raw)[:1]
        if first == b"{":
            return _OBJECT.decode(raw)
        if first == b"[":
            return {str(place): item for place, item in enumerate(_ARRAY.decode(raw))}
        if not absent(raw):
            self._stuck.setdefault(path, set()).add(row)
        return _NOTHING

    def refuse_stuck(self, leaves: Iterable[Path]) -> None:
        """Refuse the records in which something other than an object stands in a path's way."""
        lenient = set(leaves)
        for path, rows in self._stuck.items():
            if not self._flat and path not in lenient:
                for row in rows:
                    kind = kind_of(self.raws(path)[row])
                    self.wrong.setdefault(row, f"{show_path(path)}: expected an object, got {kind}")


def absent(raw: Raw) -> bool:
    """Say whether a field is not there, or null."""
    return raw is NULL or bytes(raw) == b"null"


def kind_of(raw: Raw) -> str:
    """Return what sort of JSON value this is, for people."""
    return _KINDS.get(bytes(raw)[0], "a number")
