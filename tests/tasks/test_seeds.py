"""Seeds: one for a purpose, whatever the process, and no two purposes share one."""

import hashlib

from lodo.tasks.seeds import derive_seed


def test_parts_are_kept_apart():
    assert derive_seed("a", "bc") != derive_seed("ab", "c")
    assert derive_seed("run", 1, 11) != derive_seed("run", 11, 1)
    assert derive_seed("run", "1") == derive_seed("run", 1)


def test_a_seed_is_the_first_eight_bytes_of_sha_256_halved():
    """Another definition would draw everything anew."""
    whole = hashlib.sha256(b"slots\x1f0").hexdigest()[:16]
    assert derive_seed("slots", 0) == int(whole, 16) // 2 < 2**63
