"""The tools of the engineering servers: github, jira, ci, postgres, warehouse, web."""

from __future__ import annotations

from ingest.simulator.shapes import ADDRESS, PERSON, call, table_rows
from ingest.simulator.steps import Step, as_text, structured

ENGINEERING: dict[str, Step] = {
    # --- github -------------------------------------------------------------------------------------------
    "github.issue": call(
        "github",
        "get_issue",
        {"owner": "acme", "repo": "platform", "issue_number": "#<issue>#"},
        as_text(
            {
                "number": "#<issue>#",
                "title": "<topic> <ticket>",
                "body": "<note>",
                "user": "<first_lower>",
                "labels": ["bug"],
                "state": "open",
                "head": "<sha>",
            }
        ),
    ),
    "github.search": call(
        "github",
        "search_code",
        {"q": "<topic> repo:acme/platform"},
        as_text(
            {
                "total_count": 2,
                "items": [
                    {"path": "src/<first_lower>/<last_lower>.py", "sha": "<sha>"},
                    {"path": "src/jobs/<n_last_lower>.py", "sha": "<n_sha>"},
                ],
            }
        ),
    ),
    "github.read": call(
        "github",
        "get_file_contents",
        {"owner": "acme", "repo": "platform", "path": "src/<first_lower>/<last_lower>.py", "ref": "<sha>"},
        as_text("def run(batch): # <topic>, see <ticket>\n    retry(batch, ref=<sha>) # <remark>"),
    ),
    "github.write": call(
        "github",
        "create_or_update_file",
        {
            "owner": "acme",
            "repo": "platform",
            "path": "src/<first_lower>/<last_lower>.py",
            "branch": "fix-<issue>",
            "sha": "<sha>",
            "message": "Fix <topic> (<ticket>)",
        },
        as_text({"commit": {"sha": "<n_sha>", "message": "Fix <topic> (<ticket>)"}}),
        operation="write",
        deny=0.02,
        secret=0.02,
    ),
    "github.pull": call(
        "github",
        "create_pull_request",
        {
            "owner": "acme",
            "repo": "platform",
            "head": "fix-<issue>",
            "base": "main",
            "title": "Fix <topic> (<ticket>)",
        },
        as_text({"number": "#<n_issue>#", "url": "https://git.acme.example/platform/pull/<n_issue>"}),
        operation="write",
    ),
    "github.branch": call(
        "github",
        "delete_branch",
        {"owner": "acme", "repo": "platform", "branch": "fix-<issue>"},
        as_text("deleted fix-<issue>"),
        operation="destructive",
        deny=0.3,
    ),
    # --- jira ---------------------------------------------------------------------------------------------
    "jira.search": call(
        "jira",
        "search_issues",
        {"jql": "project = SUP AND text ~ <company>", "maxResults": 5},
        as_text(
            {
                "total": 2,
                "issues": [
                    {"key": "<ticket>", "summary": "<topic>", "reporter": ADDRESS},
                    {"key": "<n_ticket>", "summary": "<n_topic>"},
                ],
            }
        ),
    ),
    "jira.get": call(
        "jira",
        "get_issue",
        {"issue_key": "<ticket>"},
        as_text(
            {
                "key": "<ticket>",
                "summary": "<topic>",
                "customer": "<cus>",
                "description": "<note>",
                "reporter": {"name": PERSON, "email": ADDRESS},
            }
        ),
    ),
    "jira.comment": call(
        "jira",
        "add_comment",
        {"issue_key": "<ticket>", "body": "<remark> (<invoice>)"},
        as_text({"id": "<issue>", "key": "<ticket>"}),
        operation="write",
    ),
    # --- ci -----------------------------------------------------------------------------------------------
    "ci.runs": call(
        "ci",
        "list_runs",
        {"workflow": "nightly", "branch": "main", "per_page": 5},
        as_text(
            {
                "runs": [
                    {"id": "<issue>", "head_sha": "<sha>", "conclusion": "success"},
                    {"id": "<n_issue>", "head_sha": "<n_sha>", "conclusion": "failure"},
                ]
            }
        ),
    ),
    "ci.log": call(
        "ci",
        "get_run_log",
        {"run_id": "<n_issue>"},
        as_text("step build ok; step test failed at <n_sha>; <topic>; see <n_ticket>"),
        fail=0.03,
    ),
    "ci.rerun": call(
        "ci",
        "rerun_workflow",
        {"run_id": "<n_issue>", "env": {"REF": "<n_sha>"}},
        as_text("queued <n_issue>"),
        operation="write",
        secret=0.03,
    ),
    # --- postgres, warehouse --------------------------------------------------------------------------------
    "postgres.tables": call(
        "postgres",
        "list_tables",
        {"schema": "public"},
        structured({"tables": ["customers", "invoices", "payout_accounts", "sessions", "orders"]}),
    ),
    "postgres.orders": call(
        "postgres",
        "query",
        {
            "sql": "select id, total, placed from orders where customer_id ="
            " '<cus>' order by placed desc limit 5"
        },
        table_rows(
            ["id", "total", "placed"], ["<sha>", "<amount>", "<day>"], ["<n_sha>", "<n_amount>", "<n_day>"]
        ),
        secret=0.008,
    ),
    "postgres.payout": call(
        "postgres",
        "query",
        {
            "sql": "select c.name, p.iban from payout_accounts p join"
            " customers c on c.id = p.customer_id where c.id = '<cus>'"
        },
        table_rows(["name", "iban"], [PERSON, "<iban>"]),
    ),
    "postgres.plan": call(
        "postgres",
        "explain_query",
        {"sql": "select count(*) from sessions where ref = '<sha>'"},
        as_text("Index Scan using sessions_ref on sessions (cost=0.42..8.44 rows=1 width=8)"),
    ),
    "warehouse.run": call(
        "warehouse",
        "run_query",
        {
            "sql": "select sum(amount) from revenue where domain = '<domain>' group by month",
            "warehouse": "BI_SMALL",
        },
        table_rows(["month", "sum"], ["2026-08", "<amount>"], ["2026-09", "<n_amount>"]),
        deny=0.015,
    ),
    "warehouse.share": call(
        "warehouse",
        "create_share",
        {"table": "revenue", "with": "<domain>"},
        structured({"share": "sh_<sha>"}),
        operation="write",
        deny=0.4,
    ),
    # --- web ----------------------------------------------------------------------------------------------
    "web.search": call(
        "web",
        "search",
        {"q": "<company> <topic>"},
        as_text(
            {
                "results": [
                    {"title": "<company>: <topic>", "url": "https://www.<domain>/news/<issue>"},
                    {"title": "<n_company>", "url": "https://www.<n_domain>/about"},
                ]
            }
        ),
    ),
    "web.fetch": call(
        "web",
        "fetch",
        {"url": "https://www.<domain>/news/<issue>", "format": "markdown"},
        as_text("<company>, <city>. Published <day>. <note>"),
        fail=0.04,
    ),
    "web.source": call(
        "web",
        "fetch",
        {"url": "https://git.acme.example/raw/<sha>/src/<first_lower>/<last_lower>.py", "format": "raw"},
        as_text("def run(batch): # <topic>, see <ticket>\n    retry(batch, ref=<sha>) # <remark>"),
    ),
}
