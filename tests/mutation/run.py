"""Mutation testing: breaks load-bearing lines one by one, as listed in the .toml files here, and tells what survives.

Each change is made in a copy of the tree, where the tests that should see it run until the first one fails. Call it as
``python tests/mutation/run.py``, with words of names or files to try only those.
"""

import argparse
import hashlib
import importlib
import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = ("tasks", "methods", "benchmark", "reports")
TIMEOUT = 300.0
# pytest's exit codes.
PASSED, FAILED = 0, 1


class ListError(ValueError):
    """A list of changes that no longer fits the code: one sentence that names the entry."""


@dataclass(frozen=True)
class Mutation:
    """A change that tests must notice.

    Attributes:
        file: which file, from the repository's root.
        old, new: text that stands in it exactly once, and what replaces it.
        why: what would go wrong unnoticed.
        tests: the test files, or tests, that should fail.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Tells it from any other entry, and from itself before it was edited."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def applied(self, root: Path) -> str:
        """The file's text with the change. Raises ListError where the old text is not there exactly once."""
        path = root / self.file
        if not path.is_file():
            raise ListError(f"'{self.name}': there is no file {self.file}; rename it in the list or remove the entry")
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ListError(
                f"'{self.name}': its old text stands in {self.file} {text.count(self.old)} times, not once; follow the "
                "code or remove the entry"
            )
        return text.replace(self.old, self.new)


def read_lists(folder: Path = HERE) -> list[Mutation]:
    """All changes of the lists in a folder. Raises ListError for an entry with missing or unknown fields."""
    entries: list[Mutation] = []
    for path in sorted(folder.glob("*.toml")):
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        for entry in content["mutation"]:
            tests = entry.get("tests") or content.get("tests", {}).get(entry.get("file"))
            if not tests:
                raise ListError(f"{path.name}, '{entry.get('name')}': no tests are named for it or for its file")
            try:
                entries.append(Mutation(**{**entry, "tests": tuple(tests)}))
            except TypeError as error:
                raise ListError(f"{path.name}, '{entry.get('name')}': {error}") from None
    return entries


@contextmanager
def copied_tree() -> Iterator[Path]:
    """A copy of the repository, beside it a folder ``path`` from which `lodo` is imported."""
    with tempfile.TemporaryDirectory() as temporary:
        tree, place = Path(temporary, "tree"), Path(temporary, "path", "lodo")
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        place.mkdir(parents=True)
        for package in PACKAGES:
            (place / package).symlink_to(tree / package, target_is_directory=True)
        yield tree


def preload() -> None:
    """Import what takes long and is never changed, so that every fork has it; no file of the tree itself."""
    for module in ("torch", "transformers.models.opt.modeling_opt", "scipy.stats", "pandas", "bm25s"):
        importlib.import_module(module)


def run_tests(tree: Path, tests: Sequence[str], timeout: float = TIMEOUT) -> tuple[int | None, str]:
    """pytest's exit code on some tests of a copied tree, None after a time-out, and the last lines of what it says."""
    log = tree.parent / "log"
    process = os.fork()
    if process == 0:
        _test_and_exit(tree, tests, log)
    ends = time.monotonic() + timeout
    while (done := os.waitpid(process, os.WNOHANG)) == (0, 0):
        if time.monotonic() > ends:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return None, f"not done after {timeout:g} seconds"
        time.sleep(0.02)
    said = log.read_text(encoding="utf-8", errors="replace")
    return os.waitstatus_to_exitcode(done[1]), "\n".join(said.strip().splitlines()[-15:])


def _test_and_exit(tree: Path, tests: Sequence[str], log: Path) -> NoReturn:
    code = 3  # pytest's own for an internal error
    try:
        file = log.open("w", encoding="utf-8", buffering=1)
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        sys.stdout = sys.stderr = file
        sys.dont_write_bytecode = True
        place = str(tree.parent / "path")
        sys.path.insert(0, place)
        # For the processes that tests start.
        os.environ |= {"PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1"}
        os.chdir(tree)
        if (tree / PACKAGES[0]).exists():
            spec = importlib.util.find_spec(f"lodo.{PACKAGES[0]}")
            assert spec is not None
            assert str(spec.origin).startswith(place), f"lodo is imported from {spec.origin}, not from {place}"
        words = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", f"--rootdir={tree}", *tests]
        code = int(pytest.main(words))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def verdict_of(tree: Path, mutation: Mutation) -> tuple[str, str]:
    """``caught``, ``survived`` or ``unusable`` (the tests did not run), and by what or why."""
    path = tree / mutation.file
    before = path.read_text(encoding="utf-8")
    path.write_text(mutation.applied(tree), encoding="utf-8")
    try:
        code, said = run_tests(tree, mutation.tests)
    finally:
        path.write_text(before, encoding="utf-8")
    if code is None:
        return "caught", said
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code == FAILED and failed:
        return "caught", failed[0].split(" - ")[0]
    return ("survived", "") if code == PASSED else ("unusable", said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only changes whose name or file holds one of these words")
    parser.add_argument("--results", type=Path, help="keep verdicts in this file; what was caught is not tried again")
    parser.add_argument("--list", action="store_true", help="show the changes and stop")
    options = parser.parse_args()
    chosen = [
        each
        for each in read_lists()
        if not options.words or any(word in each.name or word in each.file for word in options.words)
    ]
    if options.list:
        print("\n".join(f"{each.file}: {each.name}" for each in chosen))
        return 0
    verdicts: dict[str, dict[str, Any]] = {}
    if options.results and options.results.exists():
        for line in options.results.read_text(encoding="utf-8").splitlines():
            known = json.loads(line)
            verdicts[known["digest"]] = known
    os.environ["OMP_NUM_THREADS"] = "1"
    preload()
    begun = time.monotonic()
    with copied_tree() as tree:
        for each in chosen:
            each.applied(tree)
        # What survived is tried again: there may be a test for it by now.
        left = [each for each in chosen if verdicts.get(each.digest, {}).get("verdict") != "caught"]
        # A test that fails anyhow would catch everything.
        tests = sorted({test for each in left for test in each.tests})
        code, said = run_tests(tree, tests, timeout=math.inf) if left else (PASSED, "")
        if code != PASSED:
            print(f"the tests do not pass on the code as it is:\n{said}")
            return 2
        for number, each in enumerate(left, start=1):
            start = time.monotonic()
            verdict, reason = verdict_of(tree, each)
            seconds = time.monotonic() - start
            verdicts[each.digest] = {"digest": each.digest, "name": each.name, "verdict": verdict, "reason": reason}
            print(f"{number}/{len(left)} {verdict:8} {seconds:5.1f} s  {each.file}: {each.name}  {reason}", flush=True)
            if options.results:
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(verdicts[each.digest]) + "\n")
    return report(chosen, verdicts, time.monotonic() - begun)


def report(chosen: Sequence[Mutation], verdicts: dict[str, dict[str, Any]], seconds: float) -> int:
    """Print the score and what was not caught; 0 if all was."""
    rest = [each for each in chosen if verdicts[each.digest]["verdict"] != "caught"]
    caught = len(chosen) - len(rest)
    print(f"\n{caught} of {len(chosen)} changes caught ({caught / max(1, len(chosen)):.0%}) in {seconds:.0f} seconds")
    for each in rest:
        print(f"{verdicts[each.digest]['verdict']}: {each.file}: {each.name}: {each.why}")
    return bool(rest)


if __name__ == "__main__":
    sys.exit(main())
