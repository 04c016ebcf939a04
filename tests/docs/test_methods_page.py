"""docs/methods.md has a section for every method, and none for a method that is not there."""

import re
from pathlib import Path

from lodo.methods.base import METHODS

PAGE = (Path(__file__).parents[2] / "docs" / "methods.md").read_text()


def test_every_method_has_a_section():
    sections = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##)", PAGE + "\n##", re.M | re.S))
    described = {name: text for title, text in sections.items() for name in re.findall(r"`([\w-]+)`", title)}
    own = [name for name in METHODS.names() if METHODS.get(name).__module__.startswith("lodo.methods.")]
    assert set(described) == set(own)
