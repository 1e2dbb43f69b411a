"""The seam: the engine names no robot, and a robot module that does not fit or fails is told by file, line and case."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.cases import DISPOSITIONS
from harness.checks import Call
from harness.cli import main
from harness.datacheck import check_cases
from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.pack import Pack, bundled, load_pack
from harness.score import Score, Scorer
from harness.sdk.profile import load_profile
from harness.simulation import STEP_BUDGET, load_robot, load_scenes, simulate
from harness.simulation.load import robot_digest
from harness.simulation.rules import ENGINE_RULES

ENGINE = Path(harness.__file__).parent
PACKS = [load_pack(path.parent) for path in sorted(bundled("datasets").glob("*/gonogo.toml"))]
TOY = load_pack("toy")
CASES = {case.id: case for case in TOY.cases()}
# Tests and benchmarks may know a robot; the examples of finding codes are of a lamp that no pack holds.
APART = {"tests", "benchmarks", "_bundled", "codes.toml"}
# Of the engine and of Python, whoever else may use them.
OWN_WORDS = {*DISPOSITIONS, "none", "refuse", "info", "read_text", "temperature"}
ON = "['self.light(on=True)']"


def score(pack: Pack, text: str, case: str = "on-p1") -> Score:
    """The score of an answer to a case of the toy."""
    return Scorer(pack, pack.cases()).score(Completion("", "m", case, 0, Outcome.ANSWERED, text))


def _words(pack: Pack) -> Iterator[str]:
    """Every call, builder, posture, act, room and table entry of a pack."""
    for call in load_profile(pack.profile).calls:
        if call.tier != "deny":
            yield from call.path.split(".")
    scenes = load_scenes(pack)
    robot = next(iter(scenes.values())).robot
    for scene in scenes.values():
        yield from scene.rooms
        for table in scene.tables.values():
            yield from table
    yield from robot.tables
    for fields in (*(spec.fields for spec in robot.events.values()), robot.final):
        for field in fields.values():
            yield from field.choices


def _as_code(word: str) -> str:
    """A pattern of the word as a name of the robot's: a plain word of English counts only in quotes or as a call."""
    escaped = re.escape(word)
    if re.fullmatch(r"[A-Za-z][a-z]+", word):
        return rf"self\.{escaped}\s*\(|\.{escaped}\(\w*=|[\"']{escaped}[\"']"
    return rf"(?<!\w){escaped}(?!\w)|[\"']{escaped}[\"']"


def test_the_engine_names_no_call_posture_or_room_of_any_pack() -> None:
    """Whatever a pack's robot can do and be stands beside its data, never under harness/."""
    words = {word for pack in PACKS for word in _words(pack)} - OWN_WORDS
    assert {"sport_client", "StandUp", "balanced", "living_room", "docks", "turn"} <= words
    named = []
    for path in sorted(ENGINE.rglob("*")):
        if path.suffix not in {".py", ".toml", ".md", ".txt", ".json", ".j2", ".yml"}:
            continue
        if not APART & set(path.relative_to(ENGINE).parts):
            text = path.read_text(encoding="utf-8")
            # "light" and "dark" are how a page looks, and arms are what is compared.
            # Only words that the file holds are looked at more closely.
            here = [word for word in sorted(words - {"light", "arm"}) if word in text]
            named += [f"{path}: {hit[0]}" for word in here for hit in re.finditer(_as_code(word), text)]
    assert not named, "\n".join(named)


def test_the_budget_that_a_model_is_told_is_the_one_that_is_kept() -> None:
    """The sentence of R599 names the number."""
    assert f" {STEP_BUDGET} calls" in ENGINE_RULES["R599"].tell


# ------------------------------------------------------------------ the toy as a whole


def test_a_pack_without_scenes_has_an_empty_one_and_is_fit_to_judge_by() -> None:
    """The toy's cases name no scene, and nothing is wrong with them."""
    scene = load_scenes(TOY)[""]
    assert (scene.rooms, scene.tables, scene.start) == ({}, {}, {"lit": False})
    assert list(check_cases(TOY, TOY.cases())) == []


def test_the_toys_recording_is_judged_by_what_the_lamp_does() -> None:
    """Two quarter turns joined, a wrong sign, a lamp that is dark, acting where asking is due, and no list at all."""
    lines = (TOY.root / "recordings" / "written_by_hand.jsonl").read_text(encoding="utf-8").splitlines()
    scores = {line["id"]: score(TOY, line["output"], line["id"]) for line in map(json.loads, lines)}
    failures = {case_id: one.first_failure for case_id, one in scores.items() if not one.success}
    assert failures == {
        "left-p2": "value/unit/sign",
        "blink-p1": "precondition",
        "vague-p1": "wrong disposition",
        "eyes-p1": "format",
    }
    assert {scores[name].did for name in ("on-p1", "left-p1")} == {"execute"}
    assert (scores["backwards-p1"].did, scores["backwards-p1"].disposition) == ("decline", "decline")
    assert scores["eyes-p1"].did == "nothing"


