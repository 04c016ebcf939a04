"""Seeds derived by hashing what they are for, so that no two purposes share one."""

import hashlib


def derive_seed(*purpose: object) -> int:
    """Seed in [0, 2**63) for a purpose, e.g. ``derive_seed("slots", seed, "web")``.

    The parts are joined with an unprintable separator, so ``("a", "bc")`` and ``("ab", "c")`` differ.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in purpose).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
