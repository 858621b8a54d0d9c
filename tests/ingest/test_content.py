"""Arguments and results: one document however they come, and what is said about how much of it is there."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from lakes import NOON, ask, record, take_in

from ingest.content import Contents, documents
from store.lake import Lake

COLUMNS = "args_state, args_json, args_keys, args_hmac IS NOT NULL, result_state, result_hmac IS NOT NULL"


@pytest.mark.parametrize(
    ("value", "document", "state"),
    [
        (None, b"", "absent"), (b"null", b"", "absent"), (b'{"a":1}', b'{"a":1}', "full"), (b"[1]", b"[1]", "full"),
        (b"12", b"12", "full"), (b'"plain text"', b'"plain text"', "full"), (b'"{\\"a\\":1}"', b'{"a":1}', "full"),
        (b'"[1,2]"', b"[1,2]", "full"), ('{"a":1}', b'{"a":1}', "full"), ("plain", b'"plain"', "full"),
        ("", b'""', "full"), ("{not json", b'"{not json"', "unparseable"),
        (b'"{\\"a\\":"', b'"{\\"a\\":"', "unparseable"),
        ("é", '"é"'.encode(), "full"), (b'"{\\"a\\":1} and more"', b'"{\\"a\\":1} and more"', "unparseable"),
        ("\ud800", b'"?"', "unparseable"),
    ],
)  # fmt: skip
def test_every_value_becomes_a_document(value: bytes | str | None, document: bytes, state: str) -> None:
    """JSON, JSON in a string, and text each become one JSON document, and nothing is lost on the way."""
    found, states = documents([value])
    assert ([d.replace(b" ", b"") for d in found], states) == ([document.replace(b" ", b"")], [state])


def contents(lake: Lake, *fields: dict[str, object], **options: object) -> list[tuple[object, ...]]:
    """Take in records with these fields and return what is kept of their content."""
    from ingest.rows import RowOptions

    take_in(lake, [record(n, **f) for n, f in enumerate(fields)], rows=RowOptions(**options))
    return ask(lake, f"SELECT {COLUMNS} FROM events ORDER BY source_offset")  # noqa: S608


def test_arguments_are_kept_and_results_are_not(lake: Lake) -> None:
    """Of arguments the JSON is kept; of results only fingerprints and a digest."""
    secret_free = {"answer": "a result that stays with its server"}
    [row] = contents(lake, {"arguments": {"path": "a", "mode": "r"}, "result": secret_free})
    assert row == ("full", '{"path": "a", "mode": "r"}', ["/mode", "/path"], True, "full", True)
    assert b"stays with its server" not in b"".join(
        p.read_bytes() for p in lake.path.rglob("*") if p.is_file()
    )


def test_absent_is_not_empty(lake: Lake) -> None:
    """A call without arguments and a call whose arguments nobody saw are different evidence."""
    rows = contents(lake, {"arguments": None}, {"arguments": {}}, {"arguments": ""})
    assert [row[:4] for row in rows] == [
        ("absent", None, None, False), ("full", "{}", [], True), ("full", '""', [], True),
    ]  # fmt: skip


def test_arguments_may_stay_out(lake: Lake) -> None:
    """Where content must not be kept, keys, digest and fingerprints still tell one call from another."""
    [row] = contents(lake, {"arguments": {"path": "/private/place"}}, keep_arguments=False)
    assert row[:4] == ("full", None, ["/path"], True)
    assert ask(lake, "SELECT len(args_leaves) FROM events") == [(1,)]


def test_long_arguments_are_cut_and_say_so(lake: Lake) -> None:
    """What is cut from the kept text is still in the digest and the fingerprints."""
    rows = contents(
        lake,
        {"arguments": {"a": "x" * 50, "b": "tail value"}},
        {"arguments": {"a": "short"}},
        max_argument_chars=20,
    )
    assert [(row[0], len(str(row[1]))) for row in rows] == [("truncated", 20), ("full", 14)]
    assert ask(lake, "SELECT len(args_leaves) FROM events ORDER BY source_offset") == [(2,), (0,)]


def test_one_call_has_one_digest(lake: Lake) -> None:
    """Two witnesses of a call agree on its digest, whatever order, spacing or wrapping they wrote it in."""
    same = [
        b'{"a":1,"b":[true,"x"]}',
        b'{ "b" : [ true, "x" ], "a" : 1 }',
        json.dumps('{"b":[true,"x"],"a":1}').encode(),
    ]
    lines = [
        json.dumps({"event_time": NOON.isoformat(), "tool_name": "t", "arguments": 0})
        .encode()
        .replace(b": 0}", b": " + a + b"}")
        for a in [*same, b'{"a":1,"b":[true,"y"]}']
    ]
    take_in(lake, lines)
    digests = [d for (d,) in ask(lake, "SELECT args_hmac FROM events ORDER BY source_offset")]
    assert len(set(digests[:3])) == 1
    assert digests[3] != digests[0]
    assert all(len(d) == 32 for d in digests)


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ({"b": 1, "a": 2}, ["/a", "/b"]), ({"a": {"b": {"c": {"d": 1}}}}, ["/a", "/a/b", "/a/b/c"]),
        ({"a": [{"x": 1}, {"y": 2}]}, ["/a", "/a/-/x", "/a/-/y"]), ({"a/b": 1, "c~d": 2}, ["/a~1b", "/c~0d"]),
        ([1, 2], []), ("text", []), ({"": 1}, ["/"]), ([{"a": [[{"b": 1}]]}], ["/-/a", "/-/a/-/-/b"]),
    ],
)  # fmt: skip
def test_keys_are_pointers_without_values(lake: Lake, arguments: object, keys: list[str]) -> None:
    """args_keys are RFC 6901 pointers, sorted, three deep; elements of arrays share one name."""
    assert contents(lake, {"arguments": arguments})[0][2] == keys


def test_each_document_is_kept_once_and_given_back_to_its_rows() -> None:
    """Whatever is done to a document is done once, and all rows that hold it have the outcome."""
    contents = Contents.of([b'{"a":1}', None, b"[2]", b'{"a":1}', b"null", '{"a":1}'])
    assert [contents.documents[held] for held in contents.held] == [
        b'{"a":1}',
        b"",
        b"[2]",
        b'{"a":1}',
        b"",
        b'{"a":1}',
    ]
    assert contents.rows_of(int(contents.held[0])) == [0, 3]
    assert contents.state_column().to_pylist() == ["full", "absent", "full", "full", "absent", "full"]
    assert contents.spread(pa.array(range(len(contents.documents)))).to_pylist() == contents.held.tolist()


def test_addresses_in_arguments_are_leaves_of_their_own(lake: Lake) -> None:
    """Where a call sends something is among its leaves and its addresses; results have none; nothing seen is null."""
    told = {"to": "ana@example.org", "order": "ACME-0001", "iban": "DE89370400440532013000"}
    fields: list[dict[str, object]] = [
        {"arguments": told, "result": {"by": "bo@example.org"}},
        {"arguments": None},
    ]
    take_in(lake, [record(n, **f) for n, f in enumerate(fields)])
    query = (
        "SELECT len(args_leaves), len(args_addresses), list_has_all(args_leaves, args_addresses) FROM events"
    )
    assert ask(lake, f"{query} ORDER BY source_offset") == [(3, 2, True), (None, None, None)]
