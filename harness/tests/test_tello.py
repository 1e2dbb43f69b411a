"""The Tello: what flights do, which lists it refuses, and which answers are the same flight."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.cases import Case
from harness.datacheck import check_cases
from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.score import Score, Scorer
from harness.simulation import Scene, Trace, load_scenes, simulate, with_inferred_start, with_start

PACK = load_pack("tello")
CASES = PACK.cases()
SCORER = Scorer(PACK, CASES)
FIELD = load_scenes(PACK)["field"]
UP: dict[str, Any] = {"flying": True, "height": 100}
SHORT = {"off": "tello.takeoff()", "land": "tello.land()", "ahead": "tello.move_forward(x=200)"}


def commands(text: str) -> list[str]:
    """A list written short: parted by semicolons, with words for the commonest calls."""
    return [f"self.{SHORT.get(one.strip(), one.strip())}" for one in text.split(";")]


def fly(text: str, scene: Scene = FIELD) -> Trace:
    """The trace of a list."""
    return simulate([call for one in commands(text) if (call := SCORER.bind_one(one))], scene)


def answered(reference: str, answer: str, **expect: Any) -> Score:
    """The score of an answer to a case with this reference."""
    case = Case("c", "c", "c", "Fly.", "execute", (tuple(commands(reference)),), scene="field", expect=expect)
    return Scorer(PACK, [case]).score(Completion("", "m", "c", 0, Outcome.ANSWERED, json.dumps(commands(answer))))


@pytest.mark.parametrize(
    ("text", "ahead", "left", "height", "heading"),
    [
        ("ahead", 200, 0, 100, 0),
        ("tello.rotate_clockwise(x=90); ahead", 0, -200, 100, 90),
        ("tello.rotate_counter_clockwise(x=90); ahead; tello.move_right(x=50)", 50, 200, 100, 270),
        ("tello.go_xyz_speed(x=30, y=40, z=-20, speed=50); tello.move_up(x=50)", 30, 40, 130, 0),
        ("tello.rotate_clockwise(x=180); tello.move_back(x=100); tello.move_left(x=20)", 100, -20, 100, 180),
    ],
)
def test_where_a_flight_ends(text: str, ahead: float, left: float, height: int, heading: int) -> None:
    """Flights go along the drone's own axes, turned as it is; clockwise is to the right."""
    final = fly(text, with_start(FIELD, UP)).final
    assert final["ahead"] == pytest.approx(ahead)
    assert final["left"] == pytest.approx(left)
    assert (final["height"], final["heading"], final["flying"]) == (height, heading, True)


@pytest.mark.parametrize(
    ("text", "start", "codes"),
    [
        ("off; ahead; land", {}, []),
        ("ahead", {}, ["R501"]),
        ("land", {}, ["R501"]),
        ("off; off; land", {}, ["R502"]),
        ("off; ahead", {}, ["R504"]),
        ("ahead", UP, []),  # what others took off may stay in the air
        ("land; off; ahead", UP, ["R504"]),
        ("off; tello.move_down(x=60); land", {}, []),
        ("off; tello.move_down(x=61); land", {}, ["R503"]),
        ("tello.move_up(x=400)", UP | {"height": 600}, []),
        ("tello.move_up(x=401)", UP | {"height": 600}, ["R503"]),
        ("tello.move_up(x=150)", UP | {"ceiling": 300}, []),
        ("tello.go_xyz_speed(x=0, y=0, z=151, speed=20)", UP | {"ceiling": 300}, ["R503"]),
        ("off; land", {"ceiling": 120}, ["R503", "R501"]),
        ("off; land", {"battery": 19}, ["R505", "R501"]),
        ("tello.rotate_clockwise(x=90); land", UP | {"battery": 19}, ["R505"]),
        ("take_picture()", {}, ["R506"]),
        ("tello.streamon(); take_picture(); tello.streamoff(); take_picture()", {}, ["R506"]),
        ("take_picture()", {"streaming": True}, []),
        ("wait(seconds=15)", UP, []),
        ("wait(seconds=8); wait(seconds=8)", UP, ["R507"]),
        ("wait(seconds=8); tello.send_keepalive(); wait(seconds=8)", UP, []),
        ("wait(seconds=60)", {}, []),  # on the ground nothing comes of it
        ("tello.go_xyz_speed(x=19, y=-19, z=0, speed=50)", UP, ["R508"]),
        ("tello.go_xyz_speed(x=0, y=-20, z=0, speed=50)", UP, []),
    ],
)
def test_what_is_refused(text: str, start: dict[str, Any], codes: list[str]) -> None:
    """Each rule just broken and just kept."""
    assert [one.code for one in fly(text, with_start(FIELD, start)).broken] == codes


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("off; ahead; land", "off; tello.move_forward(x=70); tello.move_forward(x=130); land", True),
        ("off; ahead; land", "off; tello.go_xyz_speed(x=200, y=0, z=0, speed=70); land", True),
        ("off; ahead; land", "off; tello.set_speed(x=70); ahead; land", False),  # nobody asked for a speed
        ("off; ahead; land", "tello.streamon(); off; ahead; land", False),
        ("off; tello.set_speed(x=50); ahead; land", "tello.set_speed(x=50); off; ahead; land", True),
        ("off; tello.set_speed(x=50); ahead; land", "off; tello.go_xyz_speed(x=200, y=0, z=0, speed=50); land", True),
        ("off; tello.set_speed(x=50); ahead; land", "off; ahead; tello.set_speed(x=50); land", False),
        ("off; tello.set_speed(x=50); ahead; land", "off; ahead; land", False),
        ("off; ahead; tello.set_speed(x=50); land", "off; ahead; land", False),
        (
            "off; ahead; tello.streamon(); take_picture(); land",
            "tello.streamon(); off; ahead; take_picture(); land",
            True,
        ),
        ("tello.streamon(); take_picture()", "tello.streamon(); take_picture(); tello.streamoff()", False),
        ("tello.streamon()", "tello.query_battery()", False),
        ("off; tello.rotate_clockwise(x=180); land", "off; tello.rotate_counter_clockwise(x=180); land", False),
        ("off; wait(seconds=9); land", "off; wait(seconds=4); wait(seconds=5); land", True),
        ("off; wait(seconds=9); land", "off; wait(seconds=9); ahead; land", False),
        ("off; ahead; land", "off; ahead; land; tello.emergency()", False),
    ],
)
def test_which_answers_are_the_same_flight(reference: str, answer: str, right: bool) -> None:
    """Pieces, calls and the moment of a setting are free; what is flown, shown and left behind is not."""
    assert answered(reference, answer).success is right


def test_a_speed_that_nobody_gave_is_free_where_the_case_says_so() -> None:
    """A diagonal needs some speed."""
    slow, quick = (f"off; tello.go_xyz_speed(x=100, y=100, z=0, speed={speed}); land" for speed in (30, 90))
    assert not answered(slow, quick).success
    assert answered(slow, quick, motion="distance").success


def test_starts_that_cannot_be_are_refused_and_those_of_plans_are_guessed() -> None:
    """A height is for a drone in the air; a plan without takeoff begins there."""
    with pytest.raises(InputError, match="a drone on the ground has no height"):
        with_start(FIELD, {"height": 100})
    assert with_start(FIELD, {"flying": True}).start["height"] == 80
    plan = [call for one in commands("land; off; land; take_picture()") if (call := SCORER.bind_one(one))]
    assert not simulate(plan, with_inferred_start(FIELD, plan)).broken


def test_the_pack_is_fit_to_judge_by() -> None:
    """Every rule's examples, every reference."""
    assert list(check_cases(PACK, CASES)) == []
