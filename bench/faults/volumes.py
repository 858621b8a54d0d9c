"""Volumes that can be cut, filled or locked."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


def no_mounts() -> str | None:
    """Say why no volume can be mounted here."""
    if os.geteuid():
        return "only root can mount a volume"
    if not shutil.which("mkfs.ext4"):
        return "there is no mkfs.ext4"
    probe = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return "mounting is not allowed here" if probe.returncode else None


def make_ext4(image: Path) -> None:
    """Make an image of an empty ext4."""
    subprocess.run(["truncate", "-s", "256M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)


@contextlib.contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """Mount an image of ext4."""
    at.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, at], check=True)
    try:
        yield at
    finally:
        _unmount(at)


@contextlib.contextmanager
def small(at: Path, size: int) -> Iterator[Path]:
    """Mount a tmpfs of so many bytes."""
    at.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", at], check=True)
    try:
        yield at
    finally:
        _unmount(at)


def _unmount(at: Path) -> None:
    for _ in range(50):
        if not subprocess.run(["umount", at], check=False, stderr=subprocess.DEVNULL).returncode:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", at], check=True)
