"""Which runs use a store: a file for each out folder in the store's folder ``runs``, so that pruning spares them."""

import json
from pathlib import Path

from pydantic import ValidationError

from lodo.benchmark.record import RUN_FILE, OutRecord
from lodo.benchmark.store import Store
from lodo.reports.tables import replace_file
from lodo.tasks.spec import Frozen, digest

FOLDER = "runs"


class KnownRun(Frozen):
    """What the store knows of an out folder: where it is, and the keys of all that its tables rest on or will."""

    out: str
    keys: tuple[str, ...]
    at: str
    finished: bool

    @property
    def there(self) -> bool:
        """Whether the out folder still is where it was."""
        return (Path(self.out) / RUN_FILE).is_file()


def note_run(store: Store, out: Path, record: OutRecord, at: str) -> None:
    """Write down that an out folder's run uses the store."""
    folder = store.root / FOLDER
    folder.mkdir(exist_ok=True)
    place = str(out.resolve())
    known = KnownRun(out=place, keys=tuple(sorted(record.keys)), at=at, finished=record.started is None)
    replace_file(folder / f"{digest(place)[:24]}.json", json.dumps(known.model_dump(mode="json")).encode())


def known_runs(store: Store) -> list[KnownRun]:
    """All runs that are known to use the store; a file that cannot be read names none."""
    runs = []
    for path in sorted((store.root / FOLDER).glob("*.json")):
        try:
            runs.append(KnownRun.model_validate(json.loads(path.read_text())))
        except (OSError, ValueError, ValidationError):
            continue
    return runs
