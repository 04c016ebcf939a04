"""Devices, known without torch: what they are called, and which card a worker takes."""

import functools
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lodo.tasks.errors import InputError

CARD = "cuda"
VISIBLE = "CUDA_VISIBLE_DEVICES"
# Without a workspace of fixed size cuBLAS may sum in another order each time; to be set before CUDA starts.
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
ASK = (
    "import json, torch\n"
    "print(json.dumps([torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]))"
)


@functools.cache
def cards_here() -> tuple[str, ...]:
    """The names of the graphics cards that torch finds here, asked in a process of its own: here it is not loaded."""
    asked = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True)
    return tuple(json.loads(asked.stdout.splitlines()[-1])) if asked.returncode == 0 and asked.stdout else ()


def is_card(device: str) -> bool:
    """Whether a device's name, as in torch, is a graphics card's."""
    return device.partition(":")[0] == CARD


def cards_of(device: str) -> tuple[str, ...]:
    """The names of the cards that a run on a device uses: none on ``cpu``, all on ``cuda``, one on ``cuda:1``.

    Raises InputError for a device that torch has not got.
    """
    if device == "cpu":
        return ()
    cards = cards_here() if is_card(device) else ()
    if device != CARD:
        index = device.partition(":")[2]
        cards = cards[int(index) :][:1] if index.isdecimal() else ()
    if not cards:
        raise InputError(f"--device {device}: torch finds no such device here; use --device cpu")
    return cards


def worker_environment(device: str, slot: int, cards: int, present: Mapping[str, str]) -> dict[str, str]:
    """What a worker's environment must say before CUDA starts in it; nothing on a CPU.

    On ``cuda`` a worker sees one card alone, so that each has its own while there are no more workers than cards, and
    no key depends on which it is: to all that computes it is ``cuda``. ``cuda:1`` is left to torch.

    Args:
        slot: the worker's place among those that run at once, from 0.
        cards: how many there are; beyond them workers share.
        present: the environment that the run was started in.
    """
    if not is_card(device):
        return {}
    chosen = {WORKSPACE: present.get(WORKSPACE, ":4096:8")}
    if device == CARD and cards > 1:
        names = [name.strip() for name in present.get(VISIBLE, "").split(",") if name.strip()]
        chosen[VISIBLE] = (names or [str(index) for index in range(cards)])[slot % cards]
    return chosen


def name_of(device: str, cards: tuple[str, ...]) -> str:
    """What a device is called: the kinds of its ``cards``, or the processor."""
    return " and ".join(dict.fromkeys(cards)) if is_card(device) else processor()


def processor() -> str:
    """What this machine's processor is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
