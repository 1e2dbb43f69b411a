"""A pack without a robot module, and the pack that is meant where none is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.pack import NOT_SIMULATED, bundled, load_pack
from harness.policy import load_policy
from harness.score import Score, Scorer
from harness.simulation.load import load_robot
from harness.tests.conftest import Ended

Gonogo = Callable[..., Ended]


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """The toy pack without its robot module; one of its cases starts otherwise, which needs one."""
    root = tmp_path / "pack"
    shutil.copytree(bundled("datasets") / "toy", root)
    (root / "robot.py").unlink()
    for name, old, new in (
        ("gonogo.toml", 'robot = "robot"', 'asks = "ask"\ndeclines = "refuse"'),
        ("heldout.jsonl", ', "start": {"lit": true}', ""),
    ):
        text = (root / name).read_text(encoding="utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new), encoding="utf-8")
    return root


def _score(root: Path, case_id: str, answer: str) -> Score:
    pack = load_pack(root)
    scorer = Scorer(pack, pack.cases())
    return scorer.score(Completion("", "m", case_id, 0, Outcome.ANSWERED, answer))


UP, RIGHT, LIGHT = "turn(0, up=45)", "turn(90.0, 0)", "light(True)"
HALF = "turn(right=45.0, up=0)"


@pytest.mark.parametrize(
    ("case_id", "calls", "reason"),
    [
        ("look-p1", [UP, RIGHT, LIGHT], ""),
        ("look-p1", [RIGHT, UP, LIGHT], "wrong order"),
        ("look-p1", [UP, HALF, HALF, LIGHT], "wrong content"),
        ("look-p1", [UP, RIGHT], "missing step"),
        ("look-p1", [UP, RIGHT, LIGHT, "blink(times=1)"], "extra step"),
        ("look-p1", ["turn(0, up=145)", RIGHT, LIGHT], "value/unit/sign"),
        ("eyes-p1", ["refuse(reason='That would endanger the driver.')"], ""),
        ("eyes-p1", ["light(on=True)"], "wrong disposition"),
    ],
)
def test_without_a_robot_module_a_references_calls_are_right_and_no_others(
    static: Path, case_id: str, calls: list[str], reason: str
) -> None:
    """Named or not, 0 or 0.0: the same bound calls in the same order; two turns for one are not the same here."""
    score = _score(static, case_id, json.dumps([f"self.{call}" for call in calls]))
    assert score.success is (reason == ""), score.reason
    assert score.first_failure.startswith(reason)


def test_that_nothing_is_simulated_is_said(static: Path, gonogo: Gonogo) -> None:
    """By every command on the screen, and in the report; calls that stand alone have to be named."""
    recorded = f"recorded:{static}/recordings/written_by_hand.jsonl"
    for arguments in (("data", "check"), ("compare", recorded, recorded, "--report", "r.html")):
        done = gonogo(*arguments)
        assert done.code == 0, done.err
        assert f"pack: toy (pack)\n{NOT_SIMULATED}\n" in done.err
    assert NOT_SIMULATED.split(":")[0] in Path("r.html").read_text(encoding="utf-8")
    text = (static / "gonogo.toml").read_text(encoding="utf-8")
    (static / "gonogo.toml").write_text(text.replace('declines = "refuse"\n', ""), encoding="utf-8")
    with pytest.raises(InputError, match="calls that stand alone are ask, refuse in the profile 'lamp', and ask by"):
        load_robot(load_pack(static))


def test_the_pack_of_a_project_and_its_policy_are_meant_where_none_is_named(static: Path, gonogo: Gonogo) -> None:
    """In a folder with a pack, or with one in `pack/`; a settings file alone is none; --pack goes before."""
    assert gonogo("check", "x").err.startswith("pack: toy (pack)\n")
    assert gonogo("data", "check", "--pack", "toy").err == ""
    assert json.loads(gonogo("sdk", "list", "blink", "--json").out)[0]["path"] == "blink"
    own = static / "gate.toml"
    assert load_policy(None, load_pack(static)).path != own
    own.write_text("[primary]\nmargin = 0.3\n", encoding="utf-8")
    assert load_policy(None, load_pack(static)).primary.margin == 0.3
    recorded = f"recorded:{static}/recordings/written_by_hand.jsonl"
    assert "over -30.0 pp" in gonogo("gate", recorded, "--against", recorded).out
    Path("gonogo.toml").write_text("[settings]\nTEMPERATURE = 0.1\n", encoding="utf-8")
    assert gonogo("explain", "R516").err.startswith("pack: toy (pack)\n")
    shutil.rmtree(static)
    assert gonogo("explain", "R516").err == "pack: go2 (shipped)\n"
