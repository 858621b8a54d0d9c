"""Several records of one call: which of them is believed for which column, and the SQL that says so.

Client telemetry, gateway log, span and server log of one call are tied together by the first rung of a ladder that
both can be found on: trace and span; a span and the parent that another's span names; tool_call_id; source and
http_request_id; session, JSON-RPC id and method; and last user, tool, server and arguments digest within two seconds.
`exchanges.sql` climbs it with hash aggregates and sorts alone: O(n log n), whatever ids repeat.

- A key is believed where each kind of witness has it once. Two records of one vantage, source and kind are two calls,
  so an id that stands on every call, or a span that holds a whole turn, ties nothing; JSON-RPC ids are told apart by
  pauses of five minutes and must agree on the tool.
- The last rung is one to one: witnesses that are as many on each side are paired in order, others where each is the
  nearest of the other; among more than 64 alike within seconds nobody can tell, and nothing is tied. What it ties must
  not put two records of one witness into one call.
- Rungs are closed over each other: a record tied by its span to a second and by its tool_call_id to a third makes one
  call of three, over chains of up to four keys.
- `exchange_id` is the event_id of the record that was taken in first. A witness that arrives late joins without
  changing it. One that shows two calls to be one leaves the id of the earlier, and the other still finds the call:
  `exchange()` takes the event_id of any witness. Asked as of an earlier version, a call has the id it had then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

SQL = Path(__file__).with_name("exchanges.sql")


@dataclass(frozen=True)
class Best:
    """Whom to believe for some columns: a number in SQL, least is best; ties go to the earliest record.

    Columns of one unit are taken together from the best witness that has the first of them, because a user id of one
    witness and an issuer of another would be nobody.
    """

    name: str
    order: str
    rank: str
    units: tuple[tuple[str, ...], ...]


BEST: tuple[Best, ...] = (
    Best("identity", "verified by a gateway or server, then asserted by a proxy, then what the client says of itself",
         "CASE user_assurance WHEN 'verified' THEN 0 WHEN 'proxy_asserted' THEN 10 WHEN 'self_reported' THEN 20 "
         "WHEN 'inferred' THEN 30 ELSE 40 END + CASE vantage WHEN 'client' THEN 1 ELSE 0 END",
         (("user_id", "user_issuer", "user_id_kind", "user_assurance"), ("user_email",), ("user_name",),
          ("auth_method",), ("credential_id", "credential_kind"), ("client_oauth_id",))),
    Best("client", "the client itself, then whoever stood nearest to it",
         "CASE vantage WHEN 'client' THEN 0 WHEN 'gateway' THEN 1 WHEN 'policy_engine' THEN 2 ELSE 3 END",
         (("client_name", "client_version"), ("agent_name",), ("model_name",), ("conversation_id",),
          ("tool_call_id",), ("tool_name_exposed",))),
    Best("passage", "the gateway, then the policy engine, the server, the client",
         "CASE vantage WHEN 'gateway' THEN 0 WHEN 'policy_engine' THEN 1 WHEN 'server' THEN 2 ELSE 3 END",
         (("event_kind",), ("mcp_method",), ("session_key", "session_kind"), ("trace_id",), ("client_address",),
          ("gateway_name",), ("server_name",), ("tool_name",), ("resource_uri",), ("prompt_name",),
          ("operation_class",))),
    Best("decision", "stated by policy engine or gateway, then implied by 401/403, the server, the client; "
         "what was read from an error text last",
         "CASE WHEN decision IN ('unknown', 'not_evaluated') THEN 90 WHEN decision_basis = 'weak' THEN 50 "
         "WHEN vantage = 'client' THEN 40 WHEN vantage = 'server' THEN 30 WHEN decision_basis = 'strong' THEN 20 "
         "WHEN vantage = 'gateway' THEN 10 ELSE 0 END",
         (("decision", "decision_source", "decision_reason", "decision_basis", "policy_id", "policy_version"),)),
    Best("outcome", "the server, then a gateway that saw the result or the failure, then the client, then a gateway "
         "that only saw an answer pass; unknown last",
         "CASE WHEN outcome = 'unknown' THEN 90 WHEN vantage = 'server' THEN 0 WHEN vantage = 'client' THEN 20 "
         "WHEN outcome <> 'success' OR result_state <> 'absent' THEN 10 ELSE 30 END",
         (("outcome",), ("error_message",), ("http_status",), ("jsonrpc_error_code",), ("duration_ms",),
          ("response_bytes",))),
    Best("arguments", "the fullest", "CASE args_state WHEN 'full' THEN 0 WHEN 'truncated' THEN 1 WHEN 'redacted' "
         "THEN 2 WHEN 'keys_only' THEN 3 WHEN 'unparseable' THEN 4 ELSE 9 END",
         (("args_state", "args_json", "args_hmac"),)),
    Best("result", "the fullest", "CASE result_state WHEN 'full' THEN 0 WHEN 'truncated' THEN 1 WHEN 'redacted' "
         "THEN 2 WHEN 'keys_only' THEN 3 WHEN 'unparseable' THEN 4 ELSE 9 END",
         (("result_state", "result_hmac"),)),
)  # fmt: skip


def columns() -> list[str]:
    """Return the columns that an exchange has from its witnesses, in order."""
    return [column for best in BEST for unit in best.units for column in unit]


@cache
def statements() -> str:
    """Return exchanges.sql with what `BEST` says filled in: statements apart by blank lines, as in the view files."""
    ranks = ",\n".join(f"         ({best.rank}) * 4096 + place AS by_{best.name}" for best in BEST)
    chosen = ",\n".join(
        f"         arg_min({{{', '.join(f'{c}: {c}' for c in unit)}}}, by_{best.name}) FILTER ({unit[0]} IS NOT NULL)"
        f" AS the_{unit[0]}"
        for best in BEST
        for unit in best.units
    )
    taken = ", ".join(f"the_{unit[0]}.{c}" for best in BEST for unit in best.units for c in unit)
    filled = SQL.read_text()
    for mark, text in {
        "{ranks}": ranks,
        "{chosen}": chosen,
        "{taken}": taken,
        "{columns}": ", ".join(columns()),
    }.items():
        filled = filled.replace(mark, text)
    return filled


def reference() -> str:
    """Return the table of whom to believe for what, for docs/schema.md."""
    rows = [
        f"| {best.name} | {best.order} | {', '.join(f'`{c}`' for unit in best.units for c in unit)} |"
        for best in BEST
    ]
    return "\n".join(["| of | believed | columns |", "|---|---|---|", *rows])
