"""Families: settings by scale and what the text is, changes of them, tasks that fit their family."""

import pytest

from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES
from lodo.tasks.folder import FolderSource
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.spec import TestFile

CORPORA = {"a": 100, "b": 50, "c": 70}


class Stories(GeneratedSource):
    """Natural text of a source that is no folder."""

    kind = "stories"
    text = "natural"


def test_settings_are_those_of_the_scale_and_of_what_the_text_is_whoever_reads_it(tmp_path):
    def task(source):
        return FAMILIES.get("opt-equal").task("t", TestFile(rule="toxigen"), "mini", source, CORPORA, {})

    assert task(Stories()).source == "stories"
    folder = task(FolderSource(tmp_path))
    assert task(Stories()).model_copy(update={"source": "folder"}) == folder
    assert folder.model != task(GeneratedSource()).model
    assert folder.test_set.rule == "toxigen"


def test_what_a_family_has_no_settings_for_is_named_with_what_it_has():
    with pytest.raises(
        InputError, match="opt-tuning has no settings for natural text at scale mini; it has planted text at"
    ):
        FAMILIES.get("opt-tuning").task("t", TestFile(), "mini", Stories(), CORPORA, {})
    with pytest.raises(InputError, match=r"for planted text at scale small; .* natural text at small"):
        FAMILIES.get("opt-equal").task("t", TestFile(), "small", GeneratedSource(), CORPORA, {})
