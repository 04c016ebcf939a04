"""What a machine makes once and keeps: converted models, primed weights; each in a folder of its own."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``$LODO_HOME/pretrained/NAME``.

    Where it is not there, ``make`` fills a folder aside, while other processes wait, and it is moved into place: what
    stands there is whole.
    """
    home = Path(os.environ.get("LODO_HOME") or platformdirs.user_cache_dir("lodo")) / "pretrained"
    target = home / name
    with _alone(home / f"{name}.lock"):
        if not target.exists():
            aside = home / f"{name}.tmp"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            make(aside)
            os.replace(aside, target)
    return target


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
