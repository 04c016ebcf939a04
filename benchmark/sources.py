"""Opens the source that a command names: generated text, or a folder of files."""

from pathlib import Path

from lodo.tasks.errors import InputError
from lodo.tasks.source import Source


def open_source(folder: Path | None, text_seed: int = 0) -> Source:
    """The folder's source, or for None the generated one; ``text_seed`` says which draw of that text."""
    if folder is None:
        from lodo.tasks.generated import GeneratedSource

        return GeneratedSource(seed=text_seed)
    if text_seed:
        raise InputError(f"--text-seed {text_seed}: text from --data {folder} is not generated; leave one of them out")
    from lodo.tasks.folder import FolderSource

    return FolderSource(folder.resolve())
