"""Find the strings that hold JSON documents themselves."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.fingerprints.spans import Bytes, Ints, Spans

_ANY_JSON = msgspec.json.Decoder(msgspec.Raw)


def open_texts(buffer: Bytes, leaves: Spans, texts: Spans) -> tuple[list[bytes], Spans, Spans, Ints]:
    """Take out the strings that hold JSON objects or arrays: their texts, and the document each was in."""
    nothing = texts.document[:0]
    candidates = np.flatnonzero(_holds_json(buffer, texts))
    if not len(candidates):
        return [], leaves, texts, nothing
    whole = buffer.tobytes()
    starts, ends = texts.start[candidates], (texts.start + texts.length)[candidates]
    contents = [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    is_json = np.fromiter(map(_is_json, contents), np.bool_, len(contents))
    candidates = candidates[is_json]
    opened = [content for content, yes in zip(contents, is_json.tolist(), strict=True) if yes]
    keep = np.ones(len(leaves.start), dtype=np.bool_)
    keep[candidates] = False  # the strings come first among the leaves, in the same order
    return opened, leaves.where(keep), texts.where(keep[: len(texts.start)]), texts.document[candidates]


def _holds_json(buffer: Bytes, texts: Spans) -> NDArray[np.bool_]:
    first, last = buffer[texts.start], buffer[texts.start + texts.length - 1]
    holds: NDArray[np.bool_] = ((first == ord("{")) & (last == ord("}"))) | (
        (first == ord("[")) & (last == ord("]"))
    )
    return holds


def _is_json(text: bytes) -> bool:
    try:
        _ANY_JSON.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
