"""Say who may do what: import it, show it, compare versions, and explain one call."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.group()
def command() -> None:
    r"""Say who may do what: import it, show it, compare versions, and explain one call.

    \b
    Example:
      tooltrail entitlements show --principal ana
    """


@command.command(name="import")
@click.argument("format_id", metavar="FORMAT")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--source",
    metavar="NAME",
    help="Whose snapshot this is; else the format, and the server if one is named.",
)
@click.option(
    "--server", metavar="NAME", default="*", help="The server it is about, where the format does not say."
)
@lake_option
@output_options
def import_(
    format_id: str, files: tuple[Path, ...], source: str | None, server: str, place: Place, output: Output
) -> None:
    r"""Import a snapshot of grants, policies or inventories; what its source no longer says is revoked.

    FORMAT is one of agentgateway, baton, clients, contextforge, credentials, grants, obot, roster, toolhive.
    All of it is taken in, or nothing: what is wrong is told with its file, line and column.

    \b
    Example:
      tooltrail entitlements import grants grants.csv
    """
    from console.entitlements import import_files

    import_files(place, output, format_id, files, source, server)


@command.command()
@click.option("--principal", metavar="NAME", help="Only of this one, under any name an inventory gives them.")
@click.option(
    "--kind", type=click.Choice(("human", "client", "tool", "credential")), help="Only of this kind."
)
@click.option("--orphans", is_flag=True, help="Only of principals that are in no inventory.")
@lake_option
@output_options
def show(*, principal: str | None, kind: str | None, orphans: bool, place: Place, output: Output) -> None:
    r"""Show what is granted now.

    \b
    Example:
      tooltrail entitlements show --principal ana
    """
    from console.entitlements import show_granted

    show_granted(place, output, principal=principal, kind=kind, orphans=orphans)


@command.command()
@click.argument("earlier", metavar="[A", type=click.IntRange(min=0), required=False)
@click.argument("later", metavar="B]", type=click.IntRange(min=0), required=False)
@lake_option
@output_options
def diff(earlier: int | None, later: int | None, place: Place, output: Output) -> None:
    r"""Show what two versions differ in: granted, revoked, or changed with both sides.

    Without versions it is the last import against what stood before it; with one, that version against the newest.

    \b
    Example:
      tooltrail entitlements diff 1 2
    """
    from console.entitlements import show_diff

    show_diff(place, output, earlier, later)


@command.command()
@click.argument("principal")
@click.argument("server")
@click.argument("tool")
@click.option("--client", metavar="NAME", help="The client application or agent it is called by.")
@click.option("--credential", metavar="ID", help="The credential it is called with.")
@click.option(
    "--claim", "claims", multiple=True, metavar="NAME=VALUE", help="A claim of the token, for policies."
)
@click.option(
    "--argument",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the call, for policies.",
)
@click.option("--resource", metavar="NAME", help="The resource the call is about, for grants with a scope.")
@click.option(
    "--at", "moment", type=click.DateTime(), metavar="TIME", help="Judge as of this time (UTC), else now."
)
@lake_option
@output_options
def explain(
    principal: str, server: str, tool: str, client: str | None, credential: str | None, claims: tuple[str, ...],
    arguments: tuple[str, ...], resource: str | None, moment: datetime | None, place: Place, output: Output,
) -> None:  # fmt: skip
    r"""Explain whether someone may call a tool: by whose grant, and what would deny it.

    \b
    Example:
      tooltrail entitlements explain ana github create_issue --client cursor
    """
    from console.entitlements import explain_call

    explain_call(
        place, output, principal, server, tool, client, credential, claims, arguments, resource, moment
    )
