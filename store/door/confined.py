"""Take from this process, for good, what it does not need: files outside a list, and the network.

By Landlock, which Linux offers to every process since 5.13 (network since 6.7). Where the kernel has none of it nothing
is taken: DuckDB's own lock and the checked statement stand without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_ONLY, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38
_EXECUTE, _WRITE, _READ, _READ_FOLDER = 1, 2, 4, 8
_NETWORK_SINCE = 4
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights on files each version of the interface knows."""
_OURS = Path(__file__).parents[1]
# Of /proc and /sys DuckDB needs to find its own memory limit: it dies when it finds the files and may not read them.
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/localtime",
    "/proc/self",
    "/sys/fs/cgroup",
    "/dev/null",
    "/dev/urandom",
)


def confine(reads: Iterable[str | Path], writes: Iterable[str | Path]) -> bool:
    """Leave this process what it reads of Python and the system, `reads` and `writes`; return whether that is so."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_ONLY)
    if version < 1:
        return False
    every = (1 << _RIGHTS.get(version, 16)) - 1
    network = 3 if version >= _NETWORK_SINCE else 0
    attributes = struct.pack("<QQ", every, network)[: 16 if network else 8]
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    with contextlib.closing(os.fdopen(rules)):
        for path in (*reads, *_SYSTEM, _OURS, sys.prefix, sys.base_prefix, *sys.path):
            _allow(libc, rules, path, every & (_EXECUTE | _READ | _READ_FOLDER))
        for path in writes:
            _allow(libc, rules, path, every)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)


def _allow(libc: ctypes.CDLL, rules: int, path: str | Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no right
    if not Path(path).is_dir():
        rights &= _EXECUTE | _WRITE | _READ
    try:
        libc.syscall(_ADD, rules, _PATH_BENEATH, struct.pack("<Qi", rights, handle), 0)
    finally:
        os.close(handle)
