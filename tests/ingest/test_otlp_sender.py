"""The OpenTelemetry SDK's own exporters as senders: logs and spans, compressed or not, over TLS, with a token."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lakes import ask, one
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otlp_harness import post, receiving

from ingest.loop import IngestOptions, Pipeline
from ingest.otlp_commit import CommitOptions
from ingest.otlp_http import HttpOptions
from ingest.otlp_server import OtlpOptions
from store.errors import UnreachableError, UsageError
from store.lake import Lake

RESOURCE = Resource({"service.name": "claude-code", "service.version": "2.1.281"})
QUICK = CommitOptions(interval=0.02)
SPANS = """
import msgspec
from ingest.parsed import Parsed

SUMMARY = "spans, as the tests send them"
SIGNATURES = ({"resourceSpans": None},)


def parse(records):
    groups = [msgspec.json.decode(record)["resourceSpans"][0] for record in records]
    spans = [group["scopeSpans"][0]["spans"][0] for group in groups]
    columns = {
        "event_time": [int(span["startTimeUnixNano"]) // 1000 for span in spans],
        "tool_name": [span["name"] for span in spans],
        "trace_id": [span["traceId"] for span in spans],
        "span_id": [span["spanId"] for span in spans],
        "source_system": [
            {a["key"]: a["value"]["stringValue"] for a in g["resource"]["attributes"]}["service.name"] for g in groups
        ],
    }
    constants = {"evidence_kind": "span", "vantage": "gateway", "event_kind": "tool_call"}
    return Parsed(columns, constants, None, [], len(records))
"""


def send_logs(exporter: OTLPLogExporter, count: int) -> bool:
    """Log through the SDK, as an agent does; say whether everything was exported."""
    provider = LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=100))
    logger = provider.get_logger("com.anthropic.claude_code.events", "2.1.281")
    for number in range(count):
        logger.emit(
            LogRecord(
                timestamp=1_790_000_000_000_000_000 + number,
                body="claude_code.tool_result",
                attributes={"event.name": "tool_result", "tool_name": "Read", "success": "true", "n": number},
            )
        )
    done = provider.force_flush()
    provider.shutdown()
    return bool(done)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_sdks_logs_arrive_once_each(lake: Lake, compression: Compression) -> None:
    """What a program logs through the SDK is in the lake, each record once, under its own resource."""
    with receiving(lake) as receiver:
        assert send_logs(OTLPLogExporter(endpoint=receiver.logs, compression=compression), 250)
    found = ask(lake, "SELECT source_system, tool_name, outcome, count(*) FROM events GROUP BY ALL")
    assert found == [("claude_code", "Read", "success", 250)]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_sdks_spans_arrive_once_each(lake: Lake, tmp_path: Path, compression: Compression) -> None:
    """Spans come one to a record, with their resource and ids, to the adapter that reads them."""
    (tmp_path / "sdk_spans.py").write_text(SPANS)
    with receiving(lake, adapters=(tmp_path,), format="sdk_spans") as receiver:
        provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=receiver.traces, compression=compression)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=50))
        tracer = provider.get_tracer("gateway")
        wanted = set()
        for number in range(120):
            with tracer.start_as_current_span(f"tool-{number}", attributes={"number": number}) as span:
                span.add_event("asked", {"by": "ana"})
                context = span.get_span_context()
                wanted.add(
                    (f"tool-{number}", f"{context.trace_id:032x}", f"{context.span_id:016x}", "claude-code")
                )
        provider.force_flush()
        provider.shutdown()
    found = ask(lake, "SELECT tool_name, trace_id, span_id, source_system FROM events")
    assert len(found) == 120
    assert set(found) == wanted


# --- TLS and tokens -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Party:
    """A certificate and its key, as files."""

    cert: Path
    key: Path


@pytest.fixture(scope="module")
def issue(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Party]:
    """Return a certificate authority: called with a name it issues a certificate; "ca" is its own."""
    folder = tmp_path_factory.mktemp("ca")
    ca_key = ec.generate_private_key(ec.SECP256R1())

    def make(name: str) -> Party:
        key = ca_key if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
            )
        )  # fmt: skip
        if name == "ca":
            usage = x509.KeyUsage(*[True] + [False] * 4 + [True, True, False, False])
            builder = builder.add_extension(usage, critical=True)
        party = Party(folder / f"{name}.pem", folder / f"{name}.key")
        party.cert.write_bytes(builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        party.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return party

    return make


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a machine's own certificates from standing in for the test's: `requests` prefers them."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep the SDK from printing what the test expects to fail."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_tls_and_a_token(lake: Lake, issue: Callable[[str], Party], quiet: None) -> None:
    """Over https with the right token the SDK's logs arrive; with another token, and nothing is heard over http."""
    ca, server = issue("ca"), issue("server")
    options = OtlpOptions(
        listen="127.0.0.1:0", tls_cert=server.cert, tls_key=server.key,
        http=HttpOptions(tokens=(b"right",)), commit=QUICK,
    )  # fmt: skip
    with receiving(lake, options) as receiver:
        assert receiver.url.startswith("https://")
        for token, count in (("wrong", 5), ("right", 7)):
            headers = {"authorization": f"Bearer {token}"}
            exporter = OTLPLogExporter(endpoint=receiver.logs, certificate_file=str(ca.cert), headers=headers)
            send_logs(exporter, count)
        with pytest.raises((OSError, http.client.HTTPException)):
            post(receiver.logs.replace("https:", "http:"), b"", authorization="Bearer right")
    assert one(lake, "SELECT count(*) FROM events") == 7


def test_client_certificates(lake: Lake, issue: Callable[[str], Party], quiet: None) -> None:
    """With a client CA, only a sender with a certificate of it gets as far as a request."""
    ca, server, client = issue("ca"), issue("server"), issue("client")
    options = OtlpOptions(
        listen="127.0.0.1:0", tls_cert=server.cert, tls_key=server.key, client_ca=ca.cert, commit=QUICK
    )
    with receiving(lake, options) as receiver:
        known = {"client_certificate_file": str(client.cert), "client_key_file": str(client.key)}
        for certificate, count in (({}, 5), (known, 7)):
            chosen: dict[str, Any] = {"certificate_file": str(ca.cert), "timeout": 2, **certificate}
            send_logs(OTLPLogExporter(endpoint=receiver.logs, **chosen), count)
    assert one(lake, "SELECT count(*) FROM events") == 7


def test_tls_settings_that_cannot_be(lake: Lake, issue: Callable[[str], Party], tmp_path: Path) -> None:
    """A missing, foreign or broken file is told by its name before anything listens."""
    server, other = issue("server"), issue("other")
    (tmp_path / "no.pem").write_text("hello")
    wrong: list[dict[str, Path]] = [
        {"tls_key": server.key},
        {"client_ca": server.cert},
        {"tls_cert": server.cert, "tls_key": other.key},
        {"tls_cert": tmp_path / "absent.pem"},
        {"tls_cert": server.cert, "tls_key": server.key, "client_ca": tmp_path / "no.pem"},
    ]
    for files in wrong:
        with pytest.raises(UsageError), receiving(lake, OtlpOptions(listen="127.0.0.1:0", **files)):
            pass


# --- trouble --------------------------------------------------------------------------------------------------


class Away(Pipeline):
    """A pipeline whose lake cannot be reached at first."""

    failures = 0

    def flush(self) -> Any:
        """Fail as often as said, then flush."""
        if Away.failures:
            Away.failures -= 1
            raise UnreachableError("the disk is away", where="lake")
        return super().flush()


def test_the_sdk_tries_again_by_itself(lake: Lake, monkeypatch: pytest.MonkeyPatch, quiet: None) -> None:
    """While the lake is away the SDK is told to wait, and its own second try brings every record, once."""
    monkeypatch.setattr("ingest.otlp_commit._RETRY_SECONDS", 0.2)
    monkeypatch.setattr("ingest.otlp_http.TROUBLE_SECONDS", 1)
    Away.failures = 1
    with receiving(lake, None, lambda: Away(lake, IngestOptions())) as receiver:
        assert send_logs(OTLPLogExporter(endpoint=receiver.logs), 50)
    assert Away.failures == 0
    assert one(lake, "SELECT count(*) FROM events") == 50


def test_many_programs_at_once(lake: Lake) -> None:
    """Exporters of many programs share one receiver; each record is there once."""
    with receiving(lake) as receiver:
        threads = [threading.Thread(target=send_logs_of, args=(receiver.logs, i)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    found = ask(lake, "SELECT count(*), count(DISTINCT event_id) FROM events")
    assert found == [(240, 240)]


def send_logs_of(endpoint: str, program: int) -> None:
    """Log forty records under a resource of the program's own."""
    resource = Resource({"service.name": "claude-code", "service.instance.id": f"program-{program}"})
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint)))
    for number in range(40):
        provider.get_logger("x").emit(
            LogRecord(timestamp=1_790_000_000_000_000_000 + number, body="claude_code.x")
        )
    provider.force_flush()
    provider.shutdown()
