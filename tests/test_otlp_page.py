"""docs/otlp.md cannot lie: what it shows is run, and its table has every answer there is."""

from __future__ import annotations

import re
from pathlib import Path

import readme
from broker import free_port

from ingest import otlp_http

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/otlp.md").read_text("utf-8")


def test_the_receiver_does_what_the_page_shows(tmp_path: Path) -> None:
    """Starting, sending, stopping: each command prints what stands below it."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    [block] = readme.blocks(PAGE, "console")
    port = str(free_port())
    code, outputs = readme.run_block(block.replace("4318", port), tmp_path, {})
    assert code == 0, "\n".join(outputs)
    for step, output in zip(readme.steps(block), outputs, strict=True):
        shown = [line.replace("4318", port) for line in step.shown]
        assert not shown or readme.matches(shown, output), f"$ {step.command}\n{output}"


def test_every_answer_is_in_the_table() -> None:
    """A status the receiver can answer has its row."""
    rows = re.findall(r"^\| ([\d, ]+)", PAGE, re.MULTILINE)
    listed = {int(status) for row in rows for status in re.findall(r"\d{3}", row)}
    assert listed == {200, *otlp_http.STATUS_CODES}
