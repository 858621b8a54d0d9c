"""Pages cannot lie or forget: what exists is documented, and what is documented exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
import readme

from console.cli import cli
from console.exits import Exit
from console.reference import PAGES
from console.trial import attempt, pages, remarks
from ingest.catalog import load_adapters
from store.events import COLUMNS
from store.sql import view_statements
from store.tables import TABLES

ROOT = Path(__file__).parent.parent
PAGES_OF_OURS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "sample_data/README.md"])
ADAPTERS = load_adapters()
FORMATS = sorted(a.id for a in ADAPTERS.values() if a.among is None)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """Return what stands under a heading of the second level."""
    return re.split(r"^## ", text.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def paths(group: click.Group, path: str) -> list[str]:
    """Return a group's path and those of all commands in it."""
    context = click.Context(group)
    found = [path]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += paths(command, f"{path} {name}") if isinstance(command, click.Group) else [f"{path} {name}"]
    return found


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_command_is_documented() -> None:
    """docs/cli.md has a section for each command, and for nothing else."""
    assert re.findall(r"^## (.+)$", page("docs/cli.md"), re.MULTILINE) == paths(cli, "tooltrail")


def test_every_table_view_macro_and_column_is_documented() -> None:
    """docs/schema.md names each, with what it means."""
    text = page("docs/schema.md")
    missing = [name for name in TABLES if f"\n## {name}\n" not in text]
    missing += [s.call for s in view_statements() if f"\n### {s.call}\n\n{s.meaning}\n" not in text]
    missing += [column.name for column in COLUMNS if f"| `{column.name}` |" not in text]
    assert missing == []


def test_every_exit_code_is_documented() -> None:
    """docs/exit-codes.md has a row for each code."""
    codes = re.findall(r"^\| (\d+) \|", page("docs/exit-codes.md"), re.MULTILINE)
    assert codes == [str(code.value) for code in Exit]


@pytest.mark.parametrize("format_id", sorted(a.id for a in ADAPTERS.values() if a.among is None))
def test_every_adapter_is_documented_by_a_line_it_reads(format_id: str) -> None:
    """docs/formats.md has a section for each format, and its example becomes a row of that format."""
    text = section(page("docs/formats.md"), format_id)
    (example,) = readme.blocks(text, "json") + readme.blocks(text, "text")
    (trial,) = attempt([example.rstrip("\n").encode()], ADAPTERS)
    assert (trial.format, trial.rejected) == (format_id, None)
    assert trial.rows


@pytest.mark.parametrize("format_id", FORMATS)
def test_every_adapter_says_how_it_is_switched_on(format_id: str) -> None:
    """A format nobody knows how to send is not read."""
    assert "To switch it on:" in section(page("docs/formats.md"), format_id)


_MAPPED = re.compile(
    r"`(\w+)\.toml`(?:(?!```).)*```toml\n(.*?)```\n\n```json\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL
)
MAPPED = _MAPPED.findall((ROOT / "docs/mapping.md").read_text("utf-8"))


def test_three_mappings_are_shown() -> None:
    """The page works through a gateway of one's own, an Envoy template, and fields added to agentgateway."""
    assert [name for name, *_ in MAPPED] == ["acme", "edge_envoy", "edge_agentgateway"]


@pytest.mark.parametrize(("name", "mapping", "line", "shown"), MAPPED, ids=[name for name, *_ in MAPPED])
def test_a_shown_mapping_makes_of_its_line_what_is_shown(
    tmp_path: Path, name: str, mapping: str, line: str, shown: str
) -> None:
    """Each mapping in docs/mapping.md reads the line below it as the page says, and reads every field it names."""
    (tmp_path / f"{name}.toml").write_text(mapping)
    adapters, records = load_adapters([tmp_path]), line.encode().splitlines()
    trials = attempt(records, adapters)
    printed = "\n".join(map(click.unstyle, pages(trials, 100)))
    assert printed.startswith(shown.rstrip("\n") + "\n")
    assert remarks(records, trials, adapters) == []


def test_the_adapter_to_copy_works(tmp_path: Path) -> None:
    """The adapter in docs/gateways.md reads the line below it, and rejects a record that is none."""
    text = section(page("docs/gateways.md"), "An adapter of your own")
    (code,), (line,) = readme.blocks(text, "python"), readme.blocks(text, "json")
    (tmp_path / "acme.py").write_text(code)
    records = [line.rstrip("\n").encode(), b'{"acme":"mcp","at":"2026-10-01T09:00:05Z"}']
    good, bad = attempt(records, load_adapters([tmp_path]))
    assert (good.format, good.rejected, good.unmapped) == ("acme", None, [])
    assert good.rows[0]["event_class"] == "denial"
    assert "KeyError" in (bad.rejected or "")


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md lists what pyproject.toml asks for, in its order, and nothing else."""
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["dev"], *extras["bench"]]
    names = [re.split(r"[<>=!~\[ ]", text, maxsplit=1)[0] for text in asked]
    assert re.findall(r"^\| `([\w-]+)` \|", page("docs/dependencies.md"), re.MULTILINE) == names


def test_every_page_is_led_to_by_the_readme() -> None:
    """A page nobody is led to is not read."""
    led = set(_LINK.findall(page("README.md")))
    assert {str(file.relative_to(ROOT)) for file in ROOT.glob("docs/*.md")} - led == set()


def test_generated_pages_say_what_they_are_generated_from() -> None:
    """The generator of each reference page is known, so that `make docs` can write it again."""
    assert {"docs/cli.md", "docs/configuration.md", "docs/exit-codes.md", "docs/schema.md"} <= {
        p for p, _ in PAGES
    }


@pytest.mark.parametrize("file", PAGES_OF_OURS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    """A link to a page of ours leads to a file and a heading there are."""
    wrong = []
    for link in _LINK.findall(_FENCED.sub("", file.read_text("utf-8"))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (file.parent / name) if name else file
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            wrong.append(link)
    assert wrong == []


def test_the_changelog_has_the_form_it_says() -> None:
    """Keep a Changelog: Unreleased first, versions with their dates, known kinds of change, one line each."""
    body = page("CHANGELOG.md").split("\n## ", 1)[1]
    versions = re.findall(r"^## (.+)$", "## " + body, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    kinds = re.findall(r"^### (.+)$", body, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    entries = [line for line in body.splitlines() if line.startswith(("-", " "))]
    assert [line for line in entries if not re.fullmatch(r"- .{10,}\.", line)] == []
