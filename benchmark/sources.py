"""Opens the source that a command names (generated text, a folder of files), or the one that a family brings along."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES
from lodo.tasks.source import Source
from lodo.tasks.spec import Scale

# By scale, documents of the generated text's smallest corpus, where the usual number is too few: enough that a mixture
# of equal sizes repeats no sequence, not even where slots are refilled.
DOCUMENTS: Mapping[Scale, int] = {"gpu": 50_000}


def open_source(folder: Path | None, text_seed: int = 0, scale: Scale = "mini") -> Source:
    """The folder's source, or for None the generated one, as much as a scale takes; ``text_seed``: which draw of it."""
    if folder is None:
        from lodo.tasks.generated import GeneratedSource

        source = GeneratedSource(seed=text_seed)
        return replace(source, documents=DOCUMENTS.get(scale, source.documents))
    if text_seed:
        raise InputError(f"--text-seed {text_seed}: text from --data {folder} is not generated; leave one of them out")
    from lodo.tasks.folder import FolderSource

    return FolderSource(folder.resolve())


@dataclass(frozen=True)
class OwnText:
    """The text that a family brings along, as it is sent to a worker, which may not know the family's file.

    ``family`` is its name or ``file.py:NAME``.
    """

    family: str
    scale: Scale


def opened(source: Source | OwnText) -> Source:
    """A source in the process that reads it."""
    return FAMILIES.get(source.family).source(source.scale) if isinstance(source, OwnText) else source