@pytest.mark.parametrize(
    ("answer", "did"),
    [
        (["self . ask(question='Where?')"], "ask"),
        (["self.ask()"], "ask"),
        (["self.refuse(reason='no')"], "decline"),
        (["self.refuse(reason='no')", "self.ask(question='Where?')"], "execute"),
        (["self.asks(question='Where?')"], "execute"),
        (["self.light(on=True)"], "execute"),
        ([], "nothing"),
    ],
)
def test_what_an_answer_does_is_told_by_the_calls_of_its_robot(answer: list[str], did: str) -> None:
    """Also where the call could not be bound."""
    assert score(TOY, repr(answer)).did == did


@pytest.mark.parametrize(
    ("turns", "events"),
    [
        ([(10.0, 0.0), (20.0, 0.0)], [(30.0, 0.0)]),
        ([(10.0, 0.0), (-20.0, 0.0)], [(10.0, 0.0), (-20.0, 0.0)]),
        ([(10.0, 0.0), (10.0, 5.0)], [(10.0, 0.0), (10.0, 5.0)]),
        ([(10.0, 0.0), None, (10.0, 0.0)], [(10.0, 0.0), (True,), (10.0, 0.0)]),
        ([(0.0, 0.0), (0.0, 0.0)], [(0.0, 0.0), (0.0, 0.0)]),
    ],
)
def test_movements_that_go_on_the_same_way_are_one_event(turns: list[Any], events: list[tuple[Any, ...]]) -> None:
    """Same signs add up; a turn back, a turn up besides or something between (None) stay apart."""
    calls = [Call("turn", {"right": one[0], "up": one[1]}) if one else Call("light", {"on": True}) for one in turns]
    trace = simulate(calls, load_scenes(TOY)[""])
    assert [tuple(event.fields.values()) for event in trace.events] == events


@pytest.mark.parametrize(
    ("pan", "reached", "right"),
    [(0, 360.0, True), (-10, 350.0, True), ("190 deg", -170.0, True), (0, 359.5, True), (0, 350.0, False)],
)
def test_a_final_heading_wraps_and_a_turn_does_not(pan: object, reached: float, right: bool) -> None:
    """359.5 degrees end where 0 does, within the tolerance of angles turned into degrees."""
    turns = (f"self.turn(right={reached / 2}, up=0.0)",) * 2
    for expected, success in (
        ({"must": [{"event": "turned"}], "final": {"pan": pan}}, right),
        ({"must": [{"event": "turned", "right": reached - 360}]}, False),
    ):
        case = replace(CASES["left-p1"], references=(turns,), expect=expected)
        completion = Completion("", "m", case.id, 0, Outcome.ANSWERED, json.dumps(turns))
        assert Scorer(TOY, [case]).score(completion).success is success


# ------------------------------------------------------------------ a robot module that is wrong

Broken = Callable[[str, str], Pack]


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Broken:
    """A copy of the toy whose robot module has one text replaced by another, named by a relative path."""
    monkeypatch.chdir(tmp_path)

    def make(old: str, new: str) -> Pack:
        shutil.copytree(TOY.root, "toy", ignore=shutil.ignore_patterns("__pycache__"))
        text = Path("toy/robot.py").read_text(encoding="utf-8")
        assert text.count(old) == 1
        Path("toy/robot.py").write_text(text.replace(old, new), encoding="utf-8")
        return load_pack("./toy")

    return make


