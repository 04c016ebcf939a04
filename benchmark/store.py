"""The store: finished work by the hash of its specification, whole or absent, shared by any number of runs."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import platformdirs

from lodo.tasks.spec import canonical_json, digest

# Its name is that of the first stores, whose entries would be lost under another; a run's manifest is another file.
SEAL = "manifest.json"


class DamagedEntry(RuntimeError):
    """An entry's bytes are not those its seal vouches for."""


@dataclass(frozen=True)
class Job:
    """What a piece of work is: its kind and all that its result depends on. Equal jobs have equal keys.

    ``spec`` is a mapping or a model of `lodo.benchmark.kinds`.
    """

    kind: str
    spec: Any

    @cached_property
    def key(self) -> str:
        return digest({"kind": self.kind, "spec": self.spec})


def default_home() -> Path:
    """``$LODO_HOME``, else the platform's cache folder."""
    return Path(os.environ.get("LODO_HOME") or platformdirs.user_cache_dir("lodo"))


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """A folder of entries ``KIND/KEY/``; an entry counts once its seal, written last, vouches for every file.

    Work goes on in ``partial/KEY/`` under an exclusive ``flock`` of ``locks/KEY`` and is moved into place in one
    rename, so that a killed process leaves nothing half done and two processes never do the same work.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("partial", "locks"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def path(self, job: Job) -> Path:
        return self.root / job.kind / job.key

    def has(self, job: Job) -> bool:
        """Whether the entry is there (its seal exists; its bytes are checked by `open`)."""
        return (self.path(job) / SEAL).exists()

    def open(self, job: Job) -> Path:
        """The folder of a finished entry, its checksums verified.

        Raises:
            KeyError: there is no such entry.
            DamagedEntry: a file is missing or has other bytes; the entry has been moved out of the way.
        """
        return self.check(self.path(job))

    def check(self, folder: Path) -> Path:
        """An entry's folder, its checksums verified; raises as `open` does."""
        what = f"{folder.parent.name} {folder.name[:12]} in the store"
        try:
            seal = json.loads((folder / SEAL).read_text())
            files: dict[str, str] = seal["files"]
        except FileNotFoundError:
            raise KeyError(folder.name) from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            self._discard(folder)
            raise DamagedEntry(f"{what} has an unreadable {SEAL} ({error})") from error
        for name, wanted in files.items():
            path = folder / name
            if not path.is_file() or _checksum(path) != wanted:
                self._discard(folder)
                raise DamagedEntry(f"{what} is damaged: {name} is not as it was written")
        return folder

    @contextlib.contextmanager
    def claim(self, job: Job, wait: bool = True) -> Iterator[Path | None]:
        """Hold a job's lock and give its working folder; None if another process holds it and ``wait`` is false.

        The folder may hold what an interrupted attempt at the same job had saved.
        """
        lock = os.open(self.root / "locks" / job.key, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield None
                return
            partial = self.root / "partial" / job.key
            partial.mkdir(exist_ok=True)
            yield partial
        finally:
            os.close(lock)

    def commit(self, job: Job, partial: Path) -> Path:
        """Vouch for everything in the working folder and move it into place. Call it under `claim`."""
        for leftover in partial.glob("*.tmp"):
            leftover.unlink()
        files = {path.name: _checksum(path) for path in sorted(partial.iterdir()) if path.name != SEAL}
        text = canonical_json({"kind": job.kind, "spec": job.spec, "files": files})
        with (partial / SEAL).open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        target = self.path(job)
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            self._discard(target)
        partial.rename(target)
        return target

    def _discard(self, folder: Path) -> None:
        aside = self.root / "partial" / f"damaged-{folder.name}-{os.getpid()}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def entries(self) -> Iterator[tuple[str, Path, int]]:
        """Kind, folder and bytes of every finished entry."""
        for seal in sorted(self.root.glob(f"*/*/{SEAL}")):
            folder = seal.parent
            if folder.parent.name != "partial":
                yield folder.parent.name, folder, sum(path.stat().st_size for path in folder.iterdir())

    def unused(self, keep: frozenset[str], kinds: frozenset[str] | None = None) -> Iterator[tuple[str, Path, int]]:
        """Kind, folder and bytes of the entries whose key is not kept, of some kinds or of all."""
        for kind, folder, size in list(self.entries()):
            if folder.name not in keep and (kinds is None or kind in kinds):
                yield kind, folder, size

    def unfinished(self, keep: frozenset[str]) -> Iterator[tuple[Path, int]]:
        """Folder and bytes of begun work whose key is not kept and that nobody is at; it is locked while in hand."""
        for folder in (self.root / "partial").iterdir():
            with self.try_lock(folder.name) as held:
                if held and folder.name not in keep:
                    yield folder, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def prune(self, keep: frozenset[str], kinds: frozenset[str] | None = None) -> tuple[int, int]:
        """Remove entries whose key is not kept; returns how many and their bytes. Unfinished work goes too."""
        removed = freed = 0
        for _, folder, size in self.unused(keep, kinds):
            shutil.rmtree(folder)
            removed, freed = removed + 1, freed + size
        for folder, size in self.unfinished(keep):
            shutil.rmtree(folder, ignore_errors=True)
            freed += size
        return removed, freed

    @contextlib.contextmanager
    def try_lock(self, key: str) -> Iterator[bool]:
        """Whether nobody is working on a key; held while inside."""
        lock = os.open(self.root / "locks" / key, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(lock)
