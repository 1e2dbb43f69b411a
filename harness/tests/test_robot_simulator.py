"""The simulator: what each call does, which preconditions break, and that nothing can make it fail."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checks import Call, check_answer
from harness.pack import load_pack
from harness.sdk.profile import CallSpec, Param, Profile, load_profile
from harness.simulation import Expectation, Trace, expect, judge, load_scenes, render_trace, simulate
from harness.simulation.load import robot_sources
from harness.simulation.rules import ENGINE_RULES
from harness.simulation.scene import with_start

PACK = load_pack("go2")
PROFILE = load_profile(PACK.profile)
LEGACY = load_profile(PACK.root / "profiles" / "go2-legacy.json")
SCENES = load_scenes(PACK, PROFILE)
ROBOT = SCENES["office"].robot
RULES = ROBOT.rules

FORWARD = "self.sport_client.Move(vx=0.5, vy=0.0, vyaw=0.0)"
SECOND = "self.wait(seconds=1.0)"
STOP = "self.sport_client.StopMove()"
ARRIVE = "self.wait_for_navigation()"


def goal(room: str) -> str:
    """A navigation goal."""
    return f"self.nav_publisher.publish(self.create_nav_goal(room='{room}'))"


def bind(commands: Sequence[str]) -> tuple[Call, ...]:
    """Bound calls, as the checks give them for each command alone."""
    return tuple(call for one in commands for call in check_answer(json.dumps([one]), PROFILE).calls or ())


def run(*commands: str, scene: str = "office", **start: Any) -> Trace:
    """The trace of commands in a scene with its start changed."""
    calls = bind(commands)
    assert len(calls) == len(commands)
    return simulate(calls, with_start(SCENES[scene], start))


def happened(trace: Trace) -> list[tuple[Any, ...]]:
    """Events as tuples of their name and values, numbers rounded."""
    return [
        (event.name, *(round(v, 6) if isinstance(v, float) else v for v in event.fields.values()))
        for event in trace.events
    ]


def test_the_command_of_the_brief_gives_its_events_in_order() -> None:
    """Kitchen, red ball, living room: arrival, look with what is there, return."""
    trace = run(
        goal("kitchen"),
        ARRIVE,
        "self.perception_client.call_async(self.create_perception_request(task='find_object', object_name='red ball'))",
        "self.wait_for_perception()",
        goal("living_room"),
        ARRIVE,
        scene="home",
    )
    assert not trace.broken
    assert happened(trace) == [
        ("passed", "dining_room"),
        ("arrived", "kitchen"),
        ("looked", "find_object", "red ball", "kitchen", 1),
        ("passed", "dining_room"),
        ("arrived", "living_room"),
    ]
    assert trace.final["location"] == "living_room"


@pytest.mark.parametrize("code", [code for code, rule in RULES.items() if rule.wrong])
def test_each_code_has_a_wrong_example_that_breaks_it_and_a_right_one_that_does_not(code: str) -> None:
    """The examples shown by `gonogo explain` are what they say."""
    rule = RULES[code]
    assert run(*rule.wrong, **rule.start).broken[0].code == code
    assert not run(*rule.right, **rule.start).broken
    assert rule.tell.endswith(".")


def test_every_rule_of_the_robot_has_examples_and_is_refused_by_and_the_other_way_round() -> None:
    """The codes in the robot module's source are those of its rules."""
    refused: set[str] = set()
    for path in robot_sources(ROBOT.path):
        refused |= set(re.findall(r'refuse\(\s*"(R\d{3})"', path.read_text(encoding="utf-8")))
    assert refused == {code for code, rule in RULES.items() if rule.wrong} - set(ENGINE_RULES)
    assert set(RULES) == refused | set(ENGINE_RULES)


def test_jumping_needs_battery_and_space() -> None:
    """R517 depends on the scene."""
    jump = ("self.sport_client.FrontJump()", "self.wait(seconds=3.0)")
    assert [b.code for b in run(*jump, battery=15).broken] == ["R517"]
    assert [b.code for b in run(*jump, clear_space=1.0).broken] == ["R517"]
    assert not run(*jump).broken


def test_a_call_without_meaning_is_a_finding() -> None:
    """A profile may allow more than the simulator knows."""
    trace = simulate([Call("sport_client.BodyHeight", {"height": 0.0})], SCENES["home"])
    assert [b.code for b in trace.broken] == ["R598"]


def test_steps_are_budgeted() -> None:
    """The simulation ends at the budget and says so, whatever the list holds."""
    trace = simulate(bind(["self.capture_image()"] * 10), SCENES["home"], budget=4)
    assert trace.exhausted
    assert trace.broken[-1].code == "R599"
    assert len(trace.events) == 4


def test_a_broken_precondition_names_the_state_that_broke_it() -> None:
    """Move while lying: the finding tells posture and place."""
    (broken,) = run(FORWARD, posture="lying").broken
    assert broken.code == "R501"
    assert "lying" in broken.message
    assert broken.state.startswith("lying in lobby")


