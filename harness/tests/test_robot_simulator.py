"""The simulator: what each call does, which preconditions break, and that nothing can make it fail."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checks import Call
from harness.sdk.profile import CallSpec, Param, Profile, load_profile
from harness.simulation import Expectation, Trace, expect, judge, render_trace, simulate, with_start
from harness.simulation.load import robot_sources
from harness.simulation.rules import ENGINE_RULES
from harness.tests.go2_words import (
    ARRIVE,
    FORWARD,
    JUMP,
    PACK,
    PROFILE,
    ROBOT,
    SCENES,
    SECOND,
    SEEN,
    STOP,
    WAVE,
    bind,
    goal,
    look,
    run,
    spin,
    walk,
)

LEGACY = load_profile(PACK.root / "profiles" / "go2-legacy.json")
RULES = ROBOT.rules
LOOK, CHARGE, THREE = look("detect_person"), "self.wait_for_charge(level=60)", "self.wait(seconds=3.0)"
MOVED = ("moved", 0.5, 0.0, 0.0, 1.0, 0.5)  # metres forward and left, radians, seconds, the speed commanded


def happened(trace: Trace) -> list[tuple[Any, ...]]:
    """Events as tuples of their name and values, numbers rounded; the place where it is an event's own."""
    places = {"passed", "arrived", "cancelled", "performed", "looked", "photographed", "unfinished"}
    return [
        (event.name, *(round(value, 6) if isinstance(value, float) else value for name, value in event.fields.items()
                       if name != "under_way" and (name != "room" or event.name in places)))
        for event in trace.events
    ]  # fmt: skip


# Rows: commands, start, events, parts of the final state.
MOVE = "self.sport_client.Move(vx={vx}, vy=0.0, vyaw={vyaw})"
ROUND = [("arrived", "mailroom"), ("passed", "lobby"), ("passed", "mezzanine"), ("arrived", "canteen")]
TO_DOCK = [goal("charging_dock"), ARRIVE, "self.dock(dock_id='main_dock')"]
TOUR = [goal("canteen"), ARRIVE, look("count_objects", "chair"), SEEN, goal("lobby"), ARRIVE]


