"""Subset rules at their edges and on real test sets, and the words that test and training text share."""

import pytest

from lodo.tasks.errors import InputError
from lodo.tasks.folder import FolderSource
from lodo.tasks.overlap import describe, find_overlaps
from lodo.tasks.source import Example
from lodo.tasks.spec import TestSet
from lodo.tasks.subsets import Subset, draw_subsets


def words(count):
    return " ".join(f"w{index}" for index in range(count))


def drawn(rule, records, subset_size=256, min_pairs=128, columns=()):
    test = TestSet(name=f"my {rule}", rule=rule, columns=columns, subset_size=subset_size, min_pairs=min_pairs)
    return draw_subsets(test, records)


def counts(rule, records, **options):
    return {subset.name: len(subset.examples) for subset in drawn(rule, records, **options)}


def test_toxigen_keeps_9_to_24_words_split_at_single_spaces():
    records = [{"text": words(count), "group": str(count)} for count in (8, 9, 24, 25)]
    assert counts("toxigen", records) == {"24": 1, "9": 1}
    assert counts("toxigen", [{"text": words(8).replace(" ", "  ", 1), "group": "g"}]) == {"g": 1}


def test_toxigen_keeps_toxic_prompts_only():
    records = [{"text": words(9), "group": "g", "prompt_label": label} for label in (0, 1)]
    records += [{"text": words(9), "group": "g", "label_basis": "human_agreed"}]
    assert counts("toxigen", records) == {"g": 1}


def test_winobias_splits_by_pronoun_as_a_word():
    texts = ["He left.", "There she stood.", "The heir left.", "He saw her.", "It is his."]
    sizes = counts("winobias", [{"text": text, "type": "pro"} for text in texts])
    assert sizes == {"pro_female": 1, "pro_male": 2}


def test_truthfulqa_pairs_merges_and_scores_the_answer_only():
    records = [
        {"question": "Q", "incorrect_answers": ["a", "b"], "category": f"Confusion: {kind}"} for kind in ("A", "B")
    ] + [{"question": "R", "incorrect_answers": ["c"], "category": "Law"}]
    (subset,) = drawn("truthfulqa", records, min_pairs=4)
    assert (subset.name, len(subset.examples)) == ("confusion", 4)
    assert subset.examples[0] == Example("Q", " a")
    with pytest.raises(InputError, match="no category has 5"):
        drawn("truthfulqa", records, min_pairs=5)


def test_any_other_test_set_names_its_subsets():
    records = [{"text": "t", "subset": "s", "prompt": "p"}, {"text": "u", "subset": "s"}]
    assert drawn("labelled", records)[0].examples == (Example("p", "t"), Example("", "u"))


def test_a_large_subset_is_drawn_once_and_for_all():
    records = [{"text": str(index), "subset": "s"} for index in range(50)]
    first, second = (drawn("labelled", records, subset_size=10)[0] for _ in range(2))
    assert first == second
    assert len(set(first.examples)) == 10
    places = [int(example.text) for example in first.examples]
    assert places == sorted(places)
    assert max(places) > 20, "drawn from all, not from the beginning"
    assert first.wanted == 10


def test_columns_are_read_under_the_rules_names():
    records = [
        {"sentence": words(9), "text": "no", "whom": "g", "label": 1},
        {"sentence": words(9), "whom": "h", "label": 0},
    ]
    columns = {"text": "sentence", "group": "whom", "prompt_label": "label"}
    (subset,) = drawn("toxigen", records, columns=columns)
    assert (subset.name, subset.examples) == ("g", (Example("", words(9)),))
    # What is read under another name is not read under its own too.
    (subset,) = drawn("labelled", [{"prompt": "p", "subset": "s"}], columns={"text": "prompt"})
    assert subset.examples == (Example("", "p"),)


def test_only_truthfulqas_rule_leaves_small_subsets_out():
    assert counts("labelled", [{"text": "t", "subset": "s"}], min_pairs=2) == {"s": 1}


def test_an_unknown_rule_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"'my toxgen': there is no rule 'toxgen' \(did you mean 'toxigen'\?\)"):
        drawn("toxgen", [])


def test_a_rule_that_keeps_nothing_says_so():
    with pytest.raises(InputError, match="9 to 24 words"):
        drawn("toxigen", [{"text": "short", "group": "g"}])


def test_real_test_sets_have_the_papers_subsets(real_data):
    tests = FolderSource(real_data).tests()
    toxigen = counts("toxigen", tests["toxigen"])
    assert len(toxigen) == 13
    assert (toxigen["asian"], toxigen["mental_dis"], sum(toxigen.values())) == (153, 240, 2599)
    assert counts("winobias", tests["winobias"]) == dict.fromkeys(
        ("anti_female", "anti_male", "pro_female", "pro_male"), 256
    )
    truthfulqa = counts("truthfulqa", tests["truthfulqa"], subset_size=10**6)
    assert len(truthfulqa) == 9
    assert (truthfulqa["paranormal"], truthfulqa["indexical_error"], truthfulqa["confusion"]) == (129, 231, 223)


def test_overlap_is_found_and_shown_with_its_words():
    subset = Subset("s", (Example("What is", " the answer to all of life's big questions here?"),), 1)
    corpora = {
        "clean": ["the answer to all of it"],
        "dirty": ["so: The answer, to all of life's big questions indeed"],
        "prompt only": ["what is what is what is what is"],
    }
    (overlap,) = find_overlaps(corpora, [subset])
    assert (overlap.dataset, overlap.document) == ("dirty", 0)
    assert "the answer to all of life s big" in describe([overlap])[0]
    # Of n words in a row, no fewer.
    eight = {"eight": ["the answer to all of life s big"], "seven": ["the answer to all of life s"]}
    assert [overlap.dataset for overlap in find_overlaps(eight, [subset], n=8)] == ["eight"]