@pytest.mark.parametrize(
    ("velocity", "seconds", "expected"),
    [
        ((0.5, 0.0, 0.0), [1.0, 1.0], (1.0, 0.0, 0.0)),
        ((-0.3, 0.0, 0.0), [1.0, 1.0, 0.5], (-0.75, 0.0, 0.0)),
        ((0.0, 0.25, 0.0), [1.0], (0.0, 0.25, 0.0)),
        ((0.0, -0.25, 0.0), [0.4], (0.0, -0.1, 0.0)),
        ((0.4, 0.0, 0.5), [1.0, 1.0], (0.8, 0.0, 1.0)),
    ],
)
def test_motion_is_speed_times_time_with_its_sign(
    velocity: tuple[float, float, float], seconds: list[float], expected: tuple[float, float, float]
) -> None:
    """REP-103: forward, left and counter-clockwise are positive."""
    vx, vy, vyaw = velocity
    commands = []
    for span in seconds:
        commands += [f"self.sport_client.Move(vx={vx}, vy={vy}, vyaw={vyaw})", f"self.wait(seconds={span})"]
    (event,) = run(*commands, STOP).events
    fields = event.fields
    assert (fields["forward"], fields["left"], fields["turn"]) == pytest.approx(expected)
    assert fields["seconds"] == pytest.approx(sum(seconds))


def test_move_lasts_one_second_however_long_the_wait() -> None:
    """Three seconds of waiting after one Move walk for one second and idle for two."""
    assert happened(run(FORWARD, "self.wait(seconds=3.0)", STOP)) == [
        ("moved", 0.5, 0.0, 0.0, 1.0, 0.5),
        ("waited", 2.0),
    ]


def test_a_move_left_running_at_the_end_runs_out() -> None:
    """Without wait and StopMove the robot still goes on for its second."""
    assert happened(run(FORWARD)) == [("moved", 0.5, 0.0, 0.0, 1.0, 0.5)]


def test_there_and_back_are_two_movements() -> None:
    """Opposite directions do not cancel out to nothing."""
    back = FORWARD.replace("0.5", "-0.5")
    names = [(e.name, e.fields["forward"]) for e in run(FORWARD, SECOND, back, SECOND, STOP).events]
    assert names == [("moved", 0.5), ("moved", -0.5)]


def test_quarter_turns_the_same_way_are_one_half_turn() -> None:
    """Two spins left equal one of twice the angle; left and right stay apart."""
    left, right = "self.spin(angle=1.571)", "self.spin(angle=-1.571)"
    assert happened(run(left, ARRIVE, left, ARRIVE)) == [("turned", 3.142)]
    assert happened(run(left, ARRIVE, right, ARRIVE)) == [("turned", 1.571), ("turned", -1.571)]


def test_heading_follows_turns() -> None:
    """Three quarter turns left end a quarter turn right of the start."""
    trace = run("self.spin(angle=4.712)", ARRIVE)
    assert trace.final["heading"] == pytest.approx(4.712 - math.tau, abs=1e-6)


def test_waits_add_up_and_tricks_use_theirs() -> None:
    """Two minutes are two calls; a wave's three seconds are no idle waiting."""
    assert happened(run("self.wait(seconds=60.0)", "self.wait(seconds=60.0)")) == [("waited", 120.0)]
    assert happened(run("self.sport_client.Hello()", "self.wait(seconds=5.0)")) == [
        ("performed", "wave", "lobby"),
        ("waited", 2.0),
    ]


def test_waypoints_arrive_as_single_goals_do() -> None:
    """One call for a round and one goal a room give the same events."""
    together = run("self.follow_waypoints(rooms=['mailroom', 'canteen'])", ARRIVE)
    single = run(goal("mailroom"), ARRIVE, goal("canteen"), ARRIVE)
    assert happened(together) == happened(single)


def test_what_is_not_waited_for_is_unfinished() -> None:
    """A goal, a look and a docking that the list leaves behind are named at its end."""
    look = "self.perception_client.call_async(self.create_perception_request(task='detect_person'))"
    assert happened(run(goal("kitchen"))) == [("unfinished", "navigation", "kitchen")]
    assert happened(run(look)) == [("unfinished", "perception", "lobby")]
    trace = run(goal("charging_dock"), ARRIVE, "self.dock(dock_id='main_dock')")
    assert happened(trace)[-1] == ("unfinished", "docking", "charging_dock")


def test_a_day_on_the_dock() -> None:
    """Docked: it lies and charges; undocking frees it; charging never lowers the battery."""
    trace = run("self.wait_for_charge(level=60)", "self.undock()", goal("lobby"), ARRIVE, docked=True, battery=12)
    assert not trace.broken
    assert trace.final["battery"] == 60
    assert trace.final["posture"] == "balanced"
    assert run("self.wait_for_charge(level=60)", docked=True, battery=90).final["battery"] == 90


