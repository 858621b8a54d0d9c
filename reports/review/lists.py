"""Which columns of which table the page of a review shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from analytics.review.campaign import Campaign
from analytics.review.model import Advice, Assessment
from reports.page import MOST, Listing, listing
from reports.review.rows import Row, words

_QUIET = frozenset(words(advice) for advice in (Advice.KEEP, Advice.WAIT, Advice.CANNOT_TELL))
_ITEM = (
    "principal, grant, state:tag, recommendation:tag, reason:long, risk_if_kept:long:risk if kept,"
    " breaks:number:calls that would break, peers:text, owner, last_use:time:last use, event_ids:ids:events, item_id:id:item"
)
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "sources": (
        "What each source could show",
        "source:text, events:number, first:time, last:time, hours_with_events:number:hours heard, hours:number:of hours,"
        " gaps:number, with_human:percent:name a person, with_client:percent:a client, with_credential:percent:a credential",
    ),
    "states": (
        "Grants by server and state",
        "server:text, used:number, unused:number, denied_only:number:denied only,"
        " used_not_granted:number:used%2C not granted, too_new:number:too new, not_observable:number:not observable",
    ),
    "not_granted": (
        "Used and not granted",
        "principal, grant, leg:text, recommendation:tag, reason:long, calls:number, people:list, clients:list,"
        " last_use:time:last use, event_ids:ids:events, item_id:id:item",
    ),
    "matrix": (
        "Granted and used, by principal and server",
        "principal, server_name:text:server, grants:number, used:number, unused:number,"
        " denied_only:number:denied only, used_not_granted:number:used%2C not granted, too_new:number:too new,"
        " not_observable:number:not observable, calls:number, denied:number",
    ),
    "standing": (
        "Standing and just-in-time grants by server",
        "server_name:text:server, standing:number, bounded:number:with an end, jit:number:just-in-time,"
        " convertible:number, median_age_days:number:median age in days, median_jit_hours:number:JIT hours,"
        " median_jit_used_share:percent:of them used",
    ),
    "pay_first": (
        "Pay first: credentials by what moving them to just-in-time saves each day",
        "rank:number, credential_id:id:credential, owner:text, kind:text, weight:number, worst_tool:text:gravest tool,"
        " drop:number:saves each day, left:number:left then, debt:number",
    ),
    "credentials": (
        "Standing credentials and what they owe, in privileged idle key-days",
        "credential_id:id:credential, owner:text, kind:text, debt:number, structural:number:structural exposure,"
        " valid_from:time:valid since, ended:text:end, last_used:time:last use, last_rotated:time:last rotated, uses:number,"
        " users:number, addresses:number, sender_bound:bool:bound to its sender, proof:id:proof that another way works",
    ),
    "late_uses": (
        "Used after it had ended",
        "what:text, name:text, ended:tag, ended_at:time:ended, said_by:text:said by, server_name:text:server,"
        " tool_name:text:tool, calls:number, grace_seconds:number:seconds after, events:ids",
    ),
    "dormant": (
        "May still act, and did not for long",
        "what:text, name:text, owner:text, last_use:time:last use, idle_days:number:idle days, grants:number",
    ),
    "inherited": (
        "One identity acting with the access of another",
        "who:text, through:text, how:text, server_name:text:server, tool_name:text:tool, calls:number, because:long, events:ids",
    ),
    "toxic": (
        "Who can read private data, what strangers wrote, and give something out",
        "principal, sources:list:private data by, taints:list:strangers' words by, sinks:list:ways out, used:list,"
        " realised:number:sessions that used all three, reason:long",
    ),
    "attempts": (
        "Tried and refused: grant, or confirm the refusal",
        "principal, server_name:text:server, tool_name:text:tool, granted:bool, denied:number, reached:number,"
        " reasons:list, sidestepped:ids:got around in findings, last:time, events:ids",
    ),
    "findings": (
        "Findings that touch these principals",
        "severity:tag, title:text, principal:text, event_time:time:time, explanation:long, p_value:number:P-value, state:tag,"
        " detection:text, finding_id:id:finding, evidence:ids",
    ),
    "frameworks": (
        "Controls, and what can be said of them",
        "control:text, asks:long, findings:number, open:number, evaluated:number:detections evaluated,"
        " not_evaluable:number:not evaluable, sections:text:also in sections",
    ),
    "exclusions": (
        "Not to be decided upon, and why",
        "principal:text, server_name:text:server, tool_name:text:tool, why:long, owner:text, ticket:text,"
        " expires_at:time:until, last_use:time:last use, item_id:id:item",
    ),
    "quality": (
        "How reviewers decided",
        "reviewer:text, decisions:number, approved:number, batches:number, largest_batch:number:largest batch,"
        " median_seconds:number:median seconds, seconds_per_decision:number:seconds each, overrides:number,"
        " relations:text:to the holders, rubber_stamp:bool:rubber stamp",
    ),
    "decisions": (
        "Every decision",
        "decided_at:time:decided, reviewer:text, item_id:id:item, stage:number, decision:tag, reason:long,"
        " overrides:text:overrides, batch_size:number:in a batch of, seconds:number, owner:text, due:time, ticket:text",
    ),
    "closures": (
        "What came of each revocation",
        "principal:text, server_name:text:server, tool_name:text:tool, decided_at:time:decided, status:tag, proof:text,"
        " proof_id:id:by, hours:number, ticket:text, used_since:ids:used since",
    ),
    "changes": (
        "Since the campaign before",
        "what:text, principal:text, server_name:text:server, tool_name:text:tool, before:text, after:text, item_id:id:item",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Lists:
    """The tables of a page, made of the whole ones beside it."""

    found: Assessment
    campaign: Campaign | None
    tables: Mapping[str, pa.Table]
    stem: str

    def all(self) -> dict[str, Listing]:
        """Return every table by its name; one that does not apply is not there."""
        made = {
            name: self._list(name, caption, columns)
            for name, (caption, columns) in _COLUMNS.items()
            if name in self.tables
        }
        grants = self.tables["grants"]
        made["decisions_wanted"] = self._grants(
            "decisions_wanted",
            "Ranked, the gravest first",
            grants,
            lambda row: row["recommendation"] not in _QUIET,
        )
        made["over_broad"] = self._grants(
            "over_broad", "Patterns of which little is used", grants, lambda row: bool(row["over_broad"]),
            "principal, grant, used_share:percent:used of its reach, used_tools:number:tools used, reach:number:in reach,"
            " unused_tools:list:not used, owner, item_id:id:item",
        )  # fmt: skip
        made["convertible"] = self._grants(
            "convertible", "Standing grants whose use fits in short windows", grants, lambda row: bool(row["convertible"]),
            "principal, grant, windows:number, calls:number, age_days:number:days old, owner, item_id:id:item",
        )  # fmt: skip
        return made

    def _list(self, name: str, caption: str, columns: str) -> Listing:
        table = self.tables[name]
        shown: list[Row] = table.slice(0, MOST).to_pylist()
        if name in ("closures", "late_uses"):
            shown = [
                {k: words(v) if k in ("status", "ended") else v for k, v in row.items()} for row in shown
            ]
        return listing(name, caption, shown, columns, stem=self.stem, total=table.num_rows)

    def _grants(
        self, name: str, caption: str, grants: pa.Table, wanted: Callable[[Row], bool], columns: str = _ITEM
    ) -> Listing:
        chosen = [row for row in grants.to_pylist() if wanted(row)]
        return listing(name, caption, chosen, columns, stem=self.stem, kept="grants")
