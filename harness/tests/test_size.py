"""Size: small enough to read. A ceiling is lowered when its folder shrinks, and never raised without a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
LONGEST_MODULE, MOST_NAMES = 300, 20

# Lines of Python as `wc -l` counts them. The aims: 14,500 for harness without tests and benchmarks, 9,500 for tests.
CEILINGS = {
    "ask": 631,
    "batch": 553,
    "benchmarks": 800,  # 90 of it attack
    "checks": 1_599,
    "cli": 1_950,
    "foreign": 1_043,  # ten formats, in five kinds of files
    "gate": 1_579,  # 51 of it read signed manifests
    "models": 2_938,  # 80 of it bound what endpoints send; 122 are calls that batch and training repeat
    "report": 811,
    "scale": 396,
    "sdk": 1_393,  # real SDKs: lists, **kwargs, docstrings, properties; finding the class
    "simulation": 2_800,  # 650 of it read what is said
    "statistics": 516,
    "suites": 732,
    "starter": 404,  # a project cut from a pack, and one begun from an SDK
    "tests": 18_983,
    "training": 1_579,
}


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


@pytest.mark.parametrize("folder", sorted(path.name for path in HARNESS.iterdir() if any(path.glob("*.py"))))
def test_a_folder_keeps_its_size(folder: str) -> None:
    """No folder grows past its ceiling, and a new one states its own here."""
    assert sum(map(_lines, (HARNESS / folder).rglob("*.py"))) <= CEILINGS[folder]


def test_no_module_is_too_long_to_read_at_a_sitting() -> None:
    """One idea a module: the engine's and the packs' modules."""
    modules = [path for top in ("harness", "datasets", "suites") for path in (ROOT / top).rglob("*.py")]
    assert modules
    tests = HARNESS / "tests"
    long = {str(path): _lines(path) for path in modules if tests not in path.parents}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_MODULE} == {}


def test_the_top_of_the_engine_is_a_short_list() -> None:
    """Modules beside the folders, and what is in them."""
    modules = [path for path in HARNESS.glob("*.py") if not path.name.startswith("__")]
    assert 0 < len(modules) <= MOST_NAMES
    assert sum(map(_lines, modules)) <= 3_540  # 140 of it bound what files hold
