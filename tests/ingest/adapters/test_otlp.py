"""One door for OTLP: an export's records go to their products' readers, and back in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reading import ADAPTERS, parse, row, unmapped
from telemetry import SPAN, TRACE, attributes, log, logs, span, spans

from ingest.catalog import Detector, load_adapters

CLAUDE = logs("com.anthropic.claude_code.events", log("claude_code.tool_decision", decision="reject"))
CODEX = logs("codex_otel", log(None, event__name="codex.tool_decision", decision="denied"))
GEMINI = logs("gemini-cli", log("prose", event__name="gemini_cli.tool_call", decision="reject"))
GATEWAY = logs("agentgateway.access", log(None, http__status=403, reason="Authorization", protocol="mcp"))
SERVER = spans("fastmcp", span(mcp__method__name="tools/call"))
OTHER = spans("acme", span(mcp__method__name="tools/call"))


@pytest.mark.parametrize(
    ("record", "product"),
    [
        (CLAUDE, "claude_code"),
        (CODEX, "codex"),
        (GEMINI, "gemini_cli"),
        (GATEWAY, "agentgateway"),
        (SERVER, "fastmcp"),
        (OTHER, "otel_genai"),
        (logs("", log("codex.tool_result")), "codex"),
        (logs("", log(None), service__name="gemini-cli"), "gemini_cli"),
        (spans("", span(fastmcp__server__name="W")), "fastmcp"),
        ({"name": "claude_code.auth", "attributes": {}}, "claude_code"),
        ({"name": "anything", "attributes": {}}, "otel_genai"),
    ],
)
def test_a_record_goes_to_its_product(record: dict[str, Any], product: str) -> None:
    """Scope, event, service or an attribute's name tells the product; what none claims is read generically."""
    assert row("otlp", record)["source_format"] == product


def test_one_export_of_many_products_keeps_its_order() -> None:
    """Every record is read by its product's reader and stands where it stood."""
    mixed = {"resourceLogs": [part["resourceLogs"][0] for part in (CODEX, CLAUDE, GATEWAY, GEMINI)],
             "resourceSpans": [SERVER["resourceSpans"][0], OTHER["resourceSpans"][0]]}  # fmt: skip
    parsed = parse("otlp", OTHER, mixed, CODEX)
    assert list(parsed.columns["source_format"]) == [
        "otel_genai", "codex", "claude_code", "agentgateway", "gemini_cli", "fastmcp", "otel_genai", "codex"
    ]  # fmt: skip
    assert parsed.record == [0, 1, 1, 1, 1, 1, 1, 2]
    assert list(parsed.columns["decision"])[1:5] == ["deny"] * 4


def test_the_door_reads_as_the_product_does() -> None:
    """A record read through the door is the row its own format makes of it."""
    for name, record in (
        ("claude_code", CLAUDE),
        ("codex", CODEX),
        ("gemini_cli", GEMINI),
        ("otel_genai", OTHER),
    ):
        through = row("otlp", record)
        assert through.pop("source_format") == name
        assert through == row(name, record)


def test_what_a_product_cannot_read_is_read_generically() -> None:
    """A record that does not fit its product's format is kept, says so, and its neighbours are its product's."""
    bad = log(None, http__status="what", gen_ai__tool__name="f")
    parsed = parse(
        "otlp", logs("agentgateway.access", log(None, http__status=200), bad, log(None, http__status=200))
    )
    assert list(parsed.columns["source_format"]) == ["agentgateway", "otel_genai", "agentgateway"]
    assert "not_read_as:agentgateway" in parsed.columns["parse_warnings"][1]
    assert unmapped({"unmapped": parsed.columns["unmapped"][1]}) == {"/attributes/http.status": "what"}


def test_all_refused_are_still_read() -> None:
    """Also where the product's reader reads none of them."""
    bad = logs("agentgateway.access", log(None, http__status="what"), log(None, http__status="no"))
    parsed = parse("otlp", bad)
    assert (parsed.rows, parsed.rejects) == (2, [])
    assert list(parsed.columns["source_format"]) == ["otel_genai"] * 2


