"""A lake with one small story in it, and a way to run the command line on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from story import STORY, Run

from ingest.delivery import Batch, Stream
from ingest.loop import IngestOptions, Pipeline
from store.lake import Lake


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake that holds the story; tests only read it."""
    made = Lake.create(tmp_path_factory.mktemp("console") / "lake")
    pipeline = Pipeline(made, IngestOptions())
    stream = Stream("file:story", 0, "story.jsonl")
    pipeline.resume(stream)
    places = list(range(len(STORY)))
    pipeline.add(Batch(stream, STORY, places, len(STORY), lines=[p + 1 for p in places]))
    pipeline.flush()
    return made


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """Return the story as a file."""
    file = tmp_path / "story.jsonl"
    file.write_bytes(b"\n".join(STORY) + b"\n")
    return file


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs the command line in a process of its own, in an empty folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")}
    clean |= {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "100", "NO_COLOR": "1"}

    def start(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console.cli", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=clean | environ,
            timeout=120,
        )

    return start
