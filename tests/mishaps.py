"""A disk that forgets: processes die at a durable step, and a power cut leaves only what was flushed.

The rules are those of POSIX and no file system's own: bytes are durable once their file was flushed, a name once its
folder was. What was not flushed may be there after a cut or not, each thing for itself.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

STEPS = ("fsync", "link", "unlink", "rename", "mkdir")
Names = dict[str, tuple[int, bool]]
"""What a folder names: an inode, and whether that is a folder."""


class Died(BaseException):
    """The process is dead: whatever it would do next, also to clean up, is not done."""


class Disk:
    """Everything below a folder, as it is and as a power cut would leave it. Flushing costs nothing here."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._pins = root.with_name(f"{root.name}.pins")
        self._real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in STEPS}
        self._left: int | None = None
        self._bytes: dict[int, bytes] = {}
        self._names: dict[int, Names] = {}
        self._settle()
        for name in STEPS:
            patch.setattr(os, name, self._step(name))

    def run(self, work: Callable[[], object], steps: int | None = None) -> bool:
        """Do something in a process that dies at the durable step of a number; say if it came to its end before."""
        self._left = steps
        try:
            work()
        except Died:
            return False
        finally:
            self._left = None
        return True

    def _step(self, name: str) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    raise Died
            if name == "fsync":
                return self._flush(arguments[0])
            made = self._real[name](*arguments, **named)
            if name == "mkdir":
                self._names.pop(Path(arguments[0]).stat().st_ino, None)
            return made

        return step

    # --- what is durable --------------------------------------------------------------------------------------

    def _flush(self, handle: int) -> None:
        known, path = os.fstat(handle), Path(f"/proc/self/fd/{handle}").readlink()
        if not path.is_relative_to(self.root):
            return
        if stat.S_ISDIR(known.st_mode):
            self._names[known.st_ino] = _listed(path)
        else:
            self._keep(path, known.st_ino)

    def _keep(self, path: Path, inode: int) -> None:
        """Remember a file's bytes; its inode is pinned, that no other file is taken for it."""
        self._bytes[inode] = path.read_bytes()
        pin = self._pins / str(inode)
        if not pin.exists():
            self._real["link"](path, pin)

    def _settle(self) -> None:
        """Take all that is there as durable."""
        shutil.rmtree(self._pins, ignore_errors=True)
        self._pins.mkdir()
        self._bytes, self._names = {}, {}
        for folder, _, files in os.walk(self.root):
            self._names[Path(folder).stat().st_ino] = _listed(Path(folder))
            for name in files:
                path = Path(folder, name)
                self._keep(path, path.stat().st_ino)

    # --- the cut ----------------------------------------------------------------------------------------------

    def cut(self, chance: Random | None) -> None:
        """Leave what is durable, and of everything else what chance keeps: nothing without one."""
        after = self.root.with_name(f"{self.root.name}.after")
        after.mkdir()
        self._copy(self.root.stat().st_ino, self.root, after, chance)
        shutil.rmtree(self.root)
        self._real["rename"](after, self.root)
        self._settle()

    def _copy(self, inode: int, path: Path | None, to: Path, chance: Random | None) -> None:
        flushed = self._names.get(inode, {})
        now = _listed(path) if path is not None and path.is_dir() else {}
        for name in sorted({*flushed, *now}):
            kept = flushed.get(name) if chance is None or chance.random() < 0.5 else now.get(name)
            if kept is None:
                continue
            here = path / name if path is not None and now.get(name) == kept else None
            if kept[1]:
                (to / name).mkdir()
                self._copy(kept[0], here, to / name, chance)
            else:
                (to / name).write_bytes(self._left_of(kept[0], here, chance))
                (to / name).chmod(0o600)

    def _left_of(self, inode: int, path: Path | None, chance: Random | None) -> bytes:
        """Return what is left of a file: as flushed, as it was, or, if it never was flushed, a part of it."""
        flushed = self._bytes.get(inode)
        if path is None or chance is None or chance.random() < 0.5:
            return flushed or b""
        content = path.read_bytes()
        return content if flushed is not None else content[: chance.randrange(len(content) + 1)]


def _listed(folder: Path) -> Names:
    with os.scandir(folder) as found:
        return {one.name: (one.inode(), one.is_dir(follow_symlinks=False)) for one in found}
