"""baton-sdk's grants as JSON: the `list` of ListGrants, in the JSON form of its messages."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from analytics.entitlements.facts import KINDS, Entitlement, Facts, Fault, Place
from analytics.entitlements.places import place_of
from analytics.entitlements.reading import File, document, json_records


class ResourceId(msgspec.Struct, rename="camel"):
    """The kind and id of a resource; kinds are the connector's own words."""

    resource_type: str
    resource: str


class Resource(msgspec.Struct, rename="camel"):
    """A resource: who is granted, or on what."""

    id: ResourceId
    display_name: str | None = None


class Right(msgspec.Struct, rename="camel"):
    """An entitlement in baton's sense: a slug such as `member` or `execute` on a resource."""

    resource: Resource
    id: str
    slug: str | None = None


class GrantSource(msgspec.Struct, rename="camel"):
    """Where a grant came from; not direct when it was expanded from a group or role."""

    is_direct: bool = False


class Sources(msgspec.Struct):
    """The entitlements a grant was expanded from, by their ids."""

    sources: dict[str, GrantSource] = {}


class BatonGrant(msgspec.Struct):
    """One grant: a principal has an entitlement."""

    id: str
    entitlement: Right
    principal: Resource
    sources: Sources | None = None


_PRINCIPALS = {"user": "human", "app": "client", "application": "client", "service_account": "client",
               "secret": "credential", "api_key": "credential"}  # fmt: skip
_TOOLS = ("tool", "mcp_tool")


def read(file: File) -> Facts:
    """Read grants on tools and servers; the id of a tool is its name, after its server's and a slash if it has one."""
    whole, text, _ = document(file)
    if isinstance(whole, dict) and whole.get("nextPageToken"):
        place = place_of(file.name, text, ["nextPageToken"])
        return Facts(
            faults=(Fault(place, "this is one page of several: import them all, without nextPageToken"),)
        )
    found = json_records(file, BatonGrant, "list", "grants")
    kinds = [(_kind(grant), grant, place) for grant, place in found.records]
    faults = [
        Fault(
            place,
            f"principals of type {grant.principal.id.resource_type!r} are not known here: {', '.join(_known())}",
        )
        for kind, grant, place in kinds
        if kind is None
    ]
    entitlements = tuple(
        _entitlement(kind, grant, place, file.server) for kind, grant, place in kinds if kind
    )
    return Facts(entitlements, faults=(*found.faults, *faults))


def _known() -> Iterator[str]:
    yield from (*_PRINCIPALS, *(kind for kind in KINDS if kind != "tool"))


def _kind(grant: BatonGrant) -> str | None:
    named = grant.principal.id.resource_type.lower()
    return _PRINCIPALS.get(named, named if named in KINDS and named != "tool" else None)


def _entitlement(kind: str, grant: BatonGrant, place: Place, server: str) -> Entitlement:
    on = grant.entitlement.resource.id
    tool = "*"
    if on.resource_type.lower() in _TOOLS:
        prefix, _, tool = on.resource.rpartition("/")
        server = prefix or server
    else:
        server = on.resource
    via = [
        name
        for name, source in (grant.sources.sources if grant.sources else {}).items()
        if not source.is_direct
    ]
    return Entitlement(
        kind, grant.principal.id.resource, server, tool, resource_scope=grant.entitlement.slug,
        source="group" if via else "direct", via=", ".join(sorted(via)) or None, native_id=grant.id, place=place,
    )  # fmt: skip
