"""docs/methods.md has a section for every method, none for a method that is not there, and every value with its why."""

import re
from pathlib import Path

from lodo.benchmark.listing import values
from lodo.methods.base import METHODS

PATH = Path(__file__).parents[2] / "docs" / "methods.md"
PAGE = PATH.read_text()
VALUES = re.compile(r"(?<=^## Values at `mini`\n\n).*\Z", re.M | re.S)
OWN = [name for name in METHODS.names() if METHODS.get(name).__module__.startswith("lodo.methods.")]


def test_every_method_has_a_section():
    sections = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##)", PAGE + "\n##", re.M | re.S))
    described = {name: text for title, text in sections.items() for name in re.findall(r"`([\w-]+)`", title)}
    assert set(described) == set(OWN)


def test_every_value_is_on_the_page_with_why_it_is_that(request):
    """``--write-golden`` writes the table anew."""
    lines = ["| method | hyperparameter | value | | why |", "|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | `{key}` | {setting.value} | {setting.why.reason} | {setting.why.detail} |"
        for name in OWN
        for key, setting in values(METHODS.get(name), "mini")
    ]
    wanted = "\n".join(lines) + "\n"
    if request.config.getoption("--write-golden"):
        PATH.write_text(VALUES.sub(lambda _: wanted, PAGE))
        return
    assert VALUES.findall(PAGE) == [wanted], "store the table anew with pytest tests/docs --write-golden"
