"""What CI looks for beside the tests: known flaws of dependencies, secrets in tracked files. Both can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ingest import secrets

ROOT = Path(__file__).parent.parent
FINE = {"name": "six", "version": "1.17.0", "vulns": []}
FLAWED = {
    "name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": []}],
}  # fmt: skip
SKIPPED = {"name": "strange", "skip_reason": "Dependency not found on PyPI"}
TRACE = "Traceback (most recent call last):\n"


def audit(
    tmp_path: Path, stdout: object, stderr: str = "", code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the audit with a pip-audit that answers so."""
    said = json.dumps({"dependencies": stdout, "fixes": []}) if stdout is not None else ""
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nprint({said!r})\nprint({stderr!r}, file=sys.stderr)\nsys.exit({code})\n"
    )
    program.chmod(0o700)
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", program, "requirements.lock"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_a_known_flaw_fails_and_is_named(tmp_path: Path) -> None:
    """With the package, the advisory, and the version that mends it."""
    done = audit(tmp_path, [FINE, FLAWED], code=1)
    assert done.returncode == 1
    assert "old 1.0: PYSEC-2026-1, fixed in 1.1" in done.stdout
    done = audit(tmp_path, [FINE])
    assert (done.returncode, "1 packages asked about, 0 flaws known" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "stderr",
    [
        TRACE + "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='x', port=443)",
        TRACE + "requests.exceptions.ProxyError: HTTPSConnectionPool(host='x', port=443)",
        TRACE + "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='x', port=443)",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
    ],
)
def test_a_service_out_of_reach_is_said_and_does_not_fail(tmp_path: Path, stderr: str) -> None:
    """Nothing was audited, in as many words."""
    done = audit(tmp_path, None, stderr, 1)
    assert (done.returncode, "NOTHING WAS AUDITED" in done.stdout) == (0, True)


def test_an_index_without_advisories_is_out_of_reach_and_not_clean(tmp_path: Path) -> None:
    """pip-audit calls it clean; but one package that could not be asked about among others is a failure."""
    done = audit(tmp_path, [SKIPPED, {**SKIPPED, "name": "other"}])
    assert (done.returncode, "NOTHING WAS AUDITED" in done.stdout) == (0, True)
    done = audit(tmp_path, [FINE, SKIPPED])
    assert (done.returncode, "strange: Dependency not found" in done.stdout) == (1, True)


def test_whatever_else_goes_wrong_fails(tmp_path: Path) -> None:
    """A lock file that cannot be read is no outage."""
    done = audit(tmp_path, None, "ERROR:pip_audit._cli:requirement has no hash", 1)
    assert (done.returncode, "has no hash" in done.stdout) == (1, True)


def scan(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the secret scan over a folder."""
    command = [sys.executable, ROOT / ".ci" / "secret_scan.py", folder]
    return subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=False,
                          capture_output=True, text=True)  # fmt: skip


def test_a_secret_in_a_tracked_file_is_found_and_not_printed(tmp_path: Path) -> None:
    """Whatever kind; one that is said to be none passes, another in the same file does not, a stale line is told."""
    kinds = {
        p.kind: p.example
        for p in secrets.patterns()
        if p.kind in ("github_token", "aws_access_key_id", "jwt")
    }
    assert len(kinds) == 3
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "a.py").write_text("".join(f"x = '{example}'\n" for example in kinds.values()))
    (tmp_path / "untracked.py").write_text(kinds["jwt"])
    subprocess.run(["git", "-C", tmp_path, "add", "a.py"], check=True)
    done = scan(tmp_path)
    found = [line for line in done.stdout.splitlines() if line.startswith("a.py:")]
    assert (done.returncode, len(found)) == (1, 3), done.stdout + done.stderr
    assert [example for example in kinds.values() if example in done.stdout] == []
    lines = [line.split(".ci/not_secret.txt: ")[1] for line in found]
    (tmp_path / ".ci").mkdir()
    allowed = tmp_path / ".ci" / "not_secret.txt"
    allowed.write_text("# none\n" + "\n".join(lines) + "\n")
    assert scan(tmp_path).returncode == 0
    allowed.write_text("\n".join(lines[1:]) + "\ngone.py jwt 0123456789abcdef\n")
    done = scan(tmp_path)
    assert (done.returncode, "gone.py jwt 0123456789abcdef is found nowhere" in done.stdout) == (1, True)
    assert len([line for line in done.stdout.splitlines() if line.startswith("a.py:")]) == 1
