"""Find the format adapters in their folder and tell, record by record, which one reads it.

An adapter is one module in ingest/adapters (or in a folder the user names) with:

    SUMMARY: str                                    one line for `tooltrail formats`
    SIGNATURES: tuple[dict[str, object], ...]       top-level keys its JSON records have; None accepts any value
    recognises(line: bytes) -> bool                 only for formats that are not JSON
    parse(records: Sequence[bytes]) -> Parsed       pure: no I/O, clock or network
    FIELDS: frozenset[str]                          optional: all top-level keys it knows, which saves detecting

Its id is its file's stem. Nothing else has to be edited to add one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import msgspec

from ingest.decode import one_object_each, parse_object
from ingest.parsed import Adapter
from store.errors import UsageError

Signature = dict[str, Any]

BUILT_IN = Path(__file__).with_name("adapters")


def load_adapters(extra: Iterable[Path] = ()) -> dict[str, Adapter]:
    """Return every adapter by id, the built-in ones first; a user's folder may add ids but not replace them.

    Raises UsageError for a file that is no adapter or repeats an id.
    """
    found: dict[str, Adapter] = {}
    for folder in (BUILT_IN, *extra):
        for file in sorted(folder.glob("[a-z]*.py")):
            adapter = _load(file)
            if adapter.id in found:
                raise UsageError(
                    f"format {adapter.id!r} exists already", where=str(file), hint="rename the file"
                )
            found[adapter.id] = adapter
    return found


@cache
def _load(file: Path) -> Adapter:
    module = _import(file)
    try:
        return Adapter(
            id=file.stem,
            summary=module.SUMMARY,
            parse=module.parse,
            signatures=tuple(getattr(module, "SIGNATURES", ())),
            recognises=getattr(module, "recognises", None),
            fields=getattr(module, "FIELDS", None),
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
        keys = sorted({key for signature, _ in signed for key in signature})
        self._probe = msgspec.json.Decoder(
            _struct("Probe", {k: (msgspec.Raw, msgspec.Raw(b"")) for k in keys})
        )
        names = {key: f"k{i}" for i, key in enumerate(keys)}
        self._tests = [(tuple((names[k], _literal(v)) for k, v in s.items()), id_) for s, id_ in signed]
        self._sure = [(msgspec.json.Decoder(_sure(s, id_, signed)), id_) for s, id_ in signed]

    def formats(self, records: Sequence[bytes]) -> list[str | None]:
        """Return the adapter id of each record, None where no format is recognised."""
        joined = b"\n".join(records)
        for place, (decoder, id_) in enumerate(self._sure if one_object_each(records) else ()):
            try:
                if len(decoder.decode_lines(joined)) != len(records):
                    break
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            self._sure.insert(0, self._sure.pop(place))
            return [id_] * len(records)
        return [self._one(record) for record in records]

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
            return "not a JSON object, and no text format recognises it"
        try:
            keys = sorted(parse_object(record))
        except ValueError as error:
            return str(error)
        return f"no format has these top-level keys: {', '.join(k[:40] for k in keys[:12])}"

    def _one(self, record: bytes) -> str | None:
        if record.lstrip()[:1] != b"{":
            return next((id_ for recognises, id_ in self._texts if recognises(record)), None)
        try:
            return self._match(self._probe.decode(record))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _match(self, probe: Any) -> str | None:
        for test, id_ in self._tests:
            if all(_fits(bytes(getattr(probe, name)), literal) for name, literal in test):
                return id_
        return None


def _fits(found: bytes, literal: bytes | None) -> bool:
    return found == literal if literal is not None else found != b""


def _literal(value: object) -> bytes | None:
    return None if value is None else msgspec.json.encode(value)


def _struct(name: str, fields: dict[str, tuple[Any, ...]]) -> type[Any]:
    """Return a struct whose fields are named on the wire as the keys are, and k0, k1, ... in Python."""
    names = {f"k{i}": key for i, key in enumerate(fields)}
    return msgspec.defstruct(
        name, [(n, *fields[key]) for n, key in names.items()], rename=names, gc=False, kw_only=True
    )


def _sure(signature: Signature, id_: str, signed: Sequence[tuple[Signature, str]]) -> type[Any]:
    """Return a struct that only records of this signature fit, and none that could be of another format.

    Decoding a whole batch with it is how a batch of one format is recognised in one call. Of every other format's
    signature one key must be absent: the longest, as the least likely to stand in ours. When it does stand there,
    the records are looked at one by one.
    """
    ours = {k: (msgspec.Raw,) if v is None else (Literal[v],) for k, v in signature.items()}
    others = {
        max((k for k in s if k not in ours), key=len, default="") for s, other in signed if other != id_
    }
    never = {k: (Literal["\0never"], "\0never") for k in others if k}
    return _struct("Sure", {**ours, **never})
