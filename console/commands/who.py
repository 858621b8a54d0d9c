"""Say what is known of one user, client, credential, server or tool."""

from __future__ import annotations

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@click.argument("name", metavar="ID")
@click.option(
    "--kind", type=click.Choice(("user", "client", "credential", "server", "tool")), help="What ID is."
)
@as_of_option
@lake_option
@output_options
def command(*, name: str, kind: str | None, as_of: str | None, place: Place, output: Output) -> None:
    r"""Say what is known of a user, client, credential, server or tool: first and last seen, what it did, and how.

    ID is a user id or e-mail address, a client's name or OAuth id, a credential id, a server, or server.tool. What
    could be several is the first of these, and the others are said. Sessions and findings are as their last runs
    left them.

    \b
    Example:
      tooltrail who ana@acme.example
      tooltrail who billing.get_payout_account --output json
    """
    from analytics.who import who
    from console.who import print_profile

    print_profile(who(place.open_to_ask(), name, kind, as_of), output)