def _place(pack: Pack, at: str) -> str:
    """File, and line of the first that holds a text, as an error begins."""
    path = (pack.root / "robot.py").absolute()
    lines = path.read_text(encoding="utf-8").split("\n")
    return f"{path}:{next(n for n, line in enumerate(lines, start=1) if at in line)}: " if at else f"{path}: "


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        (', "blink": blink}', "}", "", "the call 'blink' of the profile has no skill"),
        ("up: float) -> None", "tilt: float) -> None", "def turn", "'turn' takes right, tilt; the profile 'lamp'"),
        ("times: int)", "times: int, speed: int)", "def blink", "'blink' takes times, speed"),
        ('asks="ask"', 'asks="question"', "", "calls that stand alone are ask, refuse in the profile 'lamp', and"),
        ("ROBOT = Robot(", "LAMP = Robot(", "", "defines no ROBOT"),
        ("HIGHEST = 60", "HIGHEST = 60 +", "HIGHEST = 60 +", "is not valid Python"),
        ("HIGHEST = 60", "HIGHEST = sixty", "HIGHEST = sixty", "cannot be loaded: NameError"),
        ("from harness.simulation", "from nowhere", "from nowhere", "cannot be loaded: ModuleNotFoundError"),
    ],
)  # fmt: skip
def test_a_robot_module_that_does_not_fit_is_an_error_at_load(
    broken: Broken, old: str, new: str, at: str, message: str
) -> None:
    """With the module's file, and the line where one can be told."""
    pack = broken(old, new)
    with pytest.raises(InputError) as caught:
        load_scenes(pack)
    assert str(caught.value).startswith(_place(pack, at))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "at", "message"),
    [
        (("lamp.lit = on", 'lamp.lit = {}["x"]'), "lamp.lit =", "KeyError: 'x'"),
        (('emit("switched"', 'emit("flashed"'), "flashed", "emits the event 'flashed', which is not declared"),
        (('"switched", on=on)', '"switched", to=on)'), "to=on", "'switched' with to = True; declared are on (flag)"),
        (("on=on)", 'on="yes")'), 'on="yes"', "emits 'switched' with on = 'yes'; declared are on (flag)"),
        (("lamp.lit = on", 'lamp.refuse("R577", "")'), "R577", "refuses by the rule 'R577', which is not declared"),
        (('return {"lit": self.lit, "pan"', 'return {"pan"'), "def final", "differ in lit"),
        (('"pan": self.pan, ', '"pan": None, '), "def final", "final() gives pan = None, declared as angle"),
        (('scene.start["lit"]', 'scene.start["on"]'), "return Lamp", "KeyError: 'on'"),
        (("    start={", "    expected=lambda events, final: events / 2,\n    start={"), "events / 2", "TypeError"),
        (("    start={", "    spare=lambda events: events / 2,\n    start={"), "spare=lambda", "TypeError"),
    ],
)  # fmt: skip
def test_a_robot_module_that_fails_in_a_run_is_told_with_file_line_and_case(
    broken: Broken, capsys: pytest.CaptureFixture[str], change: tuple[str, str], at: str, message: str
) -> None:
    """It is an error for the user, never a traceback in the middle of a run, and `data check` finds it."""
    pack = broken(*change)
    with pytest.raises(InputError) as caught:
        score(pack, ON)
    assert str(caught.value).startswith(_place(pack, at))
    assert message in str(caught.value)
    assert "case 'on-p1'" in str(caught.value)
    assert main(["data", "check", "--pack", str(pack.root)]) == 1
    assert _place(pack, at) in capsys.readouterr().out


def test_a_role_that_cannot_be_told_is_an_error_of_the_module(broken: Broken) -> None:
    """It is asked for where an event was not wanted; with file, line and case."""
    pack = broken('{"on": Field(Kind.FLAG)}', '{"on": Field(Kind.FLAG)}, lambda event: event.fields["x"]')
    with pytest.raises(InputError, match=r"robot\.py:\d+: .*the role of 'switched': KeyError: 'x' \(case 'left-p1'\)"):
        score(pack, "['self.turn(right=-30.0, up=0.0)', 'self.light(on=True)']", "left-p1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('wrong=("self.blink(times=2)",)', 'wrong=("self.light(on=True)",)', "wrong example breaks nothing first"),
        ('right=(_ON, "self.blink(times=2)")', 'right=("self.blink(times=2)",)', "right example breaks R502"),
        ('wrong=("self.blink(times=2)",)', "wrong=()", "needs a wrong and a right example"),
        ('"Switch the light on before blink, unless it is said to be on."', '""', "no sentence for the model"),
        ('wrong=("self.blink(times=2)",)', 'wrong=("self.blink(times=99)",)', "the checks refuse self.blink(times=99)"),
    ],
)
def test_data_check_tries_the_examples_of_every_rule(broken: Broken, old: str, new: str, message: str) -> None:
    """What is wrong with a rule is told where the rule stands."""
    pack = broken(old, new)
    (problem,) = check_cases(pack, pack.cases())
    assert f"{problem.path}:{problem.line}: " == _place(pack, '"R502": ')
    assert problem.case_id == "R502"
    assert message in problem.message


def test_a_pack_whose_robot_is_not_there_is_told(broken: Broken) -> None:
    """With the pack's file."""
    pack = broken("HIGHEST = 60", "HIGHEST = 60.0")
    Path("toy/robot.py").unlink()
    with pytest.raises(InputError, match=r"gonogo\.toml: there is no robot module 'robot'"):
        load_robot(pack)


def test_the_digest_tells_one_robot_module_from_another(broken: Broken) -> None:
    """Every file of a package counts; an edited module is loaded anew in the same process."""
    pack = broken("HIGHEST = 60", "HIGHEST = 61")
    assert robot_digest(pack) != robot_digest(TOY)
    text = Path("toy/robot.py").read_text(encoding="utf-8")
    Path("toy/robot.py").write_text(text.replace("HIGHEST = 61", "HIGHEST = 62 "), encoding="utf-8")
    assert load_robot(pack).rules["R501"].tell == "The head points at most 62 degrees up or down."
    assert load_robot(TOY).rules["R501"].tell == "The head points at most 60 degrees up or down."


def test_many_threads_load_one_module_whole(broken: Broken) -> None:
    """None of them sees a module that another is still running."""
    pack = broken("HIGHEST = 60", "import time; time.sleep(0.2); HIGHEST = 63")
    with ThreadPoolExecutor(8) as pool:
        robots = list(pool.map(load_robot, [pack] * 8))
    assert {len(robot.skills) for robot in robots} == {len(load_robot(TOY).skills)}
