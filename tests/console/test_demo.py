"""The demo: quick, honest, and careful with what is not its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len

from console.demo import MARKER, make_room
from store import Lake
from store.errors import UsageError

WIDTH = 60


@dataclass
class Shown:
    """A demo's folder and what it printed."""

    folder: Path
    text: str

    def section(self, title: str) -> str:
        """Return what was printed between a heading and the next."""
        return self.text.split(f"\n{title}\n", 1)[1].split("\n\n", 1)[0]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Return a demo as a narrow terminal shows it."""
    folder = tmp_path_factory.mktemp("demo")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")}
    ended = subprocess.run(
        [sys.executable, "-m", "console.cli", "demo"],
        cwd=folder, env=clean | {"COLUMNS": str(WIDTH)}, text=True, capture_output=True, check=True,
    )  # fmt: skip
    return Shown(folder / "demo", ended.stdout)


def ask(shown: Shown, question: str) -> list[dict[str, object]]:
    """Return a question's rows from the demo's lake."""
    rows: list[dict[str, object]] = Lake.open(shown.folder / "lake").sql(question).arrow().to_pylist()
    return rows


def test_it_fits_a_narrow_terminal(shown: Shown) -> None:
    """Nothing is wider than the terminal but the commands to copy, which must stay whole."""
    wide = [x for x in shown.text.splitlines() if cell_len(x) > WIDTH and not x.startswith("  tooltrail ")]
    assert wide == []


def test_the_counts_are_the_lakes(shown: Shown) -> None:
    """The counts per format are what the lake holds, all five formats of them."""
    rows = ask(shown, "SELECT count(*) AS n FROM events GROUP BY source_format")
    table = shown.section("What came in, by gateway format")
    printed = re.findall(r"^\w+…? +(\d+) ", table, re.MULTILINE)
    assert sorted(printed) == sorted(str(row["n"]) for row in rows)
    assert len(rows) == 5


def test_broken_lines_are_dead_letters_without_their_secret(shown: Shown) -> None:
    """The lines broken on purpose are shown as the dead letters they became, the secret taken out."""
    assert "broken.ndjson:1 (detect)" in shown.text
    assert "[REDACTED:github_token:" in shown.text
    assert "ghp_FAKE" not in shown.text
    assert len(ask(shown, "FROM dead_letters")) == 2


def test_each_story_is_told(shown: Shown) -> None:
    """A way around a denial, where a value went, a crossing, and a revoked key are found in the lake and shown."""
    assert "nothing found" not in shown.text
    assert "denied, then reached:" in shown.text
    assert "email.send_m" in shown.text
    assert "AFTER IT" in shown.text
    assert "60 records of planted incidents; 60 of" in shown.text


@pytest.mark.slow
def test_the_next_steps_work(shown: Shown) -> None:
    """Each command to try next exits 0 where the demo says to go."""
    steps = re.findall(r"^  (tooltrail .+|cd .+)$", shown.text.split("Try next", 1)[1], re.MULTILINE)
    assert steps[0] == "cd demo"
    assert len(steps) == 6
    program = f'tooltrail() {{ {sys.executable} -m console.cli "$@" </dev/null; }}'
    script = "\n".join(["set -e", program, *steps])
    subprocess.run(["bash", "-c", script], cwd=shown.folder.parent, check=True, capture_output=True)


def test_what_is_told_comes_from_the_lake_and_not_from_the_answer_sheet(shown: Shown) -> None:
    """Sentences of truth.json are not printed: it only says where to look."""
    planted = json.loads((shown.folder / "truth.json").read_text())["incidents"]
    assert [i["what"] for i in planted if i["what"] in " ".join(shown.text.split())] == []


def test_an_earlier_demo_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    """Room is made by removing what a demo made, and nothing else."""
    make_room(tmp_path / "demo")
    for name in ("lake/events/x", "logs/y", "notes/z"):
        (tmp_path / "demo" / name).parent.mkdir(parents=True)
        (tmp_path / "demo" / name).touch()
    make_room(tmp_path / "demo")
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == [MARKER, "notes"]


def test_a_folder_that_is_something_else_is_refused(tmp_path: Path) -> None:
    """A folder without the demo's marker is never touched, even when it holds a lake."""
    lake = Lake.create(tmp_path / "work" / "lake")
    with pytest.raises(UsageError, match="holds no demo"):
        make_room(tmp_path / "work")
    assert Lake.open(lake.path).path == lake.path
