"""The detector's short cuts answer what looking at each record by itself answers."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.catalog import Detector
from ingest.parsed import Adapter, Parsed


def adapter(id_: str, *signatures: dict[str, Any], fields: frozenset[str] | None = None) -> Adapter:
    """Return an adapter that is only recognised."""
    return Adapter(id_, "", lambda _: Parsed({}), signatures, fields=fields)


OURS = adapter(
    "ours", {"time": None, "kind": None}, {"time": None, "tool": None}, fields=frozenset("abc") | {"time"}
)
ADAPTERS = {
    "ours": OURS,
    "more": adapter("more", {"time": None, "kind": None, "user": None}),
    "said": adapter("said", {"kind": "audit", "id": None}),
    "text": Adapter("text", "", lambda _: Parsed({}), (), lambda line: line.startswith(b"time=")),
}
KEYS = st.sampled_from(["time", "kind", "tool", "user", "id", "other"])
OBJECTS = st.dictionaries(KEYS, st.sampled_from([1, "audit", None, {"time": 1}]), max_size=4).map(
    lambda record: json.dumps(record).encode()
)
RECORDS = OBJECTS | st.sampled_from([b"time=1 kind=x", b"", b"{", b'{"time":1', b"}"])


@settings(deadline=None)
@given(st.lists(st.lists(RECORDS, max_size=5) | OBJECTS.map(lambda record: [record] * 3), max_size=6))
def test_what_was_learnt_changes_no_answer(batches: list[list[bytes]]) -> None:
    """A detector that has seen batches of one format answers as a fresh one does record by record."""
    detector = Detector(ADAPTERS)
    for batch in batches:
        alone = [Detector(ADAPTERS).formats([record])[0] for record in batch]
        assert detector.formats(batch) == alone


def test_a_batch_like_the_one_before_is_recognised_at_once() -> None:
    """Record by record costs ten times as much."""
    detector = Detector(ADAPTERS)
    batch = [b'{"time":1,"kind":2,"other":3}'] * 4
    assert detector.formats(batch) == ["ours"] * 4
    detector._one = None  # type: ignore[assignment, method-assign]
    assert detector.formats(batch) == ["ours"] * 4


def test_keys_prove_a_format_when_no_other_can_be_made_of_its_fields() -> None:
    """Else the records have to be looked at."""
    fields = frozenset({"time", "kind", "tool"})
    sure = adapter("ours", *OURS.signatures, fields=fields)
    assert Detector({**ADAPTERS, "ours": sure}).is_sure(sure, ["time", "tool"])
    assert not Detector({**ADAPTERS, "ours": sure}).is_sure(sure, ["time"])
    wide = adapter("ours", *OURS.signatures, fields=fields | {"user"})
    assert not Detector({**ADAPTERS, "ours": wide}).is_sure(wide, ["time", "kind"])
    assert not Detector(ADAPTERS).is_sure(ADAPTERS["more"], ["time", "kind", "user"])