def test_cancelling_a_trip_leaves_the_robot_on_its_way() -> None:
    """Started while driving: cancelled, nowhere in particular, and able to go elsewhere."""
    trace = run("self.cancel_navigation()", goal("lobby"), ARRIVE, driving_to="canteen")
    assert happened(trace) == [("cancelled", "canteen"), ("arrived", "lobby")]


def test_speed_and_gait_may_change_on_the_way() -> None:
    """Slowing down while driving breaks no precondition, and neither does a trick while a look is pending."""
    look = "self.perception_client.call_async(self.create_perception_request(task='detect_person'))"
    assert not run(
        "self.sport_client.SpeedLevel(level=-1)", "self.sport_client.FreeWalk()", driving_to="canteen"
    ).broken
    assert not run(look, "self.sport_client.Hello()", "self.wait_for_perception()").broken


def test_an_emergency_stop_ends_whatever_runs() -> None:
    """Damp while driving: the trip is off, the legs limp, and nothing is left unfinished."""
    trace = run("self.sport_client.Damp()", driving_to="canteen")
    assert happened(trace) == [("cancelled", "canteen"), ("posture", "damped")]


def test_the_rendering_shows_calls_events_and_broken_state_and_no_control_characters() -> None:
    """What `gonogo try` prints is safe on a terminal."""
    trace = run(goal("kitchen"), ARRIVE, ARRIVE)
    text = render_trace(trace, ["go\x1b[2J", "wait", "wait\u202e"])
    assert "passed room=corridor" in text
    assert "R504" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J" in text


def test_the_simulator_knows_every_call_of_the_profile() -> None:
    """No allowed call is without meaning, and no skill is without a call."""
    allowed = {call.path for call in PROFILE.calls if call.tier != "deny" and not call.nested_only}
    assert allowed == set(ROBOT.skills)


def _value(param: Param, profile: Profile) -> st.SearchStrategy[Any]:
    """Any value that a parameter may have; rooms and docks both real and not."""
    if param.type.startswith("call:"):
        return _call(profile.by_path[param.type.removeprefix("call:")], profile)
    if param.enum:
        return st.sampled_from(param.enum)
    if param.type == "bool":
        return st.booleans()
    if param.type == "int":
        return st.integers(int(param.min or 0), int(param.max or 100))
    if param.type == "float":
        low = -10.0 if param.min is None else param.min
        return st.floats(low, param.max if param.max is not None else 10.0, allow_nan=False)
    words = st.sampled_from(["kitchen", "lobby", "charging_dock", "moon_base", "main_dock", "red ball", "ho\u0308i"])
    return st.lists(words, min_size=1, max_size=10).map(tuple) if param.type == "list[str]" else words


def _call(spec: CallSpec, profile: Profile) -> st.SearchStrategy[Call]:
    arguments = {param.name: _value(param, profile) for param in spec.params or ()}
    return st.fixed_dictionaries(arguments).map(lambda args: Call(spec.path, args))


def _calls(profile: Profile) -> st.SearchStrategy[list[Call]]:
    specs = [call for call in profile.calls if call.tier != "deny" and not call.nested_only]
    return st.lists(st.one_of([_call(spec, profile) for spec in specs]), max_size=25)


STARTS: list[dict[str, Any]] = [
    {},
    {"docked": True},
    {"driving_to": "kitchen"},
    *({"posture": posture} for posture in ("lying", "sitting", "fallen", "damped", "locked")),
]


@settings(max_examples=300, deadline=None)
@given(calls=st.one_of(_calls(PROFILE), _calls(LEGACY)), start=st.sampled_from(STARTS))
def test_any_sequence_of_profile_calls_runs_and_gives_the_same_trace_twice(
    calls: list[Call], start: dict[str, Any]
) -> None:
    """No allowed sequence raises, and nothing in a run leaks into the next."""
    scene = with_start(SCENES["office"], start)
    first = simulate(calls, scene)
    assert simulate(calls, scene) == first
    assert all(0 <= event.item <= len(calls) for event in first.events)
    assert all(broken.code in RULES for broken in first.broken)
    assert render_trace(first, [call.path for call in calls])


CASES = load_pack("go2").cases()[::25]
EXPECTATIONS = [expect(case, SCENES, bind) for case in CASES]


@settings(max_examples=200, deadline=None)
@given(calls=_calls(PROFILE), expectation=st.sampled_from(EXPECTATIONS))
def test_any_sequence_is_judged_and_a_failure_has_label_and_reason(calls: list[Call], expectation: Expectation) -> None:
    """The judge never raises, says the same twice, and names what is wrong whenever something is."""
    trace = simulate(calls, expectation.scene)
    first = judge(trace, expectation)
    assert judge(trace, expectation) == first
    assert first.success == (first.label is None) == (not first.reason)
