"""What all tests share: real text where there is any."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder of real corpora and test sets; without one the test is skipped, under CI it fails."""
    path = Path(os.environ.get("LODO_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not path.is_dir():
        text = f"no real text at {path}; set LODO_TEST_DATA"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return path


def pytest_addoption(parser):
    parser.addoption("--write-golden", action="store_true", help="store every method's present influence as golden")
