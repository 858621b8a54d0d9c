"""What is acknowledged survives a power cut: the order of writes, and what a failing disk leads to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from lakes import KEY, one, rows_of

from store.durable import check_volume, make_folders, write_file
from store.errors import DurabilityError, UnreachableError
from store.lake import Lake


def path_of(handle: int) -> Path:
    """Return the path of an open file."""
    return Path(f"/proc/self/fd/{handle}").readlink()


def kind_of(path: Path) -> str:
    """Name a path by its part in a commit."""
    if path.is_dir() or path.suffix == "":
        return "log folder" if path.name == "_delta_log" else "folder"
    if path.parent.name == "_delta_log":
        return "log entry"
    return "index" if path.parent.name == "_index" else "data"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """Return the list into which fsync, rename and commit write themselves as they happen."""
    seen: list[tuple[str, Path]] = []
    fsync, rename, transact = os.fsync, os.rename, DeltaTable.create_write_transaction

    def watch_fsync(handle: int) -> None:
        seen.append(("fsync", path_of(handle)))
        fsync(handle)

    def watch_rename(source: Any, target: Any) -> None:
        seen.append(("rename", Path(target)))
        rename(source, target)

    def watch_commit(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        seen.append(("commit", Path()))
        transact(self, *arguments, **named)

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(os, "rename", watch_rename)
    monkeypatch.setattr(DeltaTable, "create_write_transaction", watch_commit)
    return seen


def test_data_is_durable_before_the_commit_and_the_commit_before_the_answer(
    lake: Lake, watched: list[tuple[str, Path]]
) -> None:
    """Data, commit, entry of the transparency log, its checkpoint: each is durable before the next is begun."""
    lake.append("events", rows_of({}))
    commit = watched.index(("commit", Path()))
    data = next(path for what, path in watched if what == "rename" and path.suffix == ".parquet")
    temporary = next(path for what, path in watched if what == "fsync" and data.name in path.name)
    before = watched[:commit]
    places = [before.index(step) for step in (("fsync", temporary), ("rename", data))]
    folder = len(before) - 1 - before[::-1].index(("fsync", data.parent))
    assert places[0] < places[1] < folder
    log = lake.path / "events" / "_delta_log"
    assert watched[commit + 1 : commit + 3] == [("fsync", log / f"{1:020}.json"), ("fsync", log)]
    logged = [path for what, path in watched[commit + 3 :] if what == "rename"]
    assert [path.parts[-3] for path in logged[:-1]] == ["entries", "0"]
    assert logged[-1] == lake.path / "log" / "checkpoint"
    assert watched[-1] == ("fsync", lake.path / "log")


def test_a_new_folder_is_durable_before_it_is_used(tmp_path: Path, watched: list[tuple[str, Path]]) -> None:
    """A name in a folder that is not durable is not durable: each parent is synced, the outermost first."""
    (tmp_path / "other").touch()
    make_folders(tmp_path / "a" / "b")
    assert watched == [("fsync", tmp_path), ("fsync", tmp_path / "a")]


def test_an_empty_folder_is_made_durable_by_who_uses_it(
    tmp_path: Path, watched: list[tuple[str, Path]]
) -> None:
    """Who made it may have died before its name was flushed; a folder with something in it was flushed before that."""
    (tmp_path / "a").mkdir()
    make_folders(tmp_path / "a")
    assert watched == [("fsync", tmp_path)]
    (tmp_path / "a" / "file").touch()
    make_folders(tmp_path / "a")
    assert len(watched) == 1


def failing(real: Callable[[int], None], kind: str, asked: list[str]) -> Callable[[int], None]:
    """Return an fsync that fails for one kind of file, and notes every call for it."""

    def fsync(handle: int) -> None:
        if kind_of(path_of(handle)) == kind:
            asked.append(kind)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(handle)

    return fsync


def write_one(lake: Lake, kind: str) -> None:
    """Write one file, or one commit, in which the failing fsync is met."""
    if kind in ("data", "folder"):
        write_file(lake.path / "events" / "x.parquet", b"x")
    else:
        lake.append("events", rows_of({}))


@pytest.mark.parametrize(
    ("kind", "visible"), [("data", 0), ("folder", 0), ("log entry", 1), ("log folder", 1)]
)
def test_a_failed_fsync_stops_and_is_not_tried_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, kind: str, visible: int
) -> None:
    """After a failed fsync the kernel may have dropped the pages: one try, DurabilityError, no later commit."""
    asked: list[str] = []
    before = lake.append("events", rows_of({}))
    monkeypatch.setattr(os, "fsync", failing(os.fsync, kind, asked))
    with pytest.raises(DurabilityError, match=r"Input/output error.*nothing is lost"):
        write_one(lake, kind)
    assert asked == [kind]
    assert Lake.open(lake.path).snapshot("events").version == before + visible


def test_no_commit_follows_a_data_file_that_is_not_durable(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader never sees a row whose bytes a power cut could take."""
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", failing(os.fsync, "data", []))
        with pytest.raises(DurabilityError):
            lake.append("events", rows_of({}))
    assert lake.snapshot("events").version == 0
    assert one(lake, "SELECT count(*) FROM events") == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_takes_nothing_fails_loudly_and_heals(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A full or read-only disk: an error that names the file and the remedy, no rubbish left, no broken table."""
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number))
        return real(path, flags, *rest, **named)

    with monkeypatch.context() as broken:
        broken.setattr(os, "open", refuse)
        with pytest.raises(UnreachableError) as caught:
            lake.append("events", rows_of({}))
    assert os.strerror(number) in caught.value.message
    assert str(lake.path) in str(caught.value.where)
    assert "free space" in str(caught.value.hint)
    assert list(lake.path.rglob("*.tmp")) == []
    lake.append("events", rows_of({}))
    assert one(lake, "SELECT count(*) FROM events") == 1


def test_what_was_there_stays_when_a_write_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is replaced whole or not at all."""
    file = tmp_path / "a"
    write_file(file, b"old")

    def refuse(source: Any, target: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(UnreachableError):
        write_file(file, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]


def test_a_volume_where_two_commits_can_have_one_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lake is only made where a hard link fails when its name is taken: that is what a commit is."""
    real = os.link

    def overwrite(source: Any, target: Any) -> None:
        Path(target).unlink(missing_ok=True)
        real(source, target)

    monkeypatch.setattr(os, "link", overwrite)
    with pytest.raises(UnreachableError, match=r"two writers make the same commit.*ext4"):
        Lake.create(tmp_path / "lake", KEY)
    assert not (tmp_path / "lake" / "lake.json").exists()


def test_a_volume_without_hard_links_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hard links, no commits: that is said when the lake is made and not at the first flush."""

    def refuse(source: Any, target: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(UnreachableError, match="not supported"):
        check_volume(tmp_path)
    assert list(tmp_path.iterdir()) == []
