"""Hand a report on: into a folder with an index page, by mail, to a webhook. Each raises when it has not arrived."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from console.mail import message, send
from console.schedule import attaching
from console.schedule.index import write_index
from console.schedule.ledger import Run
from console.schedule.settings import Schedule
from console.webhook import harmless, post
from reports.catalog import load
from store.durable import write_file
from store.lake import Lake
from store.settings import Settings

TIMEOUT = 60.0


@dataclass(frozen=True)
class Parcel:
    """A report that was made: its files are those of `folder`."""

    folder: Path
    run_id: str
    due: datetime
    page: str
    title: str

    @classmethod
    def of(cls, folder: Path, run: Run) -> Parcel:
        """Return the parcel of a run that was made before."""
        return cls(folder, run.run_id, run.due, run.page or "", run.title or "")

    @property
    def summary(self) -> str:
        """The report in a few lines."""
        return (self.folder / "summary.txt").read_text("utf-8")

    @property
    def files(self) -> list[Path]:
        """The files of the report, sorted."""
        return sorted(
            file for file in self.folder.iterdir() if file.name != "summary.txt" and file.name[0] != "."
        )


def deliver(target: str, schedule: Schedule, parcel: Parcel, settings: Settings, lake: Lake) -> None:
    """Hand a report to one of a schedule's targets; returns when it has it."""
    if target == "folder":
        _folder(schedule, parcel, lake)
    elif target == "mail":
        _mail(schedule, parcel, settings)
    else:
        _webhook(schedule, parcel)


def _folder(schedule: Schedule, parcel: Parcel, lake: Lake) -> None:
    """Put the files into FOLDER/NAME/TIME, then name them in the index."""
    root = Path(schedule.folder)
    place = root / schedule.name / f"{parcel.due:%Y-%m-%dT%H%M}"
    place.mkdir(parents=True, exist_ok=True)
    for file in parcel.files:
        write_file(place / file.name, file.read_bytes())
    write_index(root, lake)


def _mail(schedule: Schedule, parcel: Parcel, settings: Settings) -> None:
    files, left = attaching.attached(parcel.page, parcel.files, load(schedule.report).mailed)
    text = (
        f"{parcel.title}\n\n{parcel.summary}\n\nThe report is attached; it fetches nothing when opened.\n"
        f"{attaching.told(left)}"
    )
    made = message(settings.mail, schedule.to, f"[Tooltrail] {parcel.title}", text, parcel.run_id)
    for file in files:
        kind, subtype = attaching.KINDS[file.suffix]
        made.add_attachment(file.read_bytes(), maintype=kind, subtype=subtype, filename=file.name)
    send(settings.mail, made)


def _webhook(schedule: Schedule, parcel: Parcel) -> None:
    files = [
        {"name": f.name, "bytes": f.stat().st_size, "sha256": sha256(f.read_bytes()).hexdigest()}
        for f in parcel.files
    ]
    page = base64.b64encode((parcel.folder / parcel.page).read_bytes()).decode()
    body = {
        "run_id": parcel.run_id, "schedule": schedule.name, "report": schedule.report, "due": parcel.due.isoformat(),
        "title": parcel.title, "summary": parcel.summary.splitlines(), "files": files, "page_base64": page,
    }  # fmt: skip
    post(schedule.webhook, harmless(body), parcel.run_id, schedule.token(), TIMEOUT)
