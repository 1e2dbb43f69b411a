"""The arm's pack: fit to judge by, its card true to the cell, and what counts as the same motion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.cases import Case
from harness.datacheck import check_cases
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack, system_message
from harness.score import Score, Scorer
from harness.simulation import load_scenes, simulate, with_start

PACK = load_pack("xarm")
SCENES = load_scenes(PACK)
SCORER = Scorer(PACK, PACK.cases())
READY = ["motion_enable(enable=True)", "set_mode(mode=0)", "set_state(state=0)"]
OPEN, CLOSE = (f"set_gripper_g2_position(pos={mm}.0, wait=True)" for mm in (84, 0))


def to(**where: float) -> str:
    """A motion of the tip, waited for."""
    return f"set_position({', '.join(f'{name}={value}' for name, value in where.items())}, wait=True)"


def turn(**what: float) -> str:
    """A turn of one joint, waited for."""
    return f"set_servo_angle({', '.join(f'{name}={value}' for name, value in what.items())}, wait=True)"


CUBE = [to(x=300, y=-100, z=200), to(z=20), CLOSE]
TAKE = [*CUBE, to(z=200)]
TO_TRAY = [to(x=400, y=200), to(z=30), OPEN, to(z=200)]


def judged(case: Case, answer: list[str]) -> Score:
    """The score of an answer to a case."""
    return Scorer(PACK, [case]).score(Completion("", "m", case.id, 0, Outcome.ANSWERED, json.dumps(answer)))


def score(answer: list[str], reference: list[str], scene: str = "cell", **start: Any) -> Score:
    """The score of an answer to a case with that reference; calls without `self.arm.`."""
    wanted, given = ([f"self.arm.{one}" for one in calls] for calls in (reference, answer))
    start = {"ready": True, **start}
    return judged(Case("c", "c", "c", "Do it.", "execute", (tuple(wanted),), scene=scene, start=start), given)


def final(*calls: str, scene: str = "clear", **start: Any) -> Any:
    """The final state after calls, none of which breaks a rule."""
    bound = [call for one in calls if (call := SCORER.bind_one(f"self.arm.{one}"))]
    trace = simulate(bound, with_start(SCENES[scene], {"ready": True, **start}))
    assert len(bound) == len(calls)
    assert trace.broken == ()
    return trace.final


def test_the_pack_is_fit_to_judge_by() -> None:
    """Every rule is told and has its examples, and every reference passes."""
    assert [problem.message for problem in check_cases(PACK, PACK.cases())] == []


def test_the_card_tells_the_cell_that_is_simulated() -> None:
    """Each thing stands where the prompt says, in its size, and each place is where it says that it is."""
    card = system_message(PACK, "card")
    things = SCENES["cell"].start["things"]
    assert len(things) == 7
    for name, (x, y, height, width) in things.items():
        assert f"{name} {x}, {y}, {height} high, {width} wide" in card
    for name in SCENES["cell"].robot.names(SCENES["cell"])["place"]:
        # A thing that is said to be there is where the prompt puts the place.
        x, y, *_ = with_start(SCENES["cell"], {"things": {"red cube": name}}).start["things"]["red cube"]
        assert f"{name} {x}, {y}, z " in card


def test_joints_and_coordinates_are_of_one_arm() -> None:
    """The joint angles of a straight-down pose put the tip back there: joints 1 and 6 turn about the vertical."""
    assert final() == final("move_gohome(wait=True)", at=[500, 200, 300])
    end = final(turn(servo_id=1, angle=90.0))
    assert (end["x"], end["y"], end["z"]) == pytest.approx((0, 207, 240), abs=0.1)
    end = final(to(x=500, y=0), turn(servo_id=1, angle=-30.0, relative=True), to(z=300))
    assert (end["x"], end["y"], end["z"]) == pytest.approx((433, -250, 300), abs=0.1)
    # Back where it was after a motion of every joint that bends the arm.
    bent = [
        f"set_servo_angle(servo_id={joint}, angle={by}, relative=True)" for by in (-9.0, 9.0) for joint in (2, 3, 5)
    ]
    assert final(to(x=450, y=100, z=350), *bent) == pytest.approx(final(to(x=450, y=100, z=350)), abs=0.1)
    assert final(turn(servo_id=6, angle=90.0))["yaw"] == pytest.approx(-90, abs=0.1)


def test_every_point_within_reach_has_joint_angles() -> None:
    """All over the ring, each joint within its range, and forward kinematics lead back to the point."""
    still = [turn(servo_id=joint, angle=0.0, relative=True) for joint in range(1, 7)]
    for far in (175, 300, 450, 600):
        for at in ([far, 0, 0], [0, far, 170], [0, -far, 340], [-far, 0, 500]):
            end = final(*(still if at[2] >= 150 else still[5:]), at=at)
            assert [end[axis] for axis in "xyz"] == pytest.approx(at, abs=0.1)


@pytest.mark.parametrize(
    "answer",
    [
        [*READY, *TAKE, *TO_TRAY],
        [to(z=260), to(x=300, y=-100), to(z=100), *CUBE[1:], to(z=100), to(z=350), *TO_TRAY[:3], to(z=400)],
        [*TAKE, to(x=430, y=150, z=200), *TO_TRAY[1:3]],
        ["set_position(x=300.0, y=-100.0, z=200.0)", "set_position(z=20.0)", *TAKE[2:], *TO_TRAY],
    ],
)
def test_how_a_thing_is_carried_is_free(answer: list[str]) -> None:
    """At what height, in how many steps, whether waited for, and where within the tray."""
    assert score(answer, [*TAKE, *TO_TRAY]).success


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([*CUBE, to(z=200)], "did not happen: placed"),
        ([*TAKE, to(x=450, y=-100), to(z=60), OPEN], "on should be"),
        ([to(x=300, y=60, z=200), *TAKE[1:], *TO_TRAY], "thing should be"),
        ([*TAKE, *TO_TRAY, to(x=300, y=0)], "nobody asked for: moved"),
        ([*TAKE, to(x=500, y=0), *TO_TRAY], "nobody asked for: moved"),
        ([*TAKE, *TO_TRAY, "move_gohome(wait=True)"], "nobody asked for: homed"),
        ([*CUBE[:2], CLOSE.replace(", wait=True", ""), *TAKE[3:], *TO_TRAY], "R505"),
        ([*CUBE, to(x=400, y=200), *TO_TRAY], "R504"),
    ],
)
def test_what_is_done_to_a_thing_is_not(answer: list[str], reason: str) -> None:
    """Another thing, another place, a stop on the way or after it, a lift before the jaws have closed."""
    found = score(answer, [*TAKE, *TO_TRAY])
    assert not found.success
    assert reason in found.reason


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ([to(y=50, relative=True)], True),
        ([to(x=207, y=50)], True),
        ([to(y=25, relative=True), to(y=25, relative=True)], True),
        ([to(y=-50, relative=True)], False),
        ([to(y=60, relative=True)], False),
        ([to(y=50, relative=True), to(y=0)], False),
    ],
)
def test_one_motion_may_be_written_in_many_ways(answer: list[str], right: bool) -> None:
    """By how much or to where, at once or in parts; to another side or farther it is another motion."""
    assert score(answer, [to(y=50, relative=True)], scene="clear").success is right


def test_turning_points_count_and_points_on_the_way_do_not() -> None:
    """Up and over is two motions where the reference has both, and harmless where it has not."""
    over, both = [to(x=300, y=200)], [to(z=400), to(x=300, y=200, z=240)]
    assert score(both, over, scene="clear").success
    assert not score(over, both, scene="clear").success
    # There and back is no way to itself.
    assert not score([to(z=200)], [to(z=300), to(z=200)], scene="clear").success
    # Around the arm itself, by whatever point.
    ends = [to(x=200, y=-400, z=200), to(x=-100, y=400, z=200)]
    ways = [[ends[0], to(x=x, y=0), ends[1]] for x in (400, 500)]
    assert score(ways[0], ways[1], scene="clear").success


def test_the_speed_of_each_motion_counts() -> None:
    """It stays set until another is given, of joints as of the tip; unasked it does no harm."""
    slow, fast = to(x=400, speed=50), to(x=400, y=100, speed=90)
    assert score([slow, to(y=100)], [slow, to(y=100, speed=50)], scene="clear").success
    assert not score([to(x=400, speed=90), fast], [slow, fast], scene="clear").success
    assert score([slow], [to(x=400)], scene="clear").success
    joints = [turn(servo_id=1, angle=20.0, speed=10.0), turn(servo_id=6, angle=20.0)]
    assert score(joints, [joints[0], turn(servo_id=6, angle=20.0, speed=10.0)]).success
    assert not score([turn(servo_id=1, angle=20.0), joints[1]], joints).success


def test_a_moment_to_settle_does_no_harm() -> None:
    """Around a thing before it is taken, and after it was let go; a pause of its own is too much."""
    for pause, right in (("set_pause_time(sltime=1.0)", True), ("set_pause_time(sltime=3.0)", False)):
        for at in range(len(CUBE) + 1):
            taken = [*CUBE[:at], pause, *CUBE[at:], *TAKE[3:], *TO_TRAY]
            assert score(taken, [*TAKE, *TO_TRAY]).success is right, (pause, at)
        assert score([*TAKE, *TO_TRAY[:3], pause, TO_TRAY[3]], [*TAKE, *TO_TRAY]).success is right
    asked = [to(x=400, y=200, z=200), "set_pause_time(sltime=1.0)"]
    assert not score(asked[1:], asked).success


def test_degrees_and_radians_are_one_angle() -> None:
    """By the flag; without it a number of radians is another angle, and degrees with it no angle of a joint."""
    wanted = [turn(servo_id=1, angle=90.0)]
    assert score([turn(servo_id=1, angle=1.571, is_radian=True)], wanted).success
    assert not score([turn(servo_id=1, angle=1.571)], wanted).success
    assert "R509" in score([turn(servo_id=1, angle=90.0, is_radian=True)], wanted).reason
    assert score([to(yaw=-1.571, is_radian=True)], [to(yaw=-90)]).success


def test_what_the_command_leaves_open_about_power_is_open() -> None:
    """A reading may come with the arm made ready; switched off, or stopped, it has to end so."""
    reading = ["get_position()"]
    assert score([*READY, *reading], reading, ready=False).success
    off = ["motion_enable(enable=False)"]
    assert score(off, off).success
    assert not score([*off, *READY], off).success
    assert not score(reading, [*reading, "set_state(state=4)"]).success
    assert score(READY[2:], READY, paused=True).success


def test_an_expectation_speaks_of_the_arm_in_its_own_units() -> None:
    """Speeds in mm/s, lengths in mm or cm; the tolerance is the arm's, not that of a room."""
    must = {"event": "moved", "x": "30 cm", "speed": "50 mm/s"}
    given = [f"self.arm.{one}" for one in (to(x=300, speed=50),)]
    case = Case("c", "c", "c", "Go on.", "execute", (tuple(given),), "clear", {"must": [must]}, {"ready": True})
    assert judged(case, given).success
    for other in (to(x=310, speed=50), to(x=300, speed=60)):
        assert not judged(case, [f"self.arm.{other}"]).success


