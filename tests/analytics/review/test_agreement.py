"""What a review calls granted is what `entitlements explain` calls allowed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from company import ROSTER, START, assessed, call, filled, granted, imported

from analytics.entitlements.explain import Question, explain
from store.lake import Lake

CEDAR = """
@id("read") permit(principal in THVGroup::"ops", action == Action::"call_tool", resource == Tool::"pods_list");
@id("ana") permit(principal == Client::"ana@x.org", action == Action::"call_tool", resource)
  when { context.claim_level >= 3 };
@id("no") forbid(principal, action == Action::"call_tool", resource == Tool::"exec");
"""
CEL = """
binds: [{listeners: [{routes: [{
  backends: [{mcp: {targets: [{name: wiki}]}}],
  policies: {mcpAuthorization: {rules: [
    'mcp.tool.name.startsWith("get_")',
    {allow: 'jwt.sub == "bob" && mcp.tool.name == "edit"'}, {deny: 'jwt.sub == "cyd"'},
    {require: 'mcp.tool.target == "wiki"'}]}}}]}]}]
"""
CALLED = START + timedelta(days=80)
PEOPLE = ("ana", "bob", "cyd", "stranger")
TOOLS = (
    ("github", "create_issue"), ("github", "delete_repo"), ("jira", "search"), ("k8s", "pods_list"), ("k8s", "exec"),
    ("wiki", "get_page"), ("wiki", "edit"), ("wiki", "drop"),
)  # fmt: skip


@pytest.mark.slow
def test_every_call_is_judged_as_explain_judges_it(lake: Lake) -> None:
    """A stray wherever explain denies, none where it allows or depends; and the grants it names were used."""
    filled(lake, *(call(80, who, tool, server) for who in PEOPLE for server, tool in TOOLS))
    imported(lake, "roster", ROSTER)
    imported(lake, "toolhive", CEDAR, "k8s")
    imported(lake, "agentgateway", CEL)
    granted(
        lake, "1,ana,human,github,create_*,permit,2025-01-01",
        "2,eng,group,github,*,permit,2025-01-01,,,,group,eng",
        "3,cyd,human,github,delete_*,forbid,2025-01-01", "4,bob@x.org,human,jira,*,permit,2025-01-01,2026-03-01",
        "5,*,human,jira,search,permit,2026-03-30",
        "6,create_issue,tool,github,*,permit", "7,cursor,client,github,*,permit",
    )  # fmt: skip
    found = assessed(lake)
    strays = {(s.leg, s.principal, s.server_name, s.tool_name) for s in found.strays}
    used = {item.item_id: item.calls > 0 for item in found.items}
    for who in PEOPLE:
        for server, tool in TOOLS:
            legs = {g.leg: g for g in explain(lake, Question(who, server, tool, "cursor", moment=CALLED))}
            for leg, name in (("human", who), ("client", "cursor"), ("tool", tool)):
                denied = legs[leg].verdict == "denied"
                assert ((leg, name, server, tool) in strays) == denied, (who, server, tool, legs[leg])
            if legs["human"].verdict == "allowed":
                assert all(used[grant] for grant in legs["human"].entitlements), (who, server, tool)
