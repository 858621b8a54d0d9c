"""The canonical event: every column's name, type, meaning, and what its absence means, stated once.

One row is one thing that happened, or was decided, seen from one vantage point. The Arrow schema, the
validation of batches, `tooltrail schema` and docs/schema.md are all derived from `COLUMNS`.

Names follow OpenTelemetry's GenAI and MCP conventions and OCSF 1.9 where those have one; `follows` says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Group(StrEnum):
    """The questions a column helps to answer, in the order the reference prints them."""

    ENVELOPE = "envelope"
    WHAT = "what happened"
    HUMAN = "human"
    CLIENT = "client application"
    AGENT = "agent and model"
    CREDENTIAL = "credential"
    CORRELATION = "correlation"
    TARGET = "target"
    DECISION = "decision"
    OUTCOME = "outcome"
    CONTENT = "content"
    INTEGRITY = "integrity"


@dataclass(frozen=True)
class Column:
    """One column: `null` says what a missing value means; `personal` keeps it out of table statistics.

    `sealed` is the class of columns with which it enters the leaf hash as one commitment, and with which it is erased.
    """

    name: str
    type: pa.DataType
    group: Group
    meaning: str
    null: str = "the source did not say"
    enum: tuple[str, ...] = ()
    follows: str = ""
    max_chars: int = 1024
    personal: bool = False
    required: bool = False
    sealed: str = ""


TEXT = pa.string()
TEXTS = pa.list_(pa.string())
INT = pa.int64()
TIME = pa.timestamp("us", tz="UTC")
FINGERPRINTS = pa.list_(pa.int64())
ACTORS = pa.list_(pa.struct([("iss", TEXT), ("sub", TEXT)]))
REDACTIONS = pa.list_(pa.struct([("path", TEXT), ("kind", TEXT), ("digest", TEXT)]))

EVENT_CLASSES = ("tool_call", "denial", "client_event")
EVENT_KINDS = (
    "tool_call", "tool_decision", "tool_list", "resource_read", "resource_list", "resource_subscribe",
    "prompt_get", "prompt_list", "completion", "session_open", "session_close", "discover", "sampling",
    "elicitation", "roots", "notification", "cancel", "task", "ping", "logging", "authn", "token_exchange",
    "token_mint", "server_connection", "entity_change", "policy_change", "permission_mode_change",
    "model_call", "user_prompt", "workflow", "http_request", "other",
)  # fmt: skip
DECISIONS = ("allow", "deny", "modify", "observe", "ask", "error", "not_evaluated", "unknown")
DECISION_SOURCES = (
    "authn", "acl", "policy_engine", "guardrail", "webhook", "rate_limit", "quarantine", "user_prompt",
    "config", "hook", "server", "transport", "unknown",
)  # fmt: skip
DECISION_BASES = ("explicit", "strong", "weak")
OUTCOMES = (
    "success", "tool_error", "protocol_error", "transport_error", "timeout", "cancelled", "denied",
    "input_required", "unknown",
)  # fmt: skip
CONTENT_STATES = ("absent", "keys_only", "redacted", "truncated", "full", "unparseable")

_G = Group
_UNSEALED = "the lake keeps no transparency log, or the row is from before it"
SEALED = {
    "person": "who it was",
    "content": "what was asked and answered",
    "texts": "free texts and addresses",
}
"""Classes of columns that can be erased without breaking a proof, in the order of their columns."""


def _seal(name: str, what: str) -> tuple[Column, Column]:
    """Return the columns that a class of sealed columns needs: the salt, and what stays once it is erased."""
    return (
        Column(f"{name}_salt", pa.binary(), _G.INTEGRITY,
               f"Random salt of the commitment to {what}: 16 bytes. Whoever hides the columns hides it too.",
               null="none of the columns has a value, or they were erased"),
        Column(f"{name}_commitment", pa.binary(), _G.INTEGRITY,
               f"SHA-256 that stands for {what} in the leaf hash after erasure.", null="nothing was erased"),
    )  # fmt: skip


COLUMNS: tuple[Column, ...] = (
    # --- envelope -----------------------------------------------------------------------------------------
    Column("event_id", TEXT, _G.ENVELOPE,
           "Identity of the record: the first 128 bits, in hex, of SHA-256 over source system, native id (or "
           "hash of the raw bytes and place in its container), and sub-index. Re-ingest gives the same id.",
           null="never null", follows="OCSF metadata.uid", required=True),
    Column("event_time", TIME, _G.ENVELOPE, "When it happened, as the source says.",
           null="never null: ingest_time stands in, with the warning no_event_time", follows="OCSF time",
           required=True),
    Column("recorded_time", TIME, _G.ENVELOPE, "When the emitter wrote its record.",
           follows="OTel ObservedTimestamp"),
    Column("ingest_time", TIME, _G.ENVELOPE, "When this lake took it in.", null="never null",
           follows="OCSF metadata.logged_time", required=True),
    Column("event_date", pa.date32(), _G.ENVELOPE,
           "Partition: the UTC day of event_time, or of ingest_time where the clock is implausible.",
           null="never null", required=True),
    Column("source_system", TEXT, _G.ENVELOPE, "The product that emitted the record: toolhive, obot, ...",
           null="never null", follows="OCSF metadata.product.name", required=True),
    Column("source_format", TEXT, _G.ENVELOPE, "The adapter that read it.", null="never null",
           follows="OCSF metadata.log_name", required=True),
    Column("source_instance", TEXT, _G.ENVELOPE, "Which instance of the product: component, pod, gateway.",
           follows="OTel service.instance.id"),
    Column("evidence_kind", TEXT, _G.ENVELOPE, "The shape of the evidence; shapes differ in trust.",
           enum=("audit_event", "access_log", "span", "otel_log", "cloud_trail", "text_log"), required=True,
           null="never null"),
    Column("vantage", TEXT, _G.ENVELOPE, "From where it was seen.",
           enum=("client", "gateway", "policy_engine", "server"), required=True, null="never null"),
    Column("native_event_id", TEXT, _G.ENVELOPE, "The source's own id of the record.",
           null="the source numbers nothing"),
    Column("sub_index", INT, _G.ENVELOPE, "Place of the event within its record when one record holds many.",
           null="never null", required=True),
    Column("raw_sha256", TEXT, _G.ENVELOPE, "SHA-256, in hex, of the record's bytes as they arrived.",
           null="never null", follows="OCSF raw_data_hash", required=True),
    Column("source_topic", TEXT, _G.ENVELOPE,
           "Kafka topic, or file:<identity> where identity is the hash of the file's head.", null="never null",
           required=True),
    Column("source_partition", INT, _G.ENVELOPE, "Kafka partition; 0 for files.", null="never null",
           required=True),
    Column("source_offset", INT, _G.ENVELOPE, "Kafka offset, or byte offset of the record in the file.",
           null="never null", required=True),
    Column("parse_warnings", TEXTS, _G.ENVELOPE,
           "What was odd about the record but did not stop it: implausible_clock, no_event_time, "
           "duplicate_keys, truncated_json, bool_as_str, value_too_long, ...", null="nothing was odd"),
    # --- what ---------------------------------------------------------------------------------------------
    Column("event_class", TEXT, _G.WHAT,
           "tool_call: a tool was called and not refused. denial: anything was refused. client_event: the rest.",
           enum=EVENT_CLASSES, null="never null", required=True),
    Column("event_kind", TEXT, _G.WHAT, "The finer list.", enum=EVENT_KINDS, null="never null", required=True),
    Column("mcp_method", TEXT, _G.WHAT, "The MCP method: tools/call, resources/read, ...",
           follows="OTel mcp.method.name"),
    Column("operation_class", TEXT, _G.WHAT, "What the operation does to its target.",
           enum=("read", "write", "destructive", "unknown"), follows="OCSF activity_id"),
    # --- human --------------------------------------------------------------------------------------------
    Column("user_id", TEXT, _G.HUMAN, "The human principal as the identity provider or gateway names them.",
           follows="OTel user.id", personal=True, sealed="person"),
    Column("user_issuer", TEXT, _G.HUMAN, "Who vouches for user_id; (issuer, id) is the only stable pair.",
           follows="OCSF actor.session.issuer", personal=True, sealed="person"),
    Column("user_name", TEXT, _G.HUMAN, "Display name.", follows="OTel user.name", personal=True, sealed="person"),
    Column("user_email", TEXT, _G.HUMAN, "E-mail address.", follows="OTel user.email", personal=True, sealed="person"),
    Column("user_groups", TEXTS, _G.HUMAN, "Groups or teams at the time of the event.",
           follows="OTel user.roles", personal=True, sealed="person"),
    Column("org_id", TEXT, _G.HUMAN, "Tenant or organisation.", follows="OCSF actor.user.org.uid"),
    Column("user_id_kind", TEXT, _G.HUMAN, "What kind of name user_id is.",
           enum=("idp_sub", "idp_oid", "email", "local_id", "key_owner", "os_user", "install_id", "hash",
                 "anonymous", "none")),
    Column("user_assurance", TEXT, _G.HUMAN, "How the human's identity was established.",
           enum=("verified", "proxy_asserted", "self_reported", "inferred", "anonymous", "unknown")),
    Column("delegation", ACTORS, _G.HUMAN, "On whose behalf: the actor chain, current actor first.",
           null="no delegation reported", follows="RFC 8693 act", personal=True, sealed="person"),
    # --- client -------------------------------------------------------------------------------------------
    Column("client_oauth_id", TEXT, _G.CLIENT, "The attested OAuth client: azp or client_id.",
           follows="OCSF actor.app_uid"),
    Column("client_name", TEXT, _G.CLIENT, "Self-reported MCP clientInfo.name; never proof of identity.",
           follows="OTel mcp.client.name"),
    Column("client_version", TEXT, _G.CLIENT, "Self-reported MCP clientInfo.version.",
           follows="OTel mcp.client.version"),
    Column("client_identity_source", TEXT, _G.CLIENT, "Where the client's identity comes from.",
           enum=("oauth_client_id", "client_info", "token_claim", "user_agent", "product", "none")),
    Column("user_agent", TEXT, _G.CLIENT, "HTTP User-Agent.", follows="OTel user_agent.original"),
    Column("client_address", TEXT, _G.CLIENT, "Network address of the client.", follows="OTel client.address",
           personal=True, sealed="person"),
    # --- agent --------------------------------------------------------------------------------------------
    Column("agent_id", TEXT, _G.AGENT, "The agent acting.", follows="OTel gen_ai.agent.id"),
    Column("agent_name", TEXT, _G.AGENT, "The agent's name.", follows="OTel gen_ai.agent.name"),
    Column("model_name", TEXT, _G.AGENT, "The model asked.", follows="OTel gen_ai.request.model"),
    Column("model_provider", TEXT, _G.AGENT, "Who serves the model.", follows="OTel gen_ai.provider.name"),
    # --- credential ---------------------------------------------------------------------------------------
    Column("auth_method", TEXT, _G.CREDENTIAL, "How the caller authenticated.",
           enum=("oauth_jwt", "oauth_opaque", "api_key", "basic", "session_cookie", "mtls", "spiffe",
                 "iam_sigv4", "proxy_header", "stdio_env", "anonymous", "none", "unknown"),
           follows="OCSF auth_protocol"),
    Column("credential_id", TEXT, _G.CREDENTIAL, "jti, key id or fingerprint; never the secret.",
           follows="OCSF session.credential_uid", sealed="person"),
    Column("credential_kind", TEXT, _G.CREDENTIAL, "Long-lived or short-lived, and of what sort.",
           enum=("static_key", "personal_access_token", "oauth_access_token", "service_account", "certificate",
                 "session", "jit", "unknown")),
    Column("issuer", TEXT, _G.CREDENTIAL, "Who issued the credential."),
    Column("scopes", TEXTS, _G.CREDENTIAL, "Scopes the credential carries."),
    Column("issued_at", TIME, _G.CREDENTIAL, "When it was issued."),
    Column("expires_at", TIME, _G.CREDENTIAL, "When it expires.", null="unknown, not 'never'"),
    # --- correlation --------------------------------------------------------------------------------------
    Column("session_key", TEXT, _G.CORRELATION,
           "Keyed hash (HMAC-SHA256, 128 bits in hex) of the raw session id, which is bearer-like and dropped.",
           null="no session id: MCP 2026-07-28 has none", follows="OTel mcp.session.id"),
    Column("session_kind", TEXT, _G.CORRELATION, "What the source calls a session.",
           enum=("mcp", "app_session", "conversation", "work_session", "gateway_session", "none")),
    Column("conversation_id", TEXT, _G.CORRELATION, "Conversation or turn.",
           follows="OTel gen_ai.conversation.id"),
    Column("tool_call_id", TEXT, _G.CORRELATION, "The model's id of the call: tool_use_id, call_id.",
           follows="OTel gen_ai.tool.call.id"),
    Column("jsonrpc_id", TEXT, _G.CORRELATION, "JSON-RPC id; unique per connection only.",
           follows="OTel jsonrpc.request.id"),
    Column("http_request_id", TEXT, _G.CORRELATION, "X-Request-ID or the gateway's request id."),
    Column("trace_id", TEXT, _G.CORRELATION, "W3C trace id, 32 lower-case hex digits.", follows="OTel trace_id"),
    Column("span_id", TEXT, _G.CORRELATION, "W3C span id, 16 lower-case hex digits.", follows="OTel span_id"),
    # --- target -------------------------------------------------------------------------------------------
    Column("gateway_name", TEXT, _G.TARGET, "The gateway or route the call passed."),
    Column("server_name", TEXT, _G.TARGET, "The MCP server behind it.", follows="OCSF message_context.service"),
    Column("server_id", TEXT, _G.TARGET, "The gateway's id of that server."),
    Column("transport", TEXT, _G.TARGET, "How the server is spoken to.",
           enum=("stdio", "sse", "streamable_http", "unknown"), follows="OTel network.transport"),
    Column("protocol_version", TEXT, _G.TARGET, "MCP revision.", follows="OTel mcp.protocol.version"),
    Column("tool_name_exposed", TEXT, _G.TARGET, "The tool's name as the client sent it."),
    Column("tool_name", TEXT, _G.TARGET, "The tool's name with the gateway's server prefix removed.",
           follows="OTel gen_ai.tool.name"),
    Column("tool_definition_sha256", TEXT, _G.TARGET, "Hash of the tools/list entry in force."),
    Column("resource_uri", TEXT, _G.TARGET, "The MCP resource.", follows="OTel mcp.resource.uri",
           max_chars=4096, personal=True, sealed="texts"),
    Column("prompt_name", TEXT, _G.TARGET, "The MCP prompt.", follows="OTel gen_ai.prompt.name"),
    # --- decision -----------------------------------------------------------------------------------------
    Column("decision", TEXT, _G.DECISION, "What was decided; separate from what came of it.", enum=DECISIONS,
           follows="OCSF action_id", null="never null: unknown", required=True),
    Column("decision_source", TEXT, _G.DECISION, "Who decided.", enum=DECISION_SOURCES),
    Column("decision_reason", TEXT, _G.DECISION, "Reason as given.", follows="OCSF status_detail",
           personal=True, sealed="texts"),
    Column("policy_id", TEXT, _G.DECISION, "The policy that decided.", follows="OCSF policy.uid"),
    Column("policy_version", TEXT, _G.DECISION, "Its version.", follows="OCSF policy.version"),
    Column("required_scopes", TEXTS, _G.DECISION, "Scopes that would have been needed."),
    Column("decision_basis", TEXT, _G.DECISION,
           "explicit: the source states the decision. strong: implied by 401/403. weak: read from an error text.",
           enum=DECISION_BASES, null="no decision was made or implied"),
    # --- outcome ------------------------------------------------------------------------------------------
    Column("outcome", TEXT, _G.OUTCOME, "What came of it.", enum=OUTCOMES, follows="OCSF status_id",
           null="never null: unknown", required=True),
    Column("http_status", INT, _G.OUTCOME, "HTTP status.", follows="OTel http.response.status_code"),
    Column("jsonrpc_error_code", INT, _G.OUTCOME, "JSON-RPC error code.",
           follows="OTel rpc.response.status_code", null="no JSON-RPC error"),
    Column("error_message", TEXT, _G.OUTCOME, "Error text, redacted, at most 1 KiB.", follows="OTel error.type",
           null="no error reported", personal=True, sealed="texts"),
    Column("duration_ms", pa.float64(), _G.OUTCOME, "Duration in milliseconds.",
           follows="OTel mcp.server.operation.duration (seconds there)"),
    Column("request_bytes", INT, _G.OUTCOME, "Size of the request in bytes."),
    Column("response_bytes", INT, _G.OUTCOME, "Size of the response in bytes."),
    # --- content ------------------------------------------------------------------------------------------
    Column("args_state", TEXT, _G.CONTENT, "How much of the arguments is here.", enum=CONTENT_STATES,
           null="never null: absent", required=True),
    Column("result_state", TEXT, _G.CONTENT, "How much of the result was seen. Results are never stored.",
           enum=CONTENT_STATES, null="never null: absent", required=True),
    Column("args_json", TEXT, _G.CONTENT, "The arguments after redaction.",
           null="absent, or content.keep_arguments is off", follows="OTel gen_ai.tool.call.arguments",
           max_chars=16384, personal=True, sealed="content"),
    Column("args_keys", TEXTS, _G.CONTENT, "Sorted JSON pointers of the arguments, depth at most 3, no values.",
           null="no arguments seen", sealed="content"),
    Column("args_hmac", TEXT, _G.CONTENT,
           "Keyed digest of the redacted arguments (HMAC-SHA256 truncated to 128 bits, in hex).",
           null="no arguments seen", follows="OCSF fingerprint", sealed="content"),
    Column("result_hmac", TEXT, _G.CONTENT, "Keyed digest of the redacted result.", null="no result seen",
           follows="OCSF fingerprint", sealed="content"),
    Column("args_leaves", FINGERPRINTS, _G.CONTENT,
           "Keyed 64-bit fingerprints of every scalar of 8 characters or more in the arguments, and of the "
           "identifier-like words and hosts of URLs in its texts. Signed, because Delta has no unsigned integers.",
           null="no arguments seen", sealed="content"),
    Column("result_leaves", FINGERPRINTS, _G.CONTENT, "The same of the result.", null="no result seen",
           sealed="content"),
    Column("args_addresses", FINGERPRINTS, _G.CONTENT,
           "Those of args_leaves that say where something goes: e-mail addresses, URLs, hosts that begin with www, "
           "and IBANs.", null="no arguments seen", sealed="content"),
    Column("args_shingles", FINGERPRINTS, _G.CONTENT,
           "Winnowed keyed fingerprints of five-word runs of the arguments' long texts.",
           null="no arguments seen", sealed="content"),
    Column("result_shingles", FINGERPRINTS, _G.CONTENT, "The same of the result.", null="no result seen",
           sealed="content"),
    Column("redactions", REDACTIONS, _G.CONTENT,
           "Each secret taken out: where, what kind, and its keyed digest, so that it can be followed.",
           null="nothing was taken out", sealed="content"),
    Column("sensitive_categories", TEXTS, _G.CONTENT, "What sort of sensitive content was seen.",
           null="none recognised", sealed="content"),
    Column("unmapped", TEXT, _G.CONTENT, "JSON object of fields this version does not know, redacted.",
           null="everything was understood", follows="OCSF unmapped", max_chars=16384, personal=True, sealed="texts"),
    # --- integrity ----------------------------------------------------------------------------------------
    Column("leaf_hash", pa.binary(), _G.INTEGRITY, "RFC 6962 leaf hash of the event in the transparency log.",
           null=_UNSEALED),
    Column("batch_id", TEXT, _G.INTEGRITY, "The commit that brought the row in, however often it was rewritten.",
           null=_UNSEALED),
    *(column for name, what in SEALED.items() for column in _seal(name, what)),
)  # fmt: skip

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
PARTITION = "event_date"


def arrow_schema() -> pa.Schema:
    """Return the Arrow schema of the events table, columns in the order of `COLUMNS`."""
    return pa.schema([pa.field(c.name, c.type, nullable=not c.required) for c in COLUMNS])
