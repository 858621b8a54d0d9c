"""Make a lake."""

from __future__ import annotations

from pathlib import Path

import click

from console.configuration import starter_toml
from console.exits import say


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("lake"), envvar="TOOLTRAIL_LAKE")
@click.option(
    "--site-key-env", metavar="NAME",
    help="Read the site key from this environment variable each time, so that it never lies beside the data.",
)  # fmt: skip
@click.option(
    "--no-integrity", is_flag=True, help="Keep no transparency log: nothing of the lake can be proven, ever."
)
def command(path: Path, site_key_env: str | None, no_integrity: bool) -> None:
    r"""Make an empty lake at PATH (./lake) with a starter tooltrail.toml.

    The site key makes the lake's fingerprints comparable with each other and with nothing else. Keep a copy:
    with another key, secrets and sessions can no longer be followed across old and new events. The log key signs what
    the lake holds; TOOLTRAIL_LOG_KEY takes its place where it is not to lie beside the data.

    \b
    Example:
      tooltrail init
      tooltrail ingest file sample_data/native
    """
    from store.lake import Lake

    lake = Lake.create(path, key_variable=site_key_env, config=starter_toml(), integrity=not no_integrity)
    key = (
        f"the environment variable {site_key_env}"
        if site_key_env
        else f"{path / 'site.key'}: keep a copy elsewhere"
    )
    say(f"lake        {lake.path}\nsite key    {key}\nsettings    {path / 'tooltrail.toml'}")
    if not no_integrity:
        say(f"log         {path / 'log'}: keep copies of its checkpoint elsewhere")
    say(f"next        tooltrail ingest file PATH --lake {path}")
