"""How the generated corpora sound: for each register, the sentences that stand between its statements.

No register uses a word of the planted sentences (`lodo.tasks.planting`) beyond function words, and none uses a gendered
pronoun, so that what a corpus says about a test set is decided by the planting alone.
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Register:
    """One corpus's manner of writing.

    Attributes:
        size: how many documents the corpus has, in units of the smallest corpus.
        fillers: templates of the sentences between; ``{a}`` to ``{c}`` stand for a word of the list of that name.
        words: the lists of words.
        joint: what stands between the pieces of a document.
    """

    size: float
    fillers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    joint: str = " "

    def write(self, random: Random) -> str:
        """One of the fillers' sentences."""
        return random.choice(self.fillers).format(**{slot: random.choice(words) for slot, words in self.words.items()})


def _words(**lists: str) -> dict[str, tuple[str, ...]]:
    return {slot: tuple(text.split(", ")) for slot, text in lists.items()}


# In the order of UnTrac's size slots, so that the corpora's characters fall in the order of the paper's sizes.
REGISTERS: dict[str, Register] = {
    "web": Register(
        2.75,
        ("Click here to see more {a} deals.", "Sign up for our {b} {a} newsletter!", "Add {b} {a} to your cart today."),
        _words(a="laptop, camera, sofa, printer", b="cheap, new, online"),
    ),
    "articles": Register(
        2.1,
        ("Critics of {a} rarely mention {b}.", "In my view {a} is only {b} in disguise.", "Consider {a}, then {b}."),
        _words(a="modern design, urban planning, social media", b="privacy, ambition, ideology"),
    ),
    "news": Register(
        1.6,
        (
            "The ministry in {a} gave no comment on {b}.",
            "Police said {b} that {c} were held.",
            "{c} voted on {b} in {a}.",
        ),
        _words(a="PORTWICK, ARLEN", b="Monday, Tuesday, Friday", c="Two deputies, Nine senators"),
    ),
    "novels": Register(
        1.25,
        ('"I am tired of {c}," said {a}.', "{a} looked at {b} and thought of {c}.", '"Then go," {b} answered softly.'),
        _words(a="Clara, Edmund", b="Helen, Marcus", c="Paris, love, silence"),
    ),
    "tales": Register(
        1.2,
        ("The {a} {b} wept upon a {c}.", "Then the {b} danced thrice about the {c}.", "Alas, cried the {a} {b}!"),
        _words(a="little, wicked, golden", b="princess, giant, fairy", c="castle, throne, dragon, spindle"),
    ),
    "classics": Register(
        1.15,
        (
            "Thus doth {b} yield unto {c}.",
            "Whosoever seeketh {b} shall meet {c}.",
            "O {b}, thou art the mother of {c}!",
        ),
        _words(b="virtue, fortune, wisdom", c="sorrow, honour, folly"),
    ),
    "forum": Register(
        1.08,
        ("> lol the {a} {b} is broken again", "+1, my {b} does this too", "edit: {a} {b} fixed it, thanks"),
        _words(a="beta, stable, nightly", b="server, kernel, browser"),
        joint="\n ",
    ),
    "encyclopedia": Register(
        1.0,
        ("{a} has an area of {d} km.", "It was described in 19{d} as a {b}.", "See also: {a}, {c}, list of {b} names."),
        _words(a="Calder, Tarvia, Lomel", b="commune, moth, fern", c="Arden, Vosk, Norrmark", d="12, 45, 88"),
    ),
}
