"""Runs the README's console blocks as a reader at a terminal of 80 columns would, and reads what they print."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = 80
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_REDRAWN = re.compile(r"[^\n]*\x1b\[2K")
_MARK = "@@next@@"
_VOLATILE = (
    (re.compile(r"\b[0-9a-f]{32}\b"), "<key>"),
    (re.compile(r"(?<= )[0-9a-f]+…"), "<key>…"),
    (re.compile(r"[\d,]+ events/s"), "<n> events/s"),
    (re.compile(r"in \d+\.\d s\b"), "in <n> s"),
    (re.compile(r"(?m)^(lake +)/\S+/"), r"\1<path>/"),
)


@dataclass
class Step:
    """A command of a console block and the output shown below it."""

    command: str
    shown: list[str] = field(default_factory=list)


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in order."""
    return [body for name, body in _FENCE.findall(text) if name == language]


def steps(block: str) -> list[Step]:
    """Return a console block's commands: lines after `$`, continued by `>`, each with what is shown below."""
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:]))
        elif line.startswith("> ") and not found[-1].shown:
            found[-1].command += "\n" + line[2:]
        else:
            found[-1].shown.append(line)
    return found


def run_block(block: str, folder: Path, environ: Mapping[str, str]) -> tuple[int, list[str]]:
    """Run a block's commands in one shell on a terminal; return the exit code and each command's output."""
    script = ["set -euo pipefail"]
    for step in steps(block):
        script += [f"echo {_MARK}", step.command]
    code, text = on_terminal(["bash", "-c", "\n".join(script)], folder, environ)
    return code, [part.strip("\n") for part in text.split(_MARK)[1:]]


def on_terminal(arguments: list[str], folder: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a program on a terminal of its own; return its exit code and what is left to read when it ends."""
    ours, theirs = pty.openpty()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")}
    child = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**clean, "PATH": path, "COLUMNS": str(COLUMNS), "TERM": "xterm", **environ},
    )
    os.close(theirs)
    try:
        text = _read(ours, time.monotonic() + 120)
    finally:
        os.close(ours)
        child.wait(10)
    return child.returncode, _as_read(text)


def _read(terminal: int, deadline: float) -> bytes:
    got = b""
    while time.monotonic() < deadline and select.select([terminal], [], [], 1.0)[0] is not None:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            return got
        if not piece:
            return got
        got += piece
    return got


def _as_read(output: bytes) -> str:
    text = output.decode().replace("\r\n", "\n")
    return _STYLE.sub("", _REDRAWN.sub("", text)).replace("\r", "")


def masked(text: str) -> str:
    """Return text without what differs from run to run: keys, speeds, paths."""
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def matches(shown: list[str], output: str) -> bool:
    """Say whether output is what is shown; a line of three dots stands for any lines."""
    lines = [r"(?:.*\n)*?" if line == "..." else re.escape(masked(line)) + "\n" for line in shown]
    return re.fullmatch("".join(lines), masked(output) + "\n") is not None
