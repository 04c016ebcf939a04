"""docs/tasks.md has a section for every family, none for one that is not there, and the samples that it quotes."""

import re
from pathlib import Path

import pytest

from lodo.benchmark.describing import CHARACTERS, sample_line
from lodo.benchmark.kinds.kind import Workplace
from lodo.benchmark.kinds.samples import SAMPLES, SamplesInputs, SamplesSpec, compute
from lodo.benchmark.tuning import TEXT
from lodo.tasks.family import FAMILIES
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.spec import TestSet

PATH = Path(__file__).parents[2] / "docs" / "tasks.md"
PAGE = PATH.read_text()
QUOTE = re.compile(r"(?<=^```text )(samples|tests) of (\S+) at (\S+)\n(.*?)(?=^```$)", re.M | re.S)
OWN = [name for name in FAMILIES.names() if FAMILIES.get(name).is_lodos]
PARTS = ["What it tests.", "Text.", "How it differs from the paper.", "Reliability."]


def quoted(what, name, scale, folder):
    """What the page has to quote of a family's text: a line for each dataset and for the first subset of each test."""
    family = FAMILIES.get(name)
    source = family.source(scale) if family.own_text else GeneratedSource() if family.scored else TEXT
    settings = family.settings[scale, source.text]
    tests = [
        TestSet.of(test, file, settings.subset_size, settings.min_pairs) for test, file in source.test_files().items()
    ]
    spec = SamplesSpec(
        fingerprint="",
        datasets=tuple(source.corpora()),
        test_sets=tests,
        form="pairs" if source.text == "pairs" else "packed",
        count=1,
        characters=CHARACTERS,
        code={"hash": "", "libraries": ()},
    )
    compute(spec, SamplesInputs(source), Workplace("", folder, None))
    samples = SAMPLES.read(folder)
    lines = {} if what == "tests" else {dataset: examples[0] for dataset, examples in samples.datasets.items()}
    lines |= {f"{test}/{min(subsets)}": subsets[min(subsets)][0] for test, subsets in samples.tests.items()}
    return "".join(f"{place}: {sample_line(example)}\n" for place, example in lines.items())


def test_every_family_has_a_section_that_says_all_there_is_to_say():
    sections = dict(re.findall(r"^## `([\w-]+)`\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
    assert sorted(sections) == OWN
    for name, text in sections.items():
        assert re.findall(r"^\*\*(.*?)\*\*", text, re.M) == PARTS, name


def test_families_whose_text_is_their_own_quote_it():
    quotes = {family for _, family, _, _ in QUOTE.findall(PAGE)}
    brings = {name for name in OWN if FAMILIES.get(name).own_text or not FAMILIES.get(name).scored}
    assert quotes >= brings | {"opt-equal"}


@pytest.mark.parametrize(("what", "name", "scale"), [quote[:3] for quote in QUOTE.findall(PAGE)])
def test_what_is_quoted_is_the_text(what, name, scale, tmp_path, request):
    """``--write-golden`` writes the quotes anew."""
    head = f"{what} of {name} at {scale}\n"
    wanted = head + quoted(what, name, scale, tmp_path)
    if request.config.getoption("--write-golden"):
        place = re.compile(rf"(?<=^```text ){re.escape(head)}(.*?)(?=^```$)", re.M | re.S)
        PATH.write_text(place.sub(lambda _: wanted, PATH.read_text()))
        return
    (text,) = (match.group() for match in QUOTE.finditer(PAGE) if match.group().startswith(head))
    assert text == wanted, "store the samples anew with pytest tests/docs --write-golden"