@pytest.mark.parametrize(
    ("commands", "start", "events", "final"),
    [
        (TOUR, {},
         [("passed", "mezzanine"), ("arrived", "canteen"), ("looked", "count_objects", "chair", "canteen", 30),
          ("passed", "mezzanine"), ("arrived", "lobby")], {"location": "lobby"}),
        # a Move lasts one second, however long the wait, and runs out where nothing waits
        ([FORWARD, THREE, STOP], {}, [MOVED, ("waited", 2.0)], {}),
        ([FORWARD], {}, [MOVED], {}),
        # motion is speed times time with its sign: forward, left and counter-clockwise are positive (REP-103)
        (walk(0.5, 2), {}, [("moved", 1.0, 0.0, 0.0, 2.0, 0.5)], {}),
        (walk(0.0, 1, 0.25), {}, [("moved", 0.0, 0.25, 0.0, 1.0, 0.25)], {}),
        ([MOVE.format(vx=-0.3, vyaw=0.5), "self.wait(seconds=0.5)", STOP], {},
         [("moved", -0.15, 0.0, 0.25, 0.5, 0.3)], {}),
        ([*walk(0.5, 1), *walk(-0.5, 1)], {}, [MOVED, ("moved", -0.5, 0.0, 0.0, 1.0, 0.5)], {}),
        # one call for a round is one goal a room
        (["self.follow_waypoints(rooms=['mailroom', 'canteen'])", ARRIVE], {}, ROUND, {"location": "canteen"}),
        ([goal("mailroom"), ARRIVE, goal("canteen"), ARRIVE], {}, ROUND, {"location": "canteen"}),
        # the same way on is one event, the other way another
        ([*spin(1.571), *spin(1.571)], {}, [("turned", 3.142)], {}),
        ([*spin(1.571), *spin(-1.571)], {}, [("turned", 1.571), ("turned", -1.571)], {"heading": 0.0}),
        (spin(4.712), {}, [("turned", 4.712)], {"heading": 4.712 - math.tau}),
        (["self.wait(seconds=60.0)"] * 2, {}, [("waited", 120.0)], {}),
        ([WAVE, "self.wait(seconds=5.0)"], {}, [("performed", "wave", "lobby"), ("waited", 2.0)], {}),
        ([JUMP, THREE], {}, [("performed", "jump_forward", "lobby")], {}),
        # what is not waited for is left unfinished
        ([goal("kitchen")], {}, [("unfinished", "navigation", "kitchen")], {"location": "on_the_way"}),
        ([LOOK], {}, [("unfinished", "perception", "lobby")], {}),
        (["self.dock(dock_id='main_dock')"], {"location": "charging_dock"},
         [("unfinished", "docking", "charging_dock")], {}),
        # on the dock it lies and charges; undocking frees it; charging never lowers the battery
        ([CHARGE, "self.undock()"], {"docked": True, "battery": 12}, [("charged", 60), ("undocked",)],
         {"battery": 60, "posture": "balanced"}),
        ([CHARGE], {"docked": True, "battery": 90}, [("charged", 60)], {"battery": 90}),
        # cancelled on the way, it is nowhere in particular and able to go elsewhere
        (["self.cancel_navigation()", goal("lobby"), ARRIVE], {"driving_to": "canteen"},
         [("cancelled", "canteen"), ("arrived", "lobby")], {}),
        # an emergency stop ends whatever runs
        (["self.sport_client.Damp()"], {"driving_to": "canteen"}, [("cancelled", "canteen"), ("posture", "damped")],
         {"location": "on_the_way"}),
        # after a jump the joints are locked; a StopMove resets the speed level
        ([JUMP, THREE, "self.sport_client.BalanceStand()", FORWARD], {},
         [("performed", "jump_forward", "lobby"), ("posture", "balanced"), MOVED], {"posture": "balanced"}),
        ([JUMP, THREE], {}, [("performed", "jump_forward", "lobby")], {"posture": "locked"}),
        ([STOP], {"speed_level": 1}, [("stopped",)], {"speed_level": 0}),
        (["self.sport_client.Move(vx=0.0, vy=0.0, vyaw=0.0)"], {"speed_level": 1}, [("stopped",)], {"speed_level": 1}),
        # speed and gait may change on the way, and a trick go on while a look is pending
        (["self.sport_client.SpeedLevel(level=-1)", "self.sport_client.FreeWalk()", ARRIVE], {"driving_to": "corridor"},
         [("speed_level", -1), ("gait", "agile"), ("arrived", "corridor")], {"speed_level": -1, "gait": "agile"}),
        ([LOOK, WAVE, SEEN], {}, [("performed", "wave", "lobby"), ("looked", "detect_person", "", "lobby", 0)], {}),
    ],
)  # fmt: skip
def test_what_the_robot_does(
    commands: list[str], start: dict[str, Any], events: list[tuple[Any, ...]], final: dict[str, Any]
) -> None:
    """Commands that run without a broken rule give these events in order and end like this."""
    trace = run(*commands, **start)
    assert not trace.broken
    assert happened(trace) == events
    assert {key: trace.final[key] for key in final} == pytest.approx(final, abs=1e-6)


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ([JUMP, THREE, FORWARD], "R501"),
        ([WAVE, LOOK, SEEN], "R509"),
        ([LOOK, "self.wait_for_perception(timeout_sec=0.9)"], "R519"),
        ([LOOK, "self.wait_for_perception(timeout_sec=1.0)"], ""),
        ([*TO_DOCK, "self.wait_for_docking(timeout_sec=4.9)"], "R519"),
        ([*TO_DOCK, "self.wait_for_docking(timeout_sec=5.0)"], ""),
    ],
)
def test_what_is_too_early_or_too_short_is_refused(commands: list[str], code: str) -> None:
    """Motion on locked joints, a look during a trick, and timeouts in which nothing can be seen or docked."""
    assert [one.code for one in run(*commands).broken][:1] == ([code] if code else [])


def around(*commands: str, **start: Any) -> list[tuple[Any, ...]]:
    """Name, place and whether under way of each event that is neither an arrival nor a motion."""
    return [
        (event.name, event.fields["room"], event.fields.get("under_way", False))
        for event in run(*commands, **start).events
        if event.name not in {"passed", "arrived", "turned", "moved", "docked"}
    ]


