"""Find the format adapters in their folder and tell, record by record, which one reads it.

An adapter is one module in ingest/adapters (or in a folder the user names) with:

    SUMMARY: str                                    one line for `tooltrail formats`
    SIGNATURES: tuple[dict[str, object], ...]       top-level keys its JSON records have; None accepts any value
    recognises(line: bytes) -> bool                 only for formats that are not JSON
    parse(records: Sequence[bytes]) -> Parsed       pure: no I/O, clock or network

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
from collections.abc import Iterable, Sequence
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
