"""Opens the source that a command names: generated text, or a folder of files."""

from pathlib import Path

from lodo.tasks.source import Source


def open_source(folder: str | None) -> Source:
    """The folder's source, or the generated one for None."""
    if folder is None:
        from lodo.tasks.generated import GeneratedSource

        return GeneratedSource()
    from lodo.tasks.folder import FolderSource

    return FolderSource(Path(folder))
