"""Secrets in tracked files, by the patterns that the product itself redacts by: python .ci/secret_scan.py [FOLDER].

What is none, as an example in a test, stands in `.ci/not_secret.txt`: file, kind, and the start of the SHA-256 of the
text that was found; so a second text in the same file is found all the same. No secret is printed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from ingest import secrets

ALLOWED = Path(".ci/not_secret.txt")

Found = tuple[str, str, str]
"""A file, a kind of secret, and the start of the digest of what was found."""


def main(root: Path) -> int:
    """Print what was found that is not allowed, and what is allowed and not there; return the exit code."""
    allowed = _allowed(root)
    lines = {found: line for name in _tracked(root) for found, line in _in_file(root, name)}
    for found in sorted(lines.keys() - allowed):
        name, kind, digest = found
        print(
            f"{name}:{lines[found]}: this may be a secret: {kind}. If it is none: {ALLOWED}: {name} {kind} {digest}"
        )
    for found in sorted(allowed - lines.keys()):
        print(f"{ALLOWED}: {' '.join(found)} is found nowhere: remove the line")
    print(f"secret scan: {len(lines)} found, {len(lines.keys() & allowed)} of them known to be none")
    return int(lines.keys() != allowed)


def _allowed(root: Path) -> set[Found]:
    file = root / ALLOWED
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    split = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {(name, kind, digest) for name, kind, digest in split}


def _tracked(root: Path) -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True)
    return [name for name in done.stdout.split("\0") if name and (root / name).is_file()]


def _in_file(root: Path, name: str) -> Iterator[tuple[Found, int]]:
    text = (root / name).read_bytes().decode("utf-8", "replace")
    for pattern in secrets.candidates(text):
        for start, end in pattern.find(text):
            digest = sha256(text[start:end].encode()).hexdigest()[:16]
            yield (name, pattern.kind, digest), text.count("\n", 0, start) + 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