def test_a_question_may_name_what_stands_on_the_table() -> None:
    """Things and places of a cell without rooms, by which a question asks for what is missing."""
    case = next(case for case in PACK.cases() if case.id == "ask-001-p1")
    for question, right in (("Red or blue?", True), ("The marker?", True), ("How fast?", False)):
        assert judged(case, [f"self.ask_operator(question='{question}')"]).success is right


def test_what_cuts_a_motion_short_waits_for_it() -> None:
    """A stop, switching off or a reading on the way; an emergency stop and a pause need not wait."""
    away = "set_position(x=400.0)"
    for after, broken in (
        ("set_state(state=4)", ["R505"]),
        ("motion_enable(enable=False)", ["R505"]),
        ("get_position()", ["R505"]),
        ("set_state(state=3)", []),
        ("emergency_stop()", []),
    ):
        calls = [call for one in (away, after) if (call := SCORER.bind_one(f"self.arm.{one}"))]
        trace = simulate(calls, with_start(SCENES["clear"], {"ready": True}))
        assert [one.code for one in trace.broken] == broken


def test_a_start_that_cannot_be_is_told() -> None:
    """A thing of unknown size at a place, nothing to hold, a paused arm that is not ready."""
    for start, message in (
        ({"things": {"jar": "tray"}}, "none of the scene's things"),
        ({"holding": "jar"}, "no 'jar' to hold"),
        ({"paused": True}, "cannot be paused"),
        ({"at": [900, 0, 200]}, "cannot be [900, 0, 200]"),
    ):
        with pytest.raises(Exception, match=message.replace("[", r"\[").replace("]", r"\]")):
            with_start(SCENES["cell"], start)
