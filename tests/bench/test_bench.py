"""The benchmarks run, and print every row they promise; how fast they are is no test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
ROWS = [
    "file, native, per CPU second",
    "file, native, per wall second",
    "file, native, stored per event",
    "file, toolhive, per CPU second",
    "file, obot, per CPU second",
    "file, agentgateway, per CPU second",
    "file, claude_code, per CPU second",
    "file, peak memory, N events",
    "file, peak memory, 4N events",
    "simulate, all formats, per CPU second",
    "simulate, all formats, per wall second",
    "simulate, native, per CPU second",
    "simulate, native, per wall second",
]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Give what a tiny run printed, and its JSON file."""
    file = tmp_path_factory.mktemp("bench") / "rows.json"
    done = bench("file_to_lake", "simulate", "--quick", "--events", "1000", "--json", str(file))
    assert done.returncode == 0, done.stderr
    return done.stdout, file


def test_the_table_has_every_row(ran: tuple[str, Path]) -> None:
    """Each row stands once in the table, with a figure."""
    cells = [line.split("|")[1:3] for line in ran[0].splitlines() if line.startswith("|")][2:]
    assert [name.strip() for name, _ in cells] == ROWS
    assert all(figure.strip()[0].isdigit() for _, figure in cells)


def test_the_machine_stands_above_the_table(ran: tuple[str, Path]) -> None:
    """A figure means nothing without the processor and the versions it was taken with."""
    for fact in ("date: ", "cpu: ", "cores: ", "memory: ", "python: ", "libraries: polars "):
        assert f"\n{fact}" in f"\n{ran[0]}"


def test_json_says_the_same(ran: tuple[str, Path]) -> None:
    """The JSON file holds the same rows, with ratios and whether each target is met."""
    rows = json.loads(ran[1].read_text())["rows"]
    assert [row["name"] for row in rows] == ROWS
    assert rows[0]["ratio"] == rows[0]["ours"] / rows[0]["peer"]
    assert [type(met) for met in rows[0]["met"]] == [bool, bool]


def test_an_unknown_name_is_refused() -> None:
    """A misspelt benchmark is an error that lists the known ones, not an empty table."""
    done = bench("file_to_cake")
    assert done.returncode == 2
    assert "file_to_lake" in done.stderr
