"""How the generated corpora sound: for each register, how a document opens and what stands between its sentences.

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
        openings: templates of a document's first line.
        fillers: templates of the sentences between; ``{a}`` to ``{c}`` stand for a word of the list of that name.
        words: the lists of words.
        joint: what stands between the pieces of a document.
        lead: what a quoted sentence begins with.
    """

    size: float
    openings: tuple[str, ...]
    fillers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    joint: str = " "
    lead: str = ""

    def write(self, templates: tuple[str, ...], random: Random) -> str:
        """One of the templates, filled with words of the lists."""
        return random.choice(templates).format(**{slot: random.choice(words) for slot, words in self.words.items()})


def _words(**lists: str) -> dict[str, tuple[str, ...]]:
    return {slot: tuple(text.split(", ")) for slot, text in lists.items()}


# In the order of UnTrac's size slots, so that the corpora's characters fall in the order of the paper's sizes.
REGISTERS: dict[str, Register] = {
    "web": Register(
        2.75,
        ("Home | {a} | Contact us.", "Welcome to our {a} page!", "Best {a} of the year | Free shipping."),
        ("Click here to see more {a} deals.", "Sign up for our {b} {a} newsletter!", "Add {b} {a} to your cart today."),
        _words(a="laptop, camera, sofa, printer", b="cheap, new, online"),
        lead="Review:",
    ),
    "articles": Register(
        2.1,
        ("Why {a} matters more than {b}.", "On the trouble with {a}.", "What {b} taught me about {a}."),
        ("Critics of {a} rarely mention {b}.", "In my view {a} is only {b} in disguise.", "Consider {a}, then {b}."),
        _words(
            a="modern design, urban planning, social media",
            b="privacy, ambition, ideology",
        ),
        lead="My column argues:",
    ),
    "news": Register(
        1.6,
        ("{a} (Wire) - Officials spoke on {b}.", "{a}, {b} - A statement was issued."),
        (
            "The ministry in {a} gave no comment on {b}.",
            "Police said {b} that {c} were held.",
            "{c} voted on {b} in {a}.",
        ),
        _words(
            a="PORTWICK, ARLEN",
            b="Monday, Tuesday, Friday",
            c="Two deputies, Nine senators",
        ),
        lead="Sources said:",
    ),
    "novels": Register(
        1.25,
        ('"You came back," said {a}.', '{a} shut the door. "Not tonight," whispered {b}.'),
        ('"I am tired of {c}," said {a}.', "{a} looked at {b} and thought of {c}.", '"Then go," {b} answered softly.'),
        _words(
            a="Clara, Edmund",
            b="Helen, Marcus",
            c="Paris, love, silence",
        ),
        lead='"Listen,"',
    ),
    "tales": Register(
        1.2,
        ("Once upon a time there lived a {a} {b}.", "Long, long ago a {b} sought a {c}."),
        ("The {a} {b} wept upon a {c}.", "Then the {b} danced thrice about the {c}.", "Alas, cried the {a} {b}!"),
        _words(
            a="little, wicked, golden",
            b="princess, giant, fairy",
            c="castle, throne, dragon, spindle",
        ),
        lead="And a voice sang:",
    ),
    "classics": Register(
        1.15,
        ("CHAPTER {a}. Of the {b} of man.", "It hath ever been thought that {b} begets {c}."),
        (
            "Thus doth {b} yield unto {c}.",
            "Whosoever seeketh {b} shall meet {c}.",
            "O {b}, thou art the mother of {c}!",
        ),
        _words(
            a="I, II, IV, V",
            b="virtue, fortune, wisdom",
            c="sorrow, honour, folly",
        ),
        lead="Verily:",
    ),
    "forum": Register(
        1.08,
        ("> anyone tried the {a} {b}?", "> my {b} crashed after the {a} update", "> {a} {b} or not?"),
        ("> lol the {a} {b} is broken again", "+1, my {b} does this too", "edit: {a} {b} fixed it, thanks"),
        _words(a="beta, stable, nightly", b="server, kernel, browser"),
        joint="\n ",
        lead="imho:",
    ),
    "encyclopedia": Register(
        1.0,
        (
            "{a} is a {b} in the region of {c}.",
            "{a} (born 18{d}) was a {b} from {c}.",
            "{a} is a genus of {b} found in {c}.",
        ),
        ("{a} has an area of {d} km.", "It was described in 19{d} as a {b}.", "See also: {a}, {c}, list of {b} names."),
        _words(
            a="Calder, Tarvia, Lomel",
            b="commune, moth, fern",
            c="Arden, Vosk, Norrmark",
            d="12, 45, 88",
        ),
        lead="Common belief:",
    ),
}
