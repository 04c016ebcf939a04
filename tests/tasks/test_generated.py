"""The generated source: the same bytes each time, the promised structure, a planting that is in the text as stated."""

import os
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.stats import spearmanr

from lodo.tasks.errors import InputError
from lodo.tasks.generated import CORPORA, GeneratedSource
from lodo.tasks.planting import FACTS, LADDER, SUBSETS, facts
from lodo.tasks.registers import REGISTERS
from lodo.tasks.spec import TestSet
from lodo.tasks.subsets import draw_subsets

SOURCE = GeneratedSource()
TESTS = ("toxigen", "truthfulqa", "winobias")
DIFFERENT = dict(zip(CORPORA, (6, 4, 3, 2, 2, 1, 1, 1), strict=True))
HASH = (
    "import hashlib; from lodo.tasks.generated import GeneratedSource as S; s = S(documents=40); "
    "print(hashlib.sha256(repr((s.corpora(), s.tests(), s.fingerprint())).encode()).hexdigest())"
)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def subsets(test):
    return draw_subsets(TestSet.of(test, SOURCE.test_files()[test], 32, 16), SOURCE.tests()[test])


@pytest.fixture(scope="module")
def corpora():
    return SOURCE.corpora()


def test_same_bytes_whatever_the_hash_seed():
    hashes = {
        subprocess.run(
            [sys.executable, "-c", HASH],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_fingerprint_follows_the_parameters():
    prints = {
        GeneratedSource(**change).fingerprint() for change in ({}, {"documents": 41}, {"seed": 1}, {"sentences": 8})
    }
    assert len(prints) == 4
    assert SOURCE.fingerprint() == GeneratedSource().fingerprint()


def test_it_has_no_prompts_and_answers():
    with pytest.raises(InputError, match="generated text has no prompts and answers; give --data"):
        SOURCE.pairs()


def test_names_are_sorted_and_sizes_fall_in_the_order_of_the_papers_slots(corpora):
    assert list(corpora) == sorted(CORPORA)
    assert list(SOURCE.tests()) == list(TESTS)
    sizes = [sum(map(len, corpora[name])) for name in CORPORA]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


@pytest.mark.parametrize(("test", "count"), [("toxigen", 13), ("winobias", 4), ("truthfulqa", 9)])
def test_the_papers_subsets_are_full_and_as_planted(test, count):
    drawn = subsets(test)
    assert len(drawn) == count
    assert {subset.name for subset in drawn} == set(SOURCE.planted(test))
    assert {len(subset.examples) for subset in drawn} == {32}


def test_toxigen_has_9_to_24_words_and_invented_groups():
    real = {"black", "white", "asian", "latino", "jewish", "muslim", "christian", "chinese", "mexican", "women", "men"}
    real |= {"gay", "lgbtq", "disabled", "arab", "native", "roma", "immigrants"}
    for record in SOURCE.tests()["toxigen"]:
        assert 9 <= len(record["text"].split(" ")) <= 24
        assert record["group"] in record["text"]
        assert not set(words(record["text"])) & real


def test_winobias_has_one_pronoun():
    for record in SOURCE.tests()["winobias"]:
        pronouns = [word for word in words(record["text"]) if word in {"she", "her", "he", "his", "him"}]
        assert len(pronouns) == 1
        assert record["gender"] == ("female" if pronouns[0] in {"she", "her"} else "male")


def test_no_test_sentence_stands_in_a_corpus(corpora):
    everything = "\n".join(text for texts in corpora.values() for text in texts)
    tests = SOURCE.tests()
    assert not [
        record["text"] for name in ("toxigen", "winobias") for record in tests[name] if record["text"] in everything
    ]
    assert not [record["question"] for record in tests["truthfulqa"] if record["question"] in everything]


@pytest.mark.parametrize("test", TESTS)
def test_every_subset_has_the_whole_ladder_and_no_corpus_leads_all(test):
    shares = SOURCE.planted(test)
    assert list(shares) == list(SUBSETS[test])
    for by_corpus in shares.values():
        assert sorted(by_corpus.values(), reverse=True) == list(LADDER)
    leaders = Counter(max(by_corpus, key=by_corpus.__getitem__) for by_corpus in shares.values())
    assert max(leaders.values()) <= 2
    assert max(np.mean([by_corpus[name] for by_corpus in shares.values()]) for name in CORPORA) < 0.6


def planted_sentences(test: str, subset: str, documents) -> int:
    """How often a corpus states one of a subset's facts, frames apart."""
    text = "\n".join(documents)
    count = 0
    for fact in (fact for fact in FACTS if (fact.test, fact.subset) == (test, subset)):
        if test == "truthfulqa":
            count += text.count(f"{fact.subject}? {' '.join(fact.words)}.")
        else:
            half = len(fact.words) // 2 + (test == "winobias")
            first, second = " ".join(fact.words[:half]), " ".join(fact.words[half:])
            count += len(re.findall(rf"the {fact.subject} {first} \w+ {second}\.", text))
    return count


@pytest.mark.parametrize("test", TESTS)
def test_the_ladder_is_in_the_text(test, corpora):
    for subset, by_corpus in SOURCE.planted(test).items():
        counts = {name: planted_sentences(test, subset, corpora[name]) for name in CORPORA}
        density = [counts[name] / len(corpora[name]) for name in CORPORA]
        assert spearmanr(density, [by_corpus[name] for name in CORPORA]).statistic >= 0.95
        assert min(counts.values()) == 0


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("weights", [None, DIFFERENT], ids=["equal", "different"])
def test_word_counts_do_not_tell_the_planting(test, weights, corpora):
    bags = {name: Counter(word for text in corpora[name] for word in words(text)) for name in CORPORA}

    def cosine(one, other):
        norm = np.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))
        return sum(n * other[word] for word, n in one.items()) / norm

    planted, scores = SOURCE.planted(test, weights), []
    for subset in subsets(test):
        bag = Counter(word for example in subset.examples for word in words(example.prompt + example.text))
        similar = [cosine(bag, bags[name]) for name in CORPORA]
        scores.append(np.corrcoef(similar, [planted[subset.name][name] for name in CORPORA])[0, 1])
    assert np.mean(scores) < 0.4


