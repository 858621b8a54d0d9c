"""The house's floors: imports run one way, and heavy doors open only where they are needed."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW = {
    "store": set(),
    "ingest": {"store"},
    "analytics": {"store"},
    "reports": {"analytics", "store"},
    "console": {"reports", "analytics", "ingest", "store"},
}
ONLY_AT_THE_EDGE = {"click", "rich", "prompt_toolkit"}


def imports(file: Path) -> list[tuple[int, str]]:
    """Return line and top-level package of every absolute import."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append((node.lineno, node.module.split(".")[0]))
    return found


@pytest.mark.parametrize("room", BELOW)
def test_imports_run_one_way(room):
    """A package imports only packages below it: console, reports, analytics or ingest, store."""
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in sorted((ROOT / room).rglob("*.py"))
        for line, name in imports(file)
        if name in BELOW and name != room and name not in BELOW[room]
    ]
    assert wrong == []


@pytest.mark.parametrize("room", sorted(BELOW.keys() - {"console"}))
def test_terminal_libraries_stay_at_the_edge(room):
    """Only the console knows that there is a terminal."""
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in sorted((ROOT / room).rglob("*.py"))
        for line, name in imports(file)
        if name in ONLY_AT_THE_EDGE
    ]
    assert wrong == []


def test_no_room_without_a_subject():
    """A module is named for what it is about; nothing is called utils."""
    nameless = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}
    assert [f for room in BELOW for f in (ROOT / room).rglob("*.py") if f.name in nameless] == []