def test_a_product_is_added_by_a_file(tmp_path: Path) -> None:
    """A reader in a folder of the user's gets its records, and nothing else has to be edited."""
    (tmp_path / "acme.py").write_text(
        "from ingest.parsed import Parsed\n"
        "SUMMARY = 'Acme'\nOTLP_NAMES = ('acme',)\n"
        "def parse(records): raise NotImplementedError\n"
        "def read(items):\n"
        "    return Parsed({'tool_name': [i.name for i in items]}, {'outcome': 'success'}, rows=len(items))\n"
    )
    parsed = load_adapters([tmp_path])["otlp"].parse([_bytes(OTHER), _bytes(CODEX)])
    assert list(parsed.columns["source_format"]) == ["acme", "codex"]
    assert list(parsed.columns["tool_name"]) == ["tools/call f", None]


def _bytes(record: Any) -> bytes:
    return json.dumps(record).encode()


def test_ids_in_base64_are_read() -> None:
    """Protobuf's own JSON writes ids in base64, OTLP's in hex: both are the same ids."""
    sent = spans("x", span() | {"traceId": "S/kvNXezTaajzpKdDg5HNg==", "spanId": "APBnqgupArc="})
    found = row("otlp", sent)
    assert (found["trace_id"], found["span_id"]) == (TRACE, SPAN)


def test_a_flattened_span_is_read() -> None:
    """One span a line, its resource and scope as objects, is how some clouds keep them."""
    record = {
        "name": "tools/call f", "kind": "SERVER", "traceId": TRACE, "spanId": SPAN,
        "startTimeUnixNano": 1787306400000000000, "endTimeUnixNano": 1787306400012500000,
        "resource": {"attributes": {"service.name": "acme"}}, "scope": {"name": "x"},
        "status": {"code": "ERROR", "message": "boom"},
        "attributes": {"mcp.method.name": "tools/call", "error.type": "tool_error"},
    }  # fmt: skip
    found = row("otlp", record)
    assert (found["duration_ms"], found["source_system"], found["vantage"]) == (12.5, "acme", "server")
    assert (found["outcome"], found["error_message"]) == ("tool_error", "boom")


def test_events_links_and_unknown_fields_are_kept() -> None:
    """What an exception says becomes the error; other events, links and new fields are not lost."""
    told = attributes({"exception.message": "boom", "exception.type": "E"})
    sent = span() | {
        "events": [{"name": "exception", "attributes": told}, {"name": "retry", "attributes": attributes({"n": 1})}],
        "links": [{"traceId": TRACE}], "novel": 5, "parentSpanId": SPAN,
    }  # fmt: skip
    found = row("otlp", spans("x", sent))
    assert found["error_message"] == "boom"
    assert unmapped(found) == {
        "/parentSpanId": SPAN, "/events": [{"name": "retry", "attributes": {"n": 1}}],
        "/links": [{"traceId": TRACE}], "/novel": 5, "/name": "tools/call f",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"resourceSpans": []}, "no log records or spans"),
        ({"resourceLogs": 5}, "$.resourceLogs"),
        ({"name": "x"}, "neither"),
        (spans("x", span() | {"startTimeUnixNano": "soon"}), "is no integer"),
        (spans("x", span() | {"attributes": [{"key": 5}]}), "spans[0].attributes[0].key"),
        (spans("x", span() | {"attributes": 5}), "attributes"),
    ],
)
def test_a_request_that_does_not_fit_is_rejected_whole(record: dict[str, Any], reason: str) -> None:
    """The reject names the place, and the neighbours are read."""
    parsed = parse("otlp", CODEX, record, CODEX)
    assert (parsed.record, [r.record for r in parsed.rejects]) == ([0, 2], [1])
    assert reason in parsed.rejects[0].reason


def test_every_otlp_line_is_the_doors() -> None:
    """No product's format claims what may hold another's records."""
    records = [_bytes(r) for r in (CLAUDE, CODEX, OTHER, {"name": "claude_code.x", "attributes": {}})]
    assert Detector(ADAPTERS).formats(records) == ["otlp"] * 4
