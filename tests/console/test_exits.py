"""Every ending has its code, and every failure says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from console.exits import Exit, run
from store.errors import FencedError, IntegrityError, TooltrailError, UnreachableError, UsageError


def raiser(error: BaseException) -> Callable[[], None]:
    """Return a program that fails so."""

    def program() -> None:
        raise error

    return program


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TooltrailError("x"), Exit.FAILED),
        (FencedError("x"), Exit.FAILED),
        (UsageError("x"), Exit.USAGE),
        (click.UsageError("x"), Exit.USAGE),
        (UnreachableError("x"), Exit.UNREACHABLE),
        (IntegrityError("x"), Exit.FAULT_FOUND),
        (OSError(28, "No space left on device"), Exit.FAILED),
        (MemoryError(), Exit.FAILED),
        (KeyError("x"), Exit.FAILED),
        (KeyboardInterrupt(), Exit.STOPPED),
        (click.Abort(), Exit.STOPPED),
        (click.exceptions.Exit(4), Exit.FAULT_FOUND),
    ],
)
def test_each_error_has_its_code(error: BaseException, code: Exit) -> None:
    """The table of exit codes is the one callers can rely on."""
    assert run(raiser(error)) == code


def test_success_is_zero() -> None:
    """Nothing raised is done."""
    assert run(lambda: None) == Exit.DONE


def test_an_error_prints_message_place_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """Three lines on stderr, with hostile text shown, and no traceback."""
    run(raiser(UsageError("bad \x1b[31m", where="file.toml:3", hint="mend it")))
    captured = capsys.readouterr()
    assert captured.err == "error: bad ␛[31m\n  at file.toml:3\nhint: mend it\n"
    assert not captured.out


def test_a_bug_is_called_one_and_quotes_no_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was logged must not leave in an error report; the traceback is for who asks for it."""
    run(raiser(ValueError("alice's secret")))
    captured = capsys.readouterr()
    assert "this is a bug in tooltrail: ValueError" in captured.err
    assert "report" in captured.err
    assert "alice" not in captured.err
    assert "Traceback" not in captured.err
    monkeypatch.setenv("TOOLTRAIL_DEBUG", "1")
    run(raiser(ValueError("alice's secret")))
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    """`tooltrail ... | head -1` is no failure and prints nothing about it."""
    code = (
        "import sys; from console.exits import run\n"
        "def program():\n for _ in range(100000): sys.stdout.write('x' * 100 + '\\n')\n"
        "sys.exit(run(program))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as talk:
        assert talk.read() == b""
    assert process.wait() == Exit.DONE
