"""The README cannot lie: what it shows is run and compared."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import readme

from store.keys import write_site_key

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TEXT = README.read_text("utf-8")
BLOCKS = readme.blocks(TEXT, "console")
SITE_KEY = bytes(range(32))
"""Keys in the README are of this site key; a reader's own lake has others."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder as a clone is, with a log of one's own beside it."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    shutil.copy(ROOT / "sample_data/native/part-00000.ndjson", tmp_path / "your.log")
    for lake in ("lake", "mine"):
        (tmp_path / lake).mkdir()
        write_site_key(tmp_path / lake, SITE_KEY)
    return tmp_path


def test_what_the_readme_shows_is_what_happens(place: Path) -> None:
    """Every command of a console block exits 0 and prints what stands below it, at 80 columns.

    The first block asks the lake of `make demo`, the second makes a lake of its own, the others share one: three
    chains that need not wait for each other.
    """
    chains = (["$ tooltrail demo\n", *BLOCKS[:1]], BLOCKS[1:2], BLOCKS[2:])
    with ThreadPoolExecutor(len(chains)) as pool:
        compared = [chain.result() for chain in [pool.submit(_run, blocks, place) for blocks in chains]]
    shown = [step for block in BLOCKS for step in readme.steps(block) if step.shown]
    assert sum(compared) == len(shown), "what a command prints was not compared with what the README shows"
    for code in readme.blocks(TEXT, "python"):
        subprocess.run([sys.executable, "-c", code], cwd=place, check=True, capture_output=True)


def _run(blocks: list[str], place: Path) -> int:
    """Run blocks one after the other; return how many commands printed what stands below them."""
    environ: dict[str, str] = {}
    compared = 0
    for block in blocks:
        code, outputs = readme.run_block(block, place, environ)
        environ |= dict(re.findall(r"^\$ export (\w+)=(\S+)$", block, re.MULTILINE))
        assert code == 0, "\n".join(outputs)
        for step, output in zip(readme.steps(block), outputs, strict=True):
            assert not step.shown or readme.matches(step.shown, output), f"$ {step.command}\n{output}"
            compared += bool(step.shown)
    return compared


def test_commands_that_cannot_be_run_here_are_at_least_commands() -> None:
    """A line of an sh block that calls tooltrail names options and commands there are."""
    for block in readme.blocks(TEXT, "sh"):
        for line in block.splitlines():
            words = line.split("tooltrail ", 1)[1].split()
            asked = [sys.executable, "-m", "console.cli", *words[:2], "--help"]
            help_ = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            assert [w for w in words if w.startswith("--") and w not in help_] == []


def test_a_stranger_sees_what_it_is_at_once() -> None:
    """The first 40 lines hold one sentence, real output, the two set-up commands, and three commands."""
    head = "\n".join(TEXT.splitlines()[:40])
    assert head.startswith("# Tooltrail\n\n")
    for needed in (
        "denied, then reached",
        "`make demo`",
        "`make test`",
        "tooltrail init",
        "tooltrail ingest",
        "tooltrail sql",
    ):
        assert needed in head


def test_what_does_not_work_yet_is_said() -> None:
    """The status table names what a reader of the goals might expect and not find."""
    waiting = [line for line in TEXT.splitlines() if line.endswith("| not yet |")]
    for subject in ("object storage",):
        assert any(subject in line for line in waiting), subject


def test_a_shown_line_is_compared_and_three_dots_stand_for_any() -> None:
    """The comparison is not so lenient that it proves nothing."""
    assert readme.matches(["a", "...", "d"], "a\nb\nc\nd")
    assert not readme.matches(["a", "d"], "a\nb\nd")
    assert not readme.matches(["2 rows"], "3 rows")
    assert readme.matches(["1,693 events/s in 0.4 s"], "21 events/s in 3.0 s")
