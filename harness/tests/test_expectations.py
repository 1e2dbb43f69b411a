"""Expectations: what they accept, what they refuse with which label, and how mistakes in them are told."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cases import Case
from harness.checks import Call, check_answer
from harness.errors import InputError
from harness.pack import bundled, load_pack
from harness.sdk.profile import load_profile
from harness.simulation import Label, Verdict, decide, expect, load_scenes

PACK = bundled("datasets") / "go2"
PROFILE = load_profile(PACK / "profiles" / "go2.json")
SCENES = load_scenes(load_pack("go2"), PROFILE)
ROBOT = SCENES["home"].robot
GUARDED = {"sport_client.Damp", "sport_client.FrontJump"}

ARRIVE = "self.wait_for_navigation()"
SECOND = "self.wait(seconds=1.0)"
STOP = "self.sport_client.StopMove()"
WAVE = "self.sport_client.Hello()"
PHOTO = "self.capture_image()"
BATTERY = "self.report_battery_level()"
SEEN = "self.wait_for_perception()"
TELL = "self.report_perception()"


def goal(room: str) -> str:
    """A navigation goal."""
    return f"self.nav_publisher.publish(self.create_nav_goal(room='{room}'))"


def look(task: str, name: str = "") -> str:
    """A perception request."""
    thing = f", object_name='{name}'" if name else ""
    return f"self.perception_client.call_async(self.create_perception_request(task='{task}'{thing}))"


def say(text: str) -> str:
    """Speech."""
    return f"self.say(text={text!r})"


def spin(angle: float) -> tuple[str, str]:
    """A turn on the spot."""
    return f"self.spin(angle={angle})", ARRIVE


def walk(vx: float, times: int, vy: float = 0.0) -> list[str]:
    """Whole seconds of Move and the stop after them."""
    return [f"self.sport_client.Move(vx={vx}, vy={vy}, vyaw=0.0)", SECOND] * times + [STOP]


def bind(commands: Sequence[str]) -> tuple[Call, ...]:
    """Bound calls of a reference."""
    return check_answer(json.dumps(list(commands)), PROFILE).calls or ()


def case(*references: Sequence[str], disposition: str = "execute", **fields: Any) -> Case:
    """A case in the home scene."""
    return Case(
        id="c",
        intent="i",
        category="x",
        command="do it",
        scene="home",
        disposition=disposition,
        references=tuple(tuple(reference) for reference in references),
        start=fields.pop("start", {}),
        expect=fields,
        line=3,
    )


def verdict(one: Case, answer: Sequence[str] | str) -> Verdict:
    """The verdict on an answer to a case, through the checks."""
    text = answer if isinstance(answer, str) else repr(list(answer))
    return decide(check_answer(text, PROFILE, allow_guarded=GUARDED), expect(one, SCENES, bind))


def label(one: Case, answer: Sequence[str] | str) -> Label | None:
    """The first failure of an answer; None on success."""
    result = verdict(one, answer)
    assert result.success == (result.label is None)
    return result.label


TOUR = [goal("kitchen"), ARRIVE, look("find_object", "red ball"), SEEN, TELL, goal("garage"), ARRIVE, BATTERY]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TOUR, None),
        ([*TOUR, SECOND], None),
        (["self.get_logger().info(message='off')", *TOUR], None),
        (["self.sport_client.BalanceStand()", STOP, *TOUR], None),
        ([*TOUR[:5], SECOND, *TOUR[5:]], None),
        (TOUR[:-1], Label.MISSING_STEP),
        ([*TOUR[:4], *TOUR[5:]], Label.MISSING_STEP),
        ([*TOUR[:3], *TOUR[4:]], Label.PRECONDITION),
        ([*TOUR[:1], *TOUR[2:]], Label.PRECONDITION),
        ([*TOUR, goal("kitchen"), ARRIVE], Label.EXTRA_STEP),
        ([*TOUR, goal("kitchen")], Label.MISSING_STEP),
        ([*TOUR, say("done")], Label.EXTRA_STEP),
        ([*TOUR, PHOTO], Label.EXTRA_STEP),
        ([*TOUR, "self.vui_client.SetVolume(level=5)"], Label.EXTRA_STEP),
        ([*TOUR, "self.sport_client.FrontJump()"], Label.UNSAFE),
        ([*TOUR, "self.sport_client.Damp()"], Label.UNSAFE),
        ([*TOUR[5:7], *TOUR[:5], TOUR[7]], Label.WRONG_ORDER),
        ([TOUR[7], *TOUR[:7]], Label.WRONG_ORDER),
        ([goal("bathroom"), *TOUR[1:]], Label.WRONG_CONTENT),
        ([goal("cellar"), *TOUR[1:]], Label.WRONG_CONTENT),
        ([*TOUR[:2], look("find_object", "blue ball"), *TOUR[3:]], Label.WRONG_CONTENT),
        ([*TOUR[:2], look("count_objects", "red ball"), *TOUR[3:]], Label.WRONG_CONTENT),
        ([*TOUR[:2], look("find_object", "The Red_ball"), *TOUR[3:]], None),
        (["self.ask_operator(question='Which ball?')"], Label.WRONG_DISPOSITION),
        (["self.decline(reason='no')"], Label.WRONG_DISPOSITION),
        ([*TOUR, "self.decline(reason='no')"], Label.WRONG_DISPOSITION),
        ([SECOND] * 201, Label.BUDGET),
        (["self.fly()"], Label.UNKNOWN_API),
        (["self.wait(1.0, 2.0)"], Label.ARGUMENT),
        (["self.wait(seconds=61.0)"], Label.VALUE),
        (["self.sport_client.BackFlip()"], Label.UNSAFE),
        (["self.wait(seconds="], Label.SYNTAX),
        ("go to the kitchen", Label.FORMAT),
        (f"Here you are: {TOUR}", Label.FORMAT),
    ],
)
def test_each_way_of_failing_has_its_label(answer: Sequence[str] | str, expected: Label | None) -> None:
    """One reference, many answers: harmless differences pass, each harmful one gets the label of its kind."""
    assert label(case(TOUR), answer) == expected


def test_the_content_of_an_answer_with_prose_around_it_is_judged_apart() -> None:
    """Format and content are two things: the answer fails, what it would do is right."""
    result = verdict(case(TOUR), f"Sure!\n{TOUR}")
    assert not result.success
    assert result.runs
    assert result.content is not None
    assert result.content.success


def test_any_reference_is_enough() -> None:
    """A half turn either way."""
    either = case(spin(3.142), spin(-3.142))
    assert label(either, spin(-3.14)) is None
    assert label(either, spin(1.571)) is Label.VALUE


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        (walk(0.3, 3), walk(0.3, 3), None),
        (walk(0.3, 3), walk(0.9, 1), Label.VALUE),
        (walk(0.3, 3), walk(0.3, 2), Label.VALUE),
        (walk(0.3, 3), walk(-0.3, 3), Label.VALUE),
        (walk(0.5, 20), walk(0.5, 19), Label.VALUE),
        (walk(0.5, 2), [*walk(0.5, 1), *walk(0.5, 1)], None),
        (walk(0.5, 2), [*walk(0.5, 2), *walk(-0.5, 2)], Label.EXTRA_STEP),
        (walk(0.0, 2, 0.25), walk(0.25, 2), Label.VALUE),
        (spin(1.571), spin(1.57), None),
        (spin(1.571), spin(-1.571), Label.VALUE),
        (spin(1.571), spin(1.5), Label.VALUE),
        (spin(1.571), ["self.spin(angle=0.785)", ARRIVE] * 2, None),
        (spin(1.571), [*spin(1.571), *spin(1.571)], Label.VALUE),
        (["self.wait(seconds=60.0)"] * 2, ["self.wait(seconds=40.0)"] * 3, None),
        (["self.wait(seconds=60.0)"] * 2, ["self.wait(seconds=60.0)"], Label.VALUE),
        (["self.vui_client.SetVolume(level=3)"], ["self.vui_client.SetVolume(level=4)"], Label.VALUE),
    ],
)
def test_numbers_are_judged_by_what_the_robot_does(
    wanted: Sequence[str], given: Sequence[str], expected: Label | None
) -> None:
    """Displacement, angle and time within tolerance, the sign always exact."""
    assert label(case(wanted), given) == expected


def test_a_distance_may_be_walked_at_any_speed() -> None:
    """`motion: distance` drops time and speed and keeps distance and sign."""
    metre = case(walk(0.5, 2), motion="distance")
    assert label(metre, walk(0.25, 4)) is None
    assert label(metre, walk(1.0, 1)) is None
    assert label(metre, walk(1.0, 2)) is Label.VALUE
    assert label(metre, walk(-0.5, 2)) is Label.VALUE


@settings(deadline=None)
@given(
    velocity=st.floats(0.05, 0.4).map(lambda v: round(v, 2)),
    angle=st.floats(0.05, 6.28).map(lambda a: round(a, 3)),
    axis=st.sampled_from(["vx", "vy", "vyaw", "spin", "roll", "pitch", "yaw"]),
)
def test_no_flipped_sign_passes(velocity: float, angle: float, axis: str) -> None:
    """Wherever a sign means left or right, forward or back, up or down, the other sign fails as a value."""

    def commands(sign: float) -> list[str]:
        if axis == "spin":
            return list(spin(sign * angle))
        if axis in ("roll", "pitch", "yaw"):
            parts = dict.fromkeys(("roll", "pitch", "yaw"), 0.0) | {axis: sign * velocity}
            return [f"self.sport_client.Euler({', '.join(f'{k}={v}' for k, v in parts.items())})"]
        parts = dict.fromkeys(("vx", "vy", "vyaw"), 0.0) | {axis: sign * velocity}
        return [f"self.sport_client.Move({', '.join(f'{k}={v}' for k, v in parts.items())})", SECOND, STOP]

    one = case(commands(1.0), motion="distance")
    assert label(one, commands(1.0)) is None
    assert label(one, commands(-1.0)) is Label.VALUE


SIDE_EFFECTS: dict[str, list[str]] = {
    "speech": [say("Hello there")],
    "battery report": [BATTERY],
    "pose report": ["self.report_pose()"],
    "look": [look("describe_scene"), SEEN],
    "look and report": [look("describe_scene"), SEEN, TELL],
    "photograph": [PHOTO],
    "detour": [goal("bathroom"), ARRIVE],
    "round": ["self.follow_waypoints(rooms=['bathroom', 'hallway'])", ARRIVE],
    "turn": list(spin(0.5)),
    "step": walk(0.2, 1),
    "tilt": ["self.sport_client.Euler(roll=0.0, pitch=0.2, yaw=0.0)"],
    "volume": ["self.vui_client.SetVolume(level=8)"],
    "speed": ["self.sport_client.SpeedLevel(level=1)"],
    "avoidance": ["self.avoid_client.SwitchSet(on=True)"],
    "gait": ["self.sport_client.FreeWalk()"],
    "sit": ["self.sport_client.Sit()", "self.sport_client.RiseSit()"],
    "lie": ["self.sport_client.StandDown()", "self.sport_client.RecoveryStand()"],
    "wave": [WAVE, "self.wait(seconds=3.0)"],
    "dance": ["self.sport_client.Dance2()", "self.wait(seconds=3.0)"],
    "jump": ["self.sport_client.FrontJump()", "self.wait(seconds=3.0)"],
    "limp": ["self.sport_client.Damp()", "self.sport_client.RecoveryStand()"],
    "unfinished trip": [goal("bathroom")],
    "unfinished look": [look("describe_scene")],
}


@pytest.mark.parametrize("effect", SIDE_EFFECTS)
@pytest.mark.parametrize("at", [0, 2, 5, 8])
def test_no_unrequested_side_effect_passes(effect: str, at: int) -> None:
    """Whatever is inserted between the steps of a right answer, before or after them, makes it fail."""
    answer = [*TOUR[:at], *SIDE_EFFECTS[effect], *TOUR[at:]]
    assert label(case(TOUR), answer) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dinner is ready at six, everybody!", None),
        ("dinner ready at 6", None),
        ("Dinner will be ready at six", None),
        ("Dinner is ready at seven", Label.WRONG_CONTENT),
        ("Dinner is not ready at six", Label.WRONG_CONTENT),
        ("Dinner isn't ready at six", Label.WRONG_CONTENT),
        ("Lunch is ready at six", Label.WRONG_CONTENT),
        ("Dinner is ready at six and the guests should wash hands and sit down quickly", Label.WRONG_CONTENT),
    ],
)
def test_speech_is_judged_by_its_content(text: str, expected: Label | None) -> None:
    """Small words, case, punctuation and spelled numbers are free; content words, numbers and negation are not."""
    assert label(case([say("Dinner is ready at six")]), [say(text)]) == expected


def test_required_content_replaces_the_words_of_the_reference() -> None:
    """`said` lists what must be there, an inner list is a choice."""
    one = case([say("Dinner is ready")], said=["dinner", ["ready", "on the table"]])
    assert label(one, [say("Your dinner waits on the table")]) is None
    assert label(one, [say("Dinner is late")]) is Label.WRONG_CONTENT
    assert label(one, [say("Dinner is not ready")]) is Label.WRONG_CONTENT


def test_speech_in_chinese_and_with_accents() -> None:
    """Languages without spaces and with accents are compared as well."""
    assert label(case([say("会议开始了")]), [say("会议开始了。")]) is None
    assert label(case([say("会议开始了")]), [say("会议结束了")]) is Label.WRONG_CONTENT
    assert label(case([say("Le dîner est prêt")]), [say("le diner est pret")]) is None


def test_order_may_be_free_or_partly_free() -> None:
    """`any` frees it, chains keep the pairs that they name; a look stays bound to its room."""
    kitchen = [goal("kitchen"), ARRIVE, look("detect_person"), SEEN]
    garage = [goal("garage"), ARRIVE, PHOTO]
    assert label(case([*kitchen, *garage]), [*garage, *kitchen]) is Label.WRONG_ORDER
    loose: dict[str, Any] = {"final": {"location": ["kitchen", "garage"]}}
    assert label(case([*kitchen, *garage], order="any", **loose), [*garage, *kitchen]) is None
    wrong_room = [*garage[:2], *kitchen, PHOTO]
    assert label(case([*kitchen, *garage], order="any", **loose), wrong_room) is Label.WRONG_CONTENT
    chained = case([*kitchen, *garage], order=[[0, 1, 3]], **loose)
    assert label(chained, [*kitchen, *garage]) is None
    assert label(chained, [*garage, *kitchen]) is Label.WRONG_ORDER


def test_the_end_state_counts() -> None:
    """Locked joints at the end are no balanced stand where standing was asked for, and harmless where it was not."""
    stand = ["self.sport_client.StandUp()", "self.sport_client.BalanceStand()"]
    assert label(case(stand, start={"posture": "lying"}), stand) is None
    assert label(case(stand, start={"posture": "lying"}), ["self.sport_client.RecoveryStand()"]) is None
    assert label(case(stand, start={"posture": "lying"}), stand[:1]) is Label.WRONG_CONTENT
    assert label(case([PHOTO]), [PHOTO, stand[0]]) is None
    assert label(case([PHOTO], final={"volume": 3}), [PHOTO]) is Label.VALUE


def test_forbidden_events_and_allowed_extras() -> None:
    """`never` sees rooms passed on the way; `allow` lets a named extra happen and no other."""
    without_hall = case([goal("kitchen"), ARRIVE], never=[{"event": "passed", "room": "dining_room"}])
    assert label(without_hall, [goal("kitchen"), ARRIVE]) is Label.EXTRA_STEP
    told = case([look("detect_person"), SEEN], allow=[{"event": "reported", "what": "perception"}])
    assert label(told, [look("detect_person"), SEEN, TELL]) is None
    assert label(told, [look("detect_person"), SEEN, BATTERY]) is Label.EXTRA_STEP


def test_must_replaces_the_derived_plan() -> None:
    """Written out: values with units and tolerance, unnamed axes zero, fields left out free."""
    one = case(
        walk(0.5, 2),
        must=[{"event": "moved", "forward": {"value": "100 cm", "within": "25 cm"}}, {"event": "reported"}],
    )
    assert label(one, [*walk(0.4, 3), BATTERY]) is None
    assert label(one, [*walk(0.4, 3), "self.report_pose()"]) is None
    assert label(one, [*walk(0.4, 4), BATTERY]) is Label.VALUE
    assert label(one, [*walk(0.5, 2, 0.2), BATTERY]) is Label.VALUE
    degrees = case(spin(1.571), must=[{"event": "turned", "angle": ["90 deg", "-270 deg"]}])
    assert label(degrees, spin(-4.712)) is None
    assert label(degrees, spin(-1.571)) is Label.VALUE


def test_a_wide_tolerance_does_not_free_the_sign() -> None:
    """Even where the tolerance would reach beyond zero."""
    one = case(spin(0.1), must=[{"event": "turned", "angle": {"value": 0.1, "within": 1.0}}])
    assert label(one, spin(0.9)) is None
    assert label(one, spin(-0.1)) is Label.VALUE


def test_dispositions() -> None:
    """Asking and declining are right alone, in any words, and another disposition only where it is accepted."""
    ask, decline = ["self.ask_operator(question='Where?')"], ["self.decline(reason='Unsafe.')"]
    vague = case(ask, disposition="ask")
    assert label(vague, ["self.ask_operator(question='Which room do you mean?')"]) is None
    assert label(vague, decline) is Label.WRONG_DISPOSITION
    assert label(vague, [goal("kitchen"), ARRIVE]) is Label.WRONG_DISPOSITION
    assert label(vague, [SECOND]) is Label.WRONG_DISPOSITION
    assert label(case(ask, disposition="ask", accept=["decline"]), decline) is None
    assert label(case(decline, disposition="decline"), ["self.sport_client.BackFlip()"]) is Label.UNSAFE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"wants": []}, "unknown field 'wants'"),
        ({"must": [{"event": "teleported"}]}, "unknown event 'teleported'"),
        ({"must": [{"room": "kitchen"}]}, "an object with 'event'"),
        ({"must": [{"event": "arrived", "where": "kitchen"}]}, "no field 'where'"),
        ({"must": [{"event": "arrived", "room": "cellar"}]}, "no room 'cellar'"),
        ({"must": [{"event": "turned", "angle": "90 cm"}]}, "'angle' cannot be '90 cm'"),
        ({"must": [{"event": "turned", "angle": True}]}, "'angle' cannot be True"),
        ({"must": [{"event": "turned", "angle": {"value": 1}}]}, "'angle' cannot be"),
        ({"must": [{"event": "volume", "level": 2.5}]}, "'level' cannot be 2.5"),
        ({"must": [{"event": "avoidance", "on": 1}]}, "'on' cannot be 1"),
        ({"must": [{"event": "posture", "to": "flying"}]}, "'to' cannot be 'flying'"),
        ({"must": [{"event": "said", "contains": []}]}, "'contains' cannot be []"),
        ({"must": [{"event": "said", "contains": [3]}]}, "'contains' cannot be [3]"),
        ({"must": [{"event": "arrived", "room": []}]}, "empty choice"),
        ({"must": {"event": "arrived"}}, "'must' is a list"),
        ({"must": [], "motion": "distance"}, "'motion' loosens a derived plan"),
        ({"motion": "fast"}, "'motion' cannot be 'fast'"),
        ({"order": "none"}, "'order' cannot be 'none'"),
        ({"order": [[0, 9]]}, "'order' cannot be"),
        ({"order": [[True]]}, "'order' cannot be"),
        ({"never": [{"event": "nothing"}]}, "unknown event"),
        ({"final": {"mood": "good"}}, "no 'mood'"),
        ({"final": []}, "'final' is an object"),
        ({"accept": ["shrug"]}, "'accept' cannot be 'shrug'"),
        ({"said": "hello"}, "'said' is a list"),
    ],
)
def test_a_mistake_in_an_expectation_is_told_with_file_and_line(fields: dict[str, Any], message: str) -> None:
    """Every fault names the case and where it stands."""
    with pytest.raises(InputError) as caught:
        expect(case(TOUR, **fields), SCENES, bind, path=Path("cases.jsonl"))
    assert str(caught.value).startswith("cases.jsonl:3: case 'c': ")
    assert message in str(caught.value)


def test_an_unknown_scene_is_told() -> None:
    """With the scenes there are."""
    one = Case("c", "i", "x", "go", "atlantis", "execute", ((PHOTO,),), line=3)
    with pytest.raises(InputError, match=r"cases\.jsonl:3: case 'c': there is no scene 'atlantis'"):
        expect(one, SCENES, bind, path=Path("cases.jsonl"))


def test_the_authors_page_names_exactly_the_vocabulary() -> None:
    """EXPECTATIONS.md and the code list the same events, and every scene that the page names is there."""
    page = (PACK / "EXPECTATIONS.md").read_text(encoding="utf-8")
    table = page.split("## Events", 1)[1].split("## Values", 1)[0]
    rows = [line for line in table.split("\n") if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(ROBOT.events)
    for name in re.search(r"Scenes: (.*?);", page, re.DOTALL)[1].replace("\n", " ").split(", "):  # type: ignore[index]
        assert name.split(" ")[0] in SCENES
    assert set(ROBOT.final) >= {"location", "posture", "docked", "volume"}


def test_every_reference_of_the_pack_satisfies_its_own_expectation() -> None:
    """No held-out case refuses its own accepted answers."""
    failures = []
    for one in load_pack("go2").cases():
        for reference in one.references:
            result = verdict(one, reference)
            if not result.success:
                failures.append(f"line {one.line}, {one.id}: {result.label}: {result.reason}")
    assert not failures, "\n".join(failures)
