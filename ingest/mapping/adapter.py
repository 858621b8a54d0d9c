"""Mapping files as adapters, of formats of their own or in place of the format they extend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ingest.mapping.parser import Mapped, recognises_logfmt
from ingest.mapping.reader import load_mapping
from ingest.mapping.spec import Mapping
from ingest.parsed import Adapter, Parsed
from store.errors import UsageError


def mapped(file: Path, adapters: dict[str, Adapter]) -> Adapter:
    """Return the adapter a mapping file describes.

    One that extends a format and does not say which of its records it is for takes all of them: in `adapters`
    the format is replaced by one that is still there to be chosen, and recognises nothing by itself.
    """
    mapping = load_mapping(file)
    if mapping.extends is None:
        if mapping.records == "logfmt":
            recognises = recognises_logfmt(mapping.signatures)
            return Adapter(mapping.id, mapping.summary, Mapped(mapping), (), recognises)
        return Adapter(mapping.id, mapping.summary, Mapped(mapping), mapping.signatures)
    base = _base(mapping, adapters)
    parse = Mapped(mapping, base.parse)
    if mapping.signatures:
        both = tuple({**ours, **theirs} for ours in base.signatures for theirs in mapping.signatures)
        return Adapter(mapping.id, mapping.summary, parse, both)
    adapters[base.id] = replace(base, signatures=(), recognises=None, otlp_names=())
    return replace(base, id=mapping.id, summary=mapping.summary, parse=parse, read=_read(parse, base))


def _read(parse: Mapped, base: Adapter) -> Callable[[Sequence[Any]], Parsed] | None:
    """Return what reads OTLP records as the base does, with the mapping's columns added."""
    read = base.read
    return None if read is None else lambda items: parse.over(read(items))


def _base(mapping: Mapping, adapters: dict[str, Adapter]) -> Adapter:
    name = mapping.extends or ""
    if name not in adapters:
        near = get_close_matches(name, adapters, n=1)
        hint = f"did you mean {near[0]}?" if near else f"formats: {', '.join(adapters)}"
        raise UsageError(f"there is no format {name!r} to extend", where=mapping.where, hint=hint)
    base = adapters[name]
    if base.among is not None or "" in base.otlp_names:
        raise UsageError(f"{name} holds the records of many products", where=mapping.where,
                         hint="extend the format of one of them")  # fmt: skip
    if not base.signatures and base.recognises is None and not base.otlp_names:
        raise UsageError(
            f"another mapping extends {name} already", where=mapping.where,
            hint="give each [recognise] with what its records have and others have not, or make one file of both",
        )  # fmt: skip
    if mapping.signatures and not base.signatures:
        raise UsageError(f"the records of {name} are text or OTLP: [recognise] cannot tell them apart",
                         where=mapping.where, hint="leave out [recognise]")  # fmt: skip
    return base
