"""What graphics cards can do at most, by their makers' data sheets, and how much of it is assumed to come about."""

import re
from dataclasses import dataclass

from lodo.tasks.errors import InputError
from lodo.tasks.registry import did_you_mean

# Share of the peak that trainings of models of 100 M weights and more are assumed to reach. Smaller ones wait for the
# card's launches, not for its arithmetic: in proportion to their weights less.
SHARE, FULL = 0.4, 1e8


@dataclass(frozen=True)
class Card:
    """A graphics card: dense peak operations a second in half precision (bfloat16, or float16 before it) and single."""

    name: str
    half: float
    single: float

    def seconds(self, operations: float, weights: int, precision: str) -> float:
        """How long so many operations of a model of so many weights take, on the assumed share of the peak."""
        return operations / (self.peak(precision) * share_of_peak(weights))

    def peak(self, precision: str) -> float:
        """Dense operations a second at most in a recipe's precision, double counted as single."""
        return self.half if precision == "bfloat16" else self.single


CARDS = (
    Card("H100", 989e12, 67e12),
    Card("A100", 312e12, 19.5e12),
    Card("RTX 4090", 165e12, 82.6e12),
    Card("V100", 125e12, 15.7e12),
    Card("T4", 65e12, 8.1e12),
    Card("H200", 989e12, 67e12),
    Card("H100 PCIe", 756e12, 51e12),
    Card("H100 NVL", 835e12, 60e12),
)

# What stands behind the name of a desktop's card where it is a slower one.
SLOWER = frozenset({"laptop", "mobile", "d"})


def share_of_peak(weights: int) -> float:
    """The share of a card's peak that is assumed for a model of so many weights."""
    return SHARE * min(1.0, weights / FULL)


def card_of(name: str) -> Card:
    """The card of a name, however it is spaced and cased. Raises InputError for one that is not in the table."""
    cards = {_bare(card.name): card for card in CARDS}
    if _bare(name) not in cards:
        known = [card.name for card in CARDS]
        raise InputError(f"--on {name}: no such card{did_you_mean(name.upper(), known)}; known are {', '.join(known)}")
    return cards[_bare(name)]


def peak_of(device: str, precision: str) -> float | None:
    """The dense peak of the card that a driver calls so ("NVIDIA H100 80GB HBM3"); None where it is not in the table.

    All words of a card's name must be there; of several cards the one whose name has most, so that the H100 PCIe is not
    taken for its faster sister. Two that fit alike are two kinds of card at once.
    """
    words = set(re.findall(r"[a-z0-9]+", device.lower()))
    named = [card for card in CARDS if words.issuperset(card.name.lower().split())]
    if not named or words & SLOWER or precision not in ("bfloat16", "float32"):
        return None
    most = max(len(card.name.split()) for card in named)
    best = [card for card in named if len(card.name.split()) == most]
    return best[0].peak(precision) if len(best) == 1 else None


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
