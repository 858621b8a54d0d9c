"""Find the format adapters in their folder and tell, record by record, which one reads it.

An adapter is one module in ingest/adapters (or in a folder the user names) with:

    SUMMARY: str                                    one line for `tooltrail formats`
    SIGNATURES: tuple[dict[str, object], ...]       top-level keys its JSON records have; None accepts any value
    recognises(line: bytes) -> bool                 only for formats that are not JSON
    parse(records: Sequence[bytes]) -> Parsed       pure: no I/O, clock or network
    FIELDS: frozenset[str]                          optional: all top-level keys it knows, which saves detecting

A product whose records come as OTLP has two more names, and SIGNATURES only for what else it writes:

    OTLP_NAMES: tuple[str, ...]                     how its scopes, events, spans or attributes begin
    read(items: Sequence[Telemetry]) -> Parsed      one row of each (see ingest/otlp.py)

A format that is only an envelope has `among(adapters) -> parse` in place of parse: it hands records on to the others.
A mapping file (ingest/mapping) says the same without code. The id is the file's stem. Nothing else has to be edited
to add one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import msgspec

from ingest.decode import one_object_each, parse_object
from ingest.mapping.adapter import mapped
from ingest.parsed import Adapter
from store.errors import UsageError

Signature = dict[str, Any]
_MOST_LEARNT = 64
_MOST_KEY_SETS = 4096

BUILT_IN = Path(__file__).with_name("adapters")
UNREAD = "`tooltrail formats list` has what is read, docs/gateways.md how to add a format"
"""How the error of a record in no format ends: what to do next."""


def load_adapters(extra: Iterable[Path] = ()) -> dict[str, Adapter]:
    """Return every adapter by id, the built-in ones first; a user's folder may add ids but not replace them.

    Mapping files come after all modules, because they may extend one. Raises UsageError for a file that is no
    adapter or repeats an id.
    """
    folders = (BUILT_IN, *extra)
    found: dict[str, Adapter] = {}
    for pattern in ("[a-z]*.py", "[a-z]*.toml"):
        for file in (file for folder in folders for file in sorted(folder.glob(pattern))):
            if file.stem in found:
                raise UsageError(
                    f"format {file.stem!r} exists already", where=str(file), hint="rename the file"
                )
            found[file.stem] = _load(file) if file.suffix == ".py" else mapped(file, found)
    return {i: a if a.among is None else replace(a, parse=a.among(found)) for i, a in found.items()}


@cache
def _load(file: Path) -> Adapter:
    module = _import(file)
    among = getattr(module, "among", None)
    try:
        return Adapter(
            id=file.stem,
            summary=module.SUMMARY,
            parse=module.parse if among is None else among({}),
            signatures=tuple(getattr(module, "SIGNATURES", ())),
            recognises=getattr(module, "recognises", None),
            fields=getattr(module, "FIELDS", None),
            otlp_names=tuple(getattr(module, "OTLP_NAMES", ())),
            read=getattr(module, "read", None),
            among=among,
        )
    except AttributeError as error:
        raise UsageError(
            f"not an adapter: {error}",
            where=str(file),
            hint="see ingest/catalog.py for the three names it needs",
        ) from error


def _import(file: Path) -> ModuleType:
    name = f"ingest.adapters.{file.stem}" if file.parent == BUILT_IN else f"tooltrail_adapter_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # typed structs look their annotations up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"cannot be imported: {type(error).__name__}: {error}", where=str(file)) from error
    return module


class Detector:
    """Tells each record's format from its top level only, so that content cannot pass for another format.

    The most specific signature wins (most keys), then the adapter's id: the answer depends on nothing but the
    record.
    """

    def __init__(self, adapters: dict[str, Adapter]) -> None:
        signed = [(dict(s), a.id) for a in adapters.values() for s in a.signatures]
        signed.sort(key=lambda pair: (-len(pair[0]), pair[1]))
        self._signed = signed
        self._texts = [(a.recognises, a.id) for a in adapters.values() if a.recognises is not None]
        self._known = frozenset(key for signature, _ in signed for key in signature)
        self._possible: dict[frozenset[str], list[tuple[Signature, str]]] = {}
        self._sure: list[tuple[msgspec.json.Decoder[Any], str]] = []
        self._learnt: set[tuple[str, frozenset[str]]] = set()

    def formats(self, records: Sequence[bytes]) -> list[str | None]:
        """Return the adapter id of each record, None where no format is recognised."""
        if one_object_each(records):
            return self._of_objects(records)
        found: list[str | None] = [None] * len(records)
        whole = [i for i, raw in enumerate(records) if raw[:1] == b"{" and raw[-1:] == b"}"]
        for i, id_ in zip(whole, self._of_objects([records[i] for i in whole]), strict=True):
            found[i] = id_
        for i in sorted(set(range(len(records))).difference(whole)):
            found[i] = self._one(records[i])
        return found

    def _of_objects(self, records: Sequence[bytes]) -> list[str | None]:
        """Return the format of records each of which can be one whole object: all at once when they are alike."""
        joined = b"\n".join(records)
        for place, (decoder, id_) in enumerate(self._sure):
            try:
                if len(decoder.decode_lines(joined)) != len(records):
                    break
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            self._sure.insert(0, self._sure.pop(place))
            return [id_] * len(records)
        found = [self._one(record) for record in records]
        if records and found[0] is not None and found.count(found[0]) == len(found):
            self._learn(records[0], found[0])
        return found

    def _learn(self, record: bytes, id_: str) -> None:
        """Make a decoder that only records like this one fit, and none that could be of another format.

        Decoding a whole batch with it is how the next batch like this is recognised in one call: the keys of the
        signature that matched must be there, and of each signature that comes before it a key that is not here must
        be absent.
        """
        try:
            keys = set(parse_object(record))
        except ValueError:  # a line of text
            return
        never: dict[str, Any] = {}
        for signature, other in self._signed:
            if other == id_ and keys.issuperset(signature):
                break
            if other != id_ and never.keys().isdisjoint(signature):
                absent = [key for key in signature if key not in keys]
                if not absent:
                    return
                never[max(absent, key=len)] = (Literal["\0never"], "\0never")
        ours = {k: (msgspec.Raw,) if v is None else (Literal[v],) for k, v in signature.items()}
        if (lesson := (id_, frozenset((*ours, *never)))) not in self._learnt and len(
            self._learnt
        ) < _MOST_LEARNT:
            self._learnt.add(lesson)
            self._sure.insert(0, (msgspec.json.Decoder(_struct("Sure", {**ours, **never})), id_))

    def is_sure(self, adapter: Adapter, present: Collection[str]) -> bool:
        """Say whether records are of an adapter's format that all have the keys `present` and only its `fields`.

        They are when a signature of its own is among the keys, and each signature of others has a key that it
        does not know.
        """
        fields = adapter.fields
        return (
            fields is not None
            and any(all(k in present and v is None for k, v in s.items()) for s in adapter.signatures)
            and all(id_ == adapter.id or not fields.issuperset(s) for s, id_ in self._signed)
        )

    def why_not(self, record: bytes) -> str:
        """Say why no format recognises a record, for the person who has to choose one."""
        if record.lstrip()[:1] != b"{":
            return f"not a JSON object, and no text format recognises it; {UNREAD}"
        try:
            keys = sorted(parse_object(record))
        except ValueError as error:
            return str(error)
        return f"no format has these top-level keys: {', '.join(k[:40] for k in keys[:12])}; {UNREAD}"

    def _one(self, record: bytes) -> str | None:
        if record.lstrip()[:1] != b"{":
            return next((id_ for recognises, id_ in self._texts if recognises(record)), None)
        try:
            return self._match(_top_level.decode(record))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _match(self, values: dict[str, msgspec.Raw]) -> str | None:
        keys = self._known.intersection(values)
        if (possible := self._possible.get(keys)) is None:
            if len(self._possible) == _MOST_KEY_SETS:
                self._possible.clear()
            possible = self._possible[keys] = [
                ({k: msgspec.json.encode(v) for k, v in signature.items() if v is not None}, id_)
                for signature, id_ in self._signed
                if keys.issuperset(signature)
            ]
        for literals, id_ in possible:
            if all(bytes(values[key]) == literal for key, literal in literals.items()):
                return id_
        return None


_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _struct(name: str, fields: dict[str, tuple[Any, ...]]) -> type[Any]:
    """Return a struct whose fields are named on the wire as the keys are, and k0, k1, ... in Python."""
    names = {f"k{i}": key for i, key in enumerate(fields)}
    return msgspec.defstruct(
        name, [(n, *fields[key]) for n, key in names.items()], rename=names, gc=False, kw_only=True
    )
