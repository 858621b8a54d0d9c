"""Tables of what imports say of entitlements and principals."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

ENTITLEMENT_IMPORTS = Table(
    name="entitlement_imports",
    meaning="Snapshots of who may do what, each a version. What a version says counts once its row is here.",
    schema=pa.schema(
        [
            pa.field("version", events.INT, nullable=False),
            pa.field("import_id", events.TEXT, nullable=False),
            pa.field("import_source", events.TEXT, nullable=False),
            pa.field("format", events.TEXT, nullable=False),
            pa.field("files", events.TEXTS, nullable=False),
            pa.field("sha256", events.TEXTS, nullable=False),
            *(pa.field(n, events.INT, nullable=False) for n in (
                "entitlements", "principals", "granted", "revoked", "changed")),
            pa.field("import_time", events.TIME, nullable=False),
            pa.field("import_date", pa.date32(), nullable=False),
        ]
    ),
    partition="import_date",
    statistics=("import_time",),
)  # fmt: skip


def _imported(id_name: str, columns: list[pa.Field]) -> pa.Schema:
    """Return the schema of facts that imports grant, change and revoke, one row for each change."""
    head = [
        pa.field(n, events.TEXT, nullable=False) for n in (id_name, "import_id", "import_source", "change")
    ]
    tail = [
        pa.field("changed", events.TEXTS, nullable=False),
        pa.field("before", events.TEXT),
        pa.field("state_time", events.TIME, nullable=False),
        pa.field("state_date", pa.date32(), nullable=False),
    ]
    return pa.schema([*head, *columns, *tail])


ENTITLEMENT_STATES = Table(
    name="entitlement_states",
    meaning="Each entitlement as granted, changed or revoked by an import. Ask the view entitlements for the newest.",
    schema=_imported(
        "entitlement_id",
        [
            pa.field("native_id", events.TEXT),
            *(pa.field(n, events.TEXT, nullable=False) for n in (
                "kind", "principal_kind", "principal", "effect", "server_name", "tool_name")),
            *(pa.field(n, events.TEXT) for n in ("resource_scope", "conditions")),
            pa.field("source", events.TEXT, nullable=False),
            *(pa.field(n, events.TEXT) for n in ("via", "granted_by")),
            *(pa.field(n, events.TIME) for n in ("granted_at", "expires_at", "revoked_at")),
            *(pa.field(n, events.TEXT) for n in ("ticket", "owner")),
            pa.field("break_glass", pa.bool_(), nullable=False),
            *(pa.field(n, events.TEXT) for n in ("policy_language", "policy", "policy_entities")),
        ],
    ),
    partition="state_date",
    statistics=("state_time",),
    order=("principal", "server_name"),
)  # fmt: skip

PRINCIPAL_STATES = Table(
    name="principal_states",
    meaning="People, clients, agents and credentials as inventories say, one row a change. Ask the view principals.",
    schema=_imported(
        "principal_id",
        [
            *(pa.field(n, events.TEXT, nullable=False) for n in ("principal_kind", "principal")),
            pa.field("aliases", events.TEXTS, nullable=False),
            pa.field("name", events.TEXT),
            pa.field("member_of", events.TEXTS, nullable=False),
            pa.field("status", events.TEXT, nullable=False),
            *(pa.field(n, events.TEXT) for n in ("owner", "purpose", "credential_kind")),
            *(pa.field(n, events.TIME) for n in ("since", "until", "rotated_at")),
        ],
    ),
    partition="state_date",
    statistics=("state_time",),
    order=("principal",),
)  # fmt: skip
