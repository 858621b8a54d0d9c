"""The exit codes, and the one place where an error becomes a message and a code."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from console.terminal import visible
from store.errors import IntegrityError, TooltrailError, UnreachableError, UsageError

ABANDONABLE = "tooltrail-answer"
"""Name of a thread that may be left behind when its answer is not wanted any more."""


class Exit(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    FAULT_FOUND = 4
    STOPPED = 130


MEANINGS: dict[Exit, str] = {
    Exit.DONE: "Done. Also when whoever reads the output has had enough, as `head` has.",
    Exit.FAILED: "Failed: the message says at what. Nothing that was reported as durable is lost.",
    Exit.USAGE: "The command, an option, a query or the configuration is wrong, or not allowed. Nothing was done.",
    Exit.UNREACHABLE: "The lake or a source could not be opened, read or written.",
    Exit.FAULT_FOUND: "Verification found a fault: stored bytes are not what was recorded about them.",
    Exit.STOPPED: "Stopped by Ctrl-C or SIGTERM. What was durable stays; the next run goes on from there.",
}


def run(program: Callable[[], object]) -> int:
    """Run a program and return its exit code; what goes wrong ends as a message, never a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        code = program()
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
        return Exit.DONE
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("stopped")
        return Exit.STOPPED
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is must be reported
        if os.environ.get("TOOLTRAIL_DEBUG") == "1":
            traceback.print_exc()
        return report(error)
    return code if isinstance(code, int) else Exit.DONE


def leave(code: int) -> NoReturn:
    """End the process, at once when a thread is left that works on an answer nobody waits for any more."""
    if any(thread.name == ABANDONABLE for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def report(error: Exception) -> Exit:
    """Print what went wrong, where, and what to do next; return the exit code that says it to a program."""
    if isinstance(error, TooltrailError):
        _print(error.message, error.where, error.hint)
        return _code(error)
    if isinstance(error, click.ClickException):
        return _report_click(error)
    if isinstance(error, OSError):
        _print(error.strerror or type(error).__name__, _filename(error), None)
        return Exit.FAILED
    if isinstance(error, MemoryError):
        _print("out of memory", None, "use --limit, or --output ndjson, csv or parquet, which need little")
        return Exit.FAILED
    _report_bug(error)
    return Exit.FAILED


def say(text: str) -> None:
    """Print talk, which belongs on stderr: stdout is data. Hostile text in it is made visible."""
    click.echo(visible(text, keep="\n"), err=True)


def _code(error: TooltrailError) -> Exit:
    kinds = {UsageError: Exit.USAGE, UnreachableError: Exit.UNREACHABLE, IntegrityError: Exit.FAULT_FOUND}
    return next((code for kind, code in kinds.items() if isinstance(error, kind)), Exit.FAILED)


def _report_click(error: click.ClickException) -> Exit:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return Exit.USAGE
    hint = None
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"{error.ctx.command_path} --help"
    _print(message[:1].lower() + message[1:], None, hint)
    return Exit.USAGE if error.exit_code == Exit.USAGE else Exit.FAILED


def _report_bug(error: Exception) -> None:
    """Name the place of the bug but not the error's text: that may quote what was logged."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "site-packages" not in f.filename] or frames
    place = f"{Path(*Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno}" if ours else None
    _print(
        f"this is a bug in tooltrail: {type(error).__name__}",
        place,
        "report these lines with the command and `tooltrail --version`; TOOLTRAIL_DEBUG=1 shows the "
        "traceback, which may quote your logs: read it before you share it",
    )


def _print(message: str, where: str | None, hint: str | None) -> None:
    say(f"error: {message}")
    if where:
        say(f"  at {where}")
    if hint:
        say(f"hint: {hint}")


def _filename(error: OSError) -> str | None:
    return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _abandon_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush cannot fail on the closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def exit_codes_page() -> str:
    """Return docs/exit-codes.md."""
    rows = "\n".join(f"| {code.value} | {MEANINGS[code]} |" for code in Exit)
    return f"""# Exit codes

Every command ends with one of these. stdout is data; what went wrong, where and what to do next is on stderr.

| code | meaning |
|---|---|
{rows}

A failure prints `error:` and the message, then the place (`file:line`, `topic[partition]@offset` or a path),
then a `hint:` with the next step. A traceback is printed only with `TOOLTRAIL_DEBUG=1`.
"""
