"""File names for pages from names that may hold anything: safe on every file system, no two alike, stable."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

LONGEST = 60
# Windows opens devices under these names, whatever follows the dot.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def slugs(names: Iterable[str]) -> dict[str, str]:
    """By name, a file name without ending: a-z, 0-9 and hyphens, so that no file system takes two for one.

    Names that would share one, or that lose all that is theirs, get eight digits or more of their SHA-256. A name that
    is its own file name keeps it, so the same names lead to the same pages whatever stands beside them.
    """
    unique = list(dict.fromkeys(names))
    plain = {name: _plain(name) for name in unique}
    wanting = defaultdict(list)
    for name in unique:
        wanting[plain[name]].append(name)
    taken = {name for name in unique if name and plain[name] == name and name not in RESERVED}
    made = {name: name for name in taken}
    for name in unique:
        if name in made:
            continue
        slug, digest = plain[name], hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        alone = len(wanting[slug]) == 1 and slug not in RESERVED and slug
        length = 8
        candidate = slug if alone else f"{slug or 'x'}-{digest[:length]}"
        while candidate in taken:
            length += 1
            candidate = f"{slug or 'x'}-{digest[:length]}"
        taken.add(candidate)
        made[name] = candidate
    return made


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:LONGEST].strip("-")
