"""The tools of the business servers: crm, billing, email, files, slack, drive, calendar."""

from __future__ import annotations

from ingest.simulator.shapes import ADDRESS, BRIEF, CONTACT, PERSON, call
from ingest.simulator.steps import Step, as_text, structured, to_json

BUSINESS: dict[str, Step] = {
    # --- crm ----------------------------------------------------------------------------------------------
    "crm.search": call(
        "crm",
        "search_customers",
        {"query": "<company> <city>", "limit": 5},
        structured(
            {
                "customers": [
                    {"id": "<cus>", "name": PERSON, "company": "<company>", "city": "<city>"},
                    BRIEF,
                ],
                "total": 2,
                "next_cursor": None,
            }
        ),
    ),
    "crm.get": call(
        "crm",
        "get_customer",
        {"customer_id": "<cus>", "include": ["contact", "notes"]},
        structured(
            {
                "customer": {
                    **CONTACT,
                    "iban": "<iban>",
                    "notes": [{"at": "<day>", "text": "<note>"}],
                    "open_invoice": "<invoice>",
                }
            }
        ),
    ),
    "crm.update": call(
        "crm",
        "update_customer",
        {"customer_id": "<cus>", "fields": {"phone": "<phone>", "city": "<city>", "note": "<remark>"}},
        structured({"id": "<cus>", "updated": ["phone", "city", "note"], "version": "<sha>"}),
        operation="write",
        deny=0.02,
        secret=0.004,
    ),
    "crm.delete": call(
        "crm",
        "delete_customer",
        {"customer_id": "<cus>", "reason": "<topic>"},
        structured({"id": "<cus>", "deleted": True}),
        operation="destructive",
        deny=0.55,
    ),
    "crm.list": call(
        "crm",
        "list_customers",
        {"segment": "<topic>", "city": "<city>"},
        structured({"customers": [CONTACT, {**BRIEF, "phone": "<n_phone>"}], "total": 2}),
    ),
    # --- billing ------------------------------------------------------------------------------------------
    "billing.list": call(
        "billing",
        "list_invoices",
        {"customer_id": "<cus>", "status": "open"},
        structured(
            {
                "invoices": [
                    {"id": "<invoice>", "amount": "#<amount>#", "currency": "EUR", "due": "<day>"},
                ],
                "customer": {"id": "<cus>", "name": "<company>"},
            }
        ),
    ),
    "billing.get": call(
        "billing",
        "get_invoice",
        {"invoice_id": "<invoice>"},
        structured(
            {
                "id": "<invoice>",
                "customer_id": "<cus>",
                "amount": "#<amount>#",
                "currency": "EUR",
                "bill_to": {"name": PERSON, "company": "<company>", "email": ADDRESS, "iban": "<iban>"},
                "lines": [{"text": "Subscription", "qty": 12}, {"text": "Support", "qty": 1}],
                "due": "<day>",
                "memo": "<remark>",
            }
        ),
    ),
    "billing.credit": call(
        "billing",
        "create_credit_note",
        {"invoice_id": "<invoice>", "amount": "#<amount>#", "reason": "<topic>"},
        structured({"credit_note": "CN-<sha>", "invoice_id": "<invoice>", "state": "draft"}),
        operation="write",
        deny=0.08,
    ),
    "billing.account": call(
        "billing",
        "get_payout_account",
        {"customer_id": "<cus>"},
        structured({"customer_id": "<cus>", "holder": PERSON, "iban": "<iban>", "verified": True}),
        deny=0.03,
    ),
    # --- email --------------------------------------------------------------------------------------------
    "email.search": call(
        "email",
        "search_messages",
        {"query": "from:" + ADDRESS, "max_results": 10},
        structured(
            {
                "messages": [
                    {"id": "<thread>", "from": ADDRESS, "subject": "<topic>", "at": "<day>"},
                    {"id": "<n_thread>", "subject": "<n_topic>"},
                ]
            }
        ),
    ),
    "email.read": call(
        "email",
        "read_message",
        {"message_id": "<thread>"},
        structured(
            {
                "id": "<thread>",
                "from": {"name": PERSON, "email": ADDRESS},
                "to": ["<email>"],
                "subject": "<topic> <ticket>",
                "body": "<note>",
            }
        ),
    ),
    "email.send": call(
        "email",
        "send_message",
        {
            "to": [ADDRESS],
            "subject": "Re: <topic> <ticket>",
            "body": "Dear <first> <last>, regarding <invoice>: <remark> Kind regards, <user>",
        },
        structured({"id": "<n_thread>", "status": "queued"}),
        operation="write",
        deny=0.01,
    ),
    # --- files --------------------------------------------------------------------------------------------
    "files.list": call(
        "files",
        "list_directory",
        {"path": "/customers/<domain>"},
        structured(
            {
                "entries": [
                    {"path": "/customers/<domain>/<invoice>.pdf", "size": 48211},
                    {"path": "/customers/<domain>/<ticket>.log", "size": 90412},
                    {"path": "/customers/<domain>/contract-<sha>.txt", "size": 7120},
                ]
            }
        ),
    ),
    "files.read": call(
        "files",
        "read_file",
        {"path": "/customers/<domain>/contract-<sha>.txt"},
        as_text(
            "Agreement of <day> with <company>, represented by <first> <last> (<first_lower>.<last_lower>"
            "@<domain>, <phone>). <note>"
        ),
        deny=0.01,
    ),
    "files.write": call(
        "files",
        "write_file",
        {
            "path": "/exports/<domain>/<ticket>.md",
            "content": "Summary for <company>: <note> Open: <invoice>, <amount> EUR.",
            "overwrite": True,
        },
        structured({"path": "/exports/<domain>/<ticket>.md", "bytes": 412, "etag": "<sha>"}),
        operation="write",
        deny=0.01,
        secret=0.012,
    ),
    "files.delete": call(
        "files",
        "delete_file",
        {"path": "/exports/<domain>/<ticket>.md"},
        structured({"deleted": True}),
        operation="destructive",
        deny=0.35,
    ),
    # --- slack, drive, calendar -----------------------------------------------------------------------------
    "slack.search": call(
        "slack",
        "search_messages",
        {"query": "<company> <ticket>"},
        as_text(
            {
                "matches": [
                    {
                        "channel": "C0<issue>",
                        "ts": "<issue>.0042",
                        "user": "<last_lower>",
                        "text": "<topic>: <remark>",
                    }
                ]
            }
        ),
    ),
    "slack.post": call(
        "slack",
        "post_message",
        {"channel": "C0<issue>", "text": "<ticket> <company>: <topic>. <remark>"},
        as_text({"ok": True, "ts": "<n_issue>.0043"}),
        operation="write",
        secret=0.01,
    ),
    "drive.search": call(
        "drive",
        "search_files",
        {"query": "name contains '<company>'", "page_size": 5},
        as_text(
            {
                "files": [
                    {"id": "<file>", "name": "<company> <topic>", "owner": "<email>"},
                    {"id": "<n_file>", "name": "<n_company> review", "owner": "<email>"},
                ]
            }
        ),
    ),
    "drive.read": call(
        "drive",
        "read_file",
        {"file_id": "<file>"},
        as_text("<company> <topic> <day>: <note> Contact <first> <last>, <phone>."),
        deny=0.015,
    ),
    "drive.share": call(
        "drive",
        "share_file",
        {"file_id": "<file>", "with": ADDRESS, "role": "reader"},
        as_text({"file_id": "<file>", "permission": "reader"}),
        operation="write",
        deny=0.2,
    ),
    "calendar.list": call(
        "calendar",
        "list_events",
        {"from": "<day>", "to": "<day>", "calendar": "<email>"},
        as_text({"events": [{"id": "<sha>", "title": "<company>: <topic>", "with": [ADDRESS, "<email>"]}]}),
    ),
    "calendar.create": call(
        "calendar",
        "create_event",
        {"title": "<company>: <topic>", "at": "<day>", "with": [ADDRESS]},
        as_text({"id": "<n_sha>", "status": "confirmed"}),
        operation="write",
    ),
    # --- not tool calls -------------------------------------------------------------------------------------
    "drive.resource": Step(
        "drive",
        "resources/read",
        "drive:///<file>",
        kind="resource_read",
        result=to_json(
            {
                "contents": [
                    {"uri": "drive:///<file>", "mimeType": "text/plain", "text": "<company> <day>: <remark>"}
                ]
            }
        ),
    ),
    "crm.prompt": Step(
        "crm",
        "prompts/get",
        "account_brief",
        kind="prompt_get",
        arguments=to_json({"customer_id": "<cus>"}),
        result=to_json(
            {
                "description": "Account brief",
                "messages": [
                    {
                        "role": "user",
                        "content": {
                            "type": "text",
                            "text": "Summarise <company> with the notes of <day>: <note>",
                        },
                    }
                ],
            }
        ),
    ),
    "jira.complete": Step(
        "jira",
        "completion/complete",
        "issue_key",
        kind="completion",
        arguments=to_json({"argument": {"name": "issue_key", "value": "<ticket>"}}),
        result=to_json({"completion": {"values": ["<ticket>", "<n_ticket>"], "hasMore": False}}),
    ),
}