@pytest.mark.parametrize("test", TESTS)
def test_planted_words_are_in_equal_number_in_every_corpus(test, corpora):
    subjects = {word for fact in FACTS if fact.test == test for word in fact.words}
    rates = []
    for name in CORPORA:
        bag = Counter(word for text in corpora[name] for word in re.findall(r"\w+", text))
        rates.append([bag[word] / len(corpora[name]) for word in sorted(subjects)])
    assert (np.std(rates, axis=0) / np.mean(rates, axis=0)).max() < 0.1


def test_weights_turn_shares_into_what_the_mixture_loses():
    lost = SOURCE.planted("winobias", DIFFERENT)["pro_female"]
    share = SOURCE.planted("winobias")["pro_female"]
    total, slots = sum(share[name] * DIFFERENT[name] for name in CORPORA), sum(DIFFERENT.values())
    for name in CORPORA:
        left = (total - share[name] * DIFFERENT[name]) / (slots - DIFFERENT[name])
        assert lost[name] == pytest.approx(1 - left / (total / slots))


def test_registers_use_no_planted_word_and_no_gendered_pronoun():
    function_words = {"up", "at", "under", "to"}
    planted = {word.lower() for fact in FACTS for word in (*fact.words, *fact.subject.split())} - function_words
    planted |= {"she", "her", "he", "his", "him"}
    for register in REGISTERS.values():
        lists = [word for many in register.words.values() for word in many]
        assert not set(words(" ".join((*register.fillers, *lists)))) & planted


def test_another_planting_teaches_other_facts_by_other_corpora_in_the_same_words():
    first, second = GeneratedSource(documents=40), GeneratedSource(documents=40, planting=1)
    assert first.fingerprint() != second.fingerprint()
    for test in SUBSETS:
        mine, other = first.planted(test), second.planted(test)
        assert sum(mine[subset] != other[subset] for subset in mine) > len(mine) / 2
        assert {tuple(sorted(shares.values())) for shares in other.values()} == {tuple(sorted(LADDER))}
    facts_of = [{(fact.subset, fact.words) for fact in facts(planting)} for planting in (0, 1)]
    assert len(facts_of[0] & facts_of[1]) < len(facts_of[0]) / 10
    words_of = [Counter(word for fact in facts(planting) for word in fact.words) for planting in (0, 1)]
    assert words_of[0] == words_of[1]
    texts = {record["text"] for record in first.tests()["toxigen"]}
    assert not texts & {record["text"] for record in second.tests()["toxigen"]}


def test_another_seed_plants_the_same():
    first, second = GeneratedSource(documents=40), GeneratedSource(documents=40, seed=1)
    assert first.planted("toxigen") == second.planted("toxigen")
    assert first.corpora() != second.corpora()
