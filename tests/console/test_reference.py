"""Generated pages are what would be generated now."""

import click
import pytest

from console.cli import cli
from console.reference import PAGES, ROOT, cli_reference


@pytest.mark.parametrize(("path", "make"), PAGES, ids=[path for path, _ in PAGES])
def test_the_page_is_up_to_date(path: str, make: object) -> None:
    """Docs cannot lie: `python -m console.reference --write` brings them up to date."""
    assert (ROOT / path).read_text("utf-8") == make()


def test_the_page_does_not_depend_on_who_asked_for_help_before() -> None:
    """A command whose help was shown by itself, under other option names, reads the same in the reference."""
    before = cli_reference()
    command = cli.get_command(click.Context(cli), "sql")
    assert command is not None
    command._help_option = None
    command.get_help(click.Context(command, help_option_names=["--help"]))
    assert cli_reference() == before