def test_every_event_has_its_place_and_whether_it_was_under_way() -> None:
    """Speech and settings on the way to a room, in a turn, during a Move and while docking, and at rest."""
    hello, volume = "self.say(text='hello')", "self.vui_client.SetVolume(level=3)"
    plan = [hello, goal("canteen"), volume, "self.wait(seconds=2.0)", ARRIVE]
    plan += [hello, "self.spin(angle=1.0)", volume, ARRIVE]
    assert around(*plan) == [
        ("said", "lobby", False), ("volume", "on_the_way", True), ("waited", "on_the_way", True),
        ("said", "canteen", False), ("volume", "canteen", True),
    ]  # fmt: skip
    assert around(FORWARD, hello, SECOND, volume) == [("said", "lobby", True), ("volume", "lobby", False)]
    assert around(*TO_DOCK, hello, "self.wait_for_docking()", volume) == [
        ("said", "charging_dock", True), ("volume", "charging_dock", False)
    ]  # fmt: skip
    assert around(hello, driving_to="canteen")[0] == ("said", "on_the_way", True)
    assert {event.fields["room"] for event in run(*TO_DOCK).events} <= {*SCENES["office"].rooms}


def test_every_rule_of_the_robot_has_examples_and_is_refused_by_and_the_other_way_round() -> None:
    """The codes in the robot module's source are those of its rules."""
    refused: set[str] = set()
    for path in robot_sources(ROBOT.path):
        refused |= set(re.findall(r'refuse\(\s*"(R\d{3})"', path.read_text(encoding="utf-8")))
    assert refused == {code for code, rule in RULES.items() if rule.wrong} - set(ENGINE_RULES)
    assert set(RULES) == refused | set(ENGINE_RULES)


def test_a_broken_precondition_names_its_rule_and_the_state_that_broke_it() -> None:
    """Moving needs a posture, jumping battery and space: the finding tells posture and place."""
    for start in ({"battery": 15}, {"clear_space": 1.0}):
        assert [one.code for one in run(JUMP, THREE, **start).broken] == ["R517"]
    (broken,) = run(FORWARD, posture="lying").broken
    assert (broken.code, "lying" in broken.message) == ("R501", True)
    assert broken.state.startswith("lying in lobby")


def test_a_call_without_meaning_is_a_finding_and_steps_are_budgeted() -> None:
    """A profile may allow more than the simulator knows; the simulation ends at the budget and says so."""
    trace = simulate([Call("sport_client.BodyHeight", {"height": 0.0})], SCENES["home"])
    assert [b.code for b in trace.broken] == ["R598"]
    trace = simulate(bind(["self.capture_image()"] * 10), SCENES["home"], budget=4)
    assert (trace.exhausted, trace.broken[-1].code, len(trace.events)) == (True, "R599", 4)


def test_the_rendering_shows_calls_events_and_broken_state_and_no_control_characters() -> None:
    """What `gonogo try` prints is safe on a terminal."""
    text = render_trace(run(goal("kitchen"), ARRIVE, ARRIVE), ["go\x1b[2J", "wait", "wait\u202e"])
    assert all(part in text for part in ("passed room=corridor", "R504", "\\x1b[2J"))
    assert not {"\x1b", "\u202e"} & set(text)


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
    *({}, {"docked": True}, {"driving_to": "kitchen"}),
    *({"posture": posture} for posture in ("lying", "sitting", "fallen", "damped", "locked")),
]
EXPECTATIONS = [expect(case, SCENES, bind) for case in PACK.cases()[::25]]


@settings(max_examples=120)
@given(
    calls=st.one_of(_calls(PROFILE), _calls(LEGACY)),
    start=st.sampled_from(STARTS),
    expectation=st.sampled_from(EXPECTATIONS),
)
def test_any_sequence_of_profile_calls_runs_and_is_judged_the_same_twice(
    calls: list[Call], start: dict[str, Any], expectation: Expectation
) -> None:
    """No allowed sequence raises, nothing in a run leaks into the next, and a failure has its reason."""
    scene = with_start(SCENES["office"], start)
    first = simulate(calls, scene)
    assert simulate(calls, scene) == first
    assert all(0 <= event.item <= len(calls) for event in first.events)
    assert all(broken.code in RULES for broken in first.broken)
    assert render_trace(first, [call.path for call in calls])
    trace = simulate(calls, expectation.scene)
    failure = judge(trace, expectation)
    assert judge(trace, expectation) == failure
    assert failure is None or failure.reason
