"""LiteLLM's StandardLoggingPayload; fields that are not named here end in `unmapped`."""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of the payload."""


class ToolCall(Part):
    """What was called of an MCP server."""

    name: str | None = None
    arguments: Raw = ABSENT
    result: Raw = ABSENT
    server_name: str | None = msgspec.field(name="mcp_server_name", default=None)
    logo: Raw = msgspec.field(name="mcp_server_logo_url", default=ABSENT)
    namespaced: str | None = msgspec.field(name="namespaced_tool_name", default=None)
    cost: Raw = msgspec.field(name="mcp_server_cost_info", default=ABSENT)
    session_id: str | None = msgspec.field(name="mcp_session_id", default=None)


class Metadata(Part):
    """Whose key it was, and the tool call."""

    tool_call: ToolCall | None = msgspec.field(name="mcp_tool_call_metadata", default=None)
    key_hash: str | None = msgspec.field(name="user_api_key_hash", default=None)
    key_alias: Raw = msgspec.field(name="user_api_key_alias", default=ABSENT)
    user_id: str | None = msgspec.field(name="user_api_key_user_id", default=None)
    user_email: str | None = msgspec.field(name="user_api_key_user_email", default=None)
    team_id: str | None = msgspec.field(name="user_api_key_team_id", default=None)
    team_alias: str | None = msgspec.field(name="user_api_key_team_alias", default=None)
    org_id: str | None = msgspec.field(name="user_api_key_org_id", default=None)
    end_user: str | None = msgspec.field(name="user_api_key_end_user_id", default=None)
    route: Raw = msgspec.field(name="user_api_key_request_route", default=ABSENT)
    address: str | None = msgspec.field(name="requester_ip_address", default=None)
    user_agent: str | None = None
    auth_metadata: Raw = msgspec.field(name="user_api_key_auth_metadata", default=ABSENT)
    spend: Raw = msgspec.field(name="user_api_key_spend", default=ABSENT)
    budget: Raw = msgspec.field(name="user_api_key_max_budget", default=ABSENT)
    budget_reset: Raw = msgspec.field(name="user_api_key_budget_reset_at", default=ABSENT)
    user_spend: Raw = msgspec.field(name="user_api_key_user_spend", default=ABSENT)
    user_budget: Raw = msgspec.field(name="user_api_key_user_max_budget", default=ABSENT)
    team_spend: Raw = msgspec.field(name="user_api_key_team_spend", default=ABSENT)
    team_budget: Raw = msgspec.field(name="user_api_key_team_max_budget", default=ABSENT)
    org_alias: Raw = msgspec.field(name="user_api_key_org_alias", default=ABSENT)
    project_id: Raw = msgspec.field(name="user_api_key_project_id", default=ABSENT)
    project_alias: Raw = msgspec.field(name="user_api_key_project_alias", default=ABSENT)
    spend_logs: Raw = msgspec.field(name="spend_logs_metadata", default=ABSENT)
    requester: Raw = msgspec.field(name="requester_metadata", default=ABSENT)
    prompt_management: Raw = msgspec.field(name="prompt_management_metadata", default=ABSENT)
    vector_stores: Raw = msgspec.field(name="vector_store_request_metadata", default=ABSENT)
    applied_guardrails: Raw = ABSENT
    usage_object: Raw = ABSENT


class Failure(Part):
    """Why a request failed."""

    error_code: str | int | None = None
    error_class: str | None = None
    error_message: str | None = None
    llm_provider: Raw = ABSENT
    traceback: Raw = ABSENT


class StatusFields(Part):
    """What came of the model's call and of the guardrails."""

    llm_api_status: Raw = ABSENT
    guardrail_status: str | None = None


class Payload(Part):
    """One request through the proxy. Prompts, completions and the model's settings are named to be left out."""

    call_type: str
    metadata: Metadata | None = None
    id: str | None = None
    call_id: str | None = None
    litellm_call_id: str | None = None
    trace_id: str | None = None
    status: str | None = None
    status_fields: StatusFields | None = None
    started: float | str | None = msgspec.field(name="startTime", default=None)
    ended: float | str | None = msgspec.field(name="endTime", default=None)
    completion_started: Any = msgspec.field(name="completionStartTime", default=None)
    response_time: float | None = None
    model: str | None = None
    provider: str | None = msgspec.field(name="custom_llm_provider", default=None)
    end_user: str | None = None
    address: str | None = msgspec.field(name="requester_ip_address", default=None)
    user_agent: str | None = None
    error: str | None = msgspec.field(name="error_str", default=None)
    failure: Failure | None = msgspec.field(name="error_information", default=None)
    messages: Raw = ABSENT
    response: Raw = ABSENT
    model_parameters: Raw = ABSENT
    hidden_params: Raw = ABSENT
    model_map_information: Raw = ABSENT
    stream: Raw = ABSENT
    response_cost: Raw = ABSENT
    cost_breakdown: Raw = ABSENT
    cost_failure: Raw = msgspec.field(name="response_cost_failure_debug_info", default=ABSENT)
    total_tokens: Raw = ABSENT
    prompt_tokens: Raw = ABSENT
    completion_tokens: Raw = ABSENT
    model_id: Raw = ABSENT
    model_group: Raw = ABSENT
    api_base: Raw = ABSENT
    cache_hit: Raw = ABSENT
    cache_key: Raw = ABSENT
    saved_cache_cost: Raw = ABSENT
    request_tags: Raw = ABSENT
    guardrail_information: Raw = ABSENT
    built_in_tools: Raw = msgspec.field(name="standard_built_in_tools_params", default=ABSENT)


NO_METADATA = Metadata()
NO_CALL = ToolCall()
NO_FAILURE = Failure()
NO_STATUS = StatusFields()
