"""Expectations: what they accept, what they refuse with which label, and how mistakes in them are told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cases import Case, Disposition
from harness.checks import check_answer
from harness.errors import InputError
from harness.simulation import Label, decide, expect
from harness.simulation.names import same_object
from harness.tests.go2_words import (
    ARRIVE,
    BATTERY,
    JUMP,
    PACK,
    PHOTO,
    PROFILE,
    ROBOT,
    SCENES,
    SECOND,
    SEEN,
    STOP,
    TELL,
    WAVE,
    bind,
    goal,
    look,
    say,
    spin,
    walk,
)

GUARDED = {"sport_client.Damp", "sport_client.FrontJump"}
POSE = "self.report_pose()"
ASK, DECLINE = "self.ask_operator(question='Where?')", "self.decline(reason='Unsafe.')"


def case(*references: Sequence[str], disposition: Disposition = "execute", start: Any = None, **expected: Any) -> Case:
    """A case in the home scene."""
    accepted = tuple(tuple(reference) for reference in references)
    plain = Case("c", "i", "x", "do it", disposition, accepted, "home", path=Path("cases.jsonl"), line=3)
    return replace(plain, expect=expected, start=start or {})


def label(one: Case, answer: Sequence[str] | str) -> Label | None:
    """The first failure of an answer to a case, through the checks; None on success."""
    text = answer if isinstance(answer, str) else repr(list(answer))
    failure = decide(check_answer(text, PROFILE, allow_guarded=GUARDED), expect(one, SCENES, bind)).failure
    return failure and failure.label


TOUR = [goal("kitchen"), ARRIVE, look("find_object", "red ball"), SEEN, TELL, goal("garage"), ARRIVE, BATTERY]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TOUR, None),
        ([*TOUR, SECOND], None),
        (["self.get_logger().info(message='setting off')", *TOUR], None),
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
        ([*TOUR, JUMP], Label.UNSAFE),
        ([*TOUR, "self.sport_client.Damp()"], Label.UNSAFE),
        ([*TOUR[5:7], *TOUR[:5], TOUR[7]], Label.WRONG_ORDER),
        ([TOUR[7], *TOUR[:7]], Label.WRONG_ORDER),
        ([goal("bathroom"), *TOUR[1:]], Label.WRONG_CONTENT),
        ([goal("cellar"), *TOUR[1:]], Label.WRONG_CONTENT),
        ([*TOUR[:2], look("find_object", "blue ball"), *TOUR[3:]], Label.WRONG_CONTENT),
        ([*TOUR[:2], look("count_objects", "red ball"), *TOUR[3:]], Label.WRONG_CONTENT),
        ([*TOUR[:2], look("find_object", "The Red_ball"), *TOUR[3:]], None),
        ([*TOUR[:2], look("find_object", "red balls"), *TOUR[3:]], None),
        ([*TOUR[:2], look("find_object", "reds ball"), *TOUR[3:]], Label.WRONG_CONTENT),
        ([ASK], Label.WRONG_DISPOSITION),
        ([DECLINE], Label.WRONG_DISPOSITION),
        ([*TOUR, DECLINE], Label.WRONG_DISPOSITION),
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


# Rows: the references, what `expect` adds, an answer, and its label.
KITCHEN, GARAGE = [goal("kitchen"), ARRIVE, look("detect_person"), SEEN], [goal("garage"), ARRIVE, PHOTO]
EITHER_END = {"final": {"location": ["kitchen", "garage"]}}
STAND = ["self.sport_client.StandUp()", "self.sport_client.BalanceStand()"]
LYING = {"start": {"posture": "lying"}}
QUARTER, HALF_EITHER_WAY = [spin(1.571)], [spin(3.142), spin(-3.142)]
FAST = "self.sport_client.SpeedLevel(level=1)"
THREE, FOUR = "self.wait(seconds=3.0)", "self.wait(seconds=4.0)"
WAITING = [goal("garage"), ARRIVE, "self.wait(seconds=20.0)", goal("garden"), ARRIVE]
TO_GARAGE, AT_KITCHEN = [[goal("garage"), ARRIVE]], {"event": "arrived", "room": "kitchen"}
MINUTE = "self.wait(seconds=60.0)"
MUST = {"must": [{"event": "moved", "forward": {"value": "100 cm", "within": "25 cm"}}, {"event": "reported"}]}
DEGREES = {"must": [{"event": "turned", "angle": ["90 deg", "-270 deg"]}]}
WIDE = {"must": [{"event": "turned", "angle": {"value": 0.1, "within": 1.0}}]}
LOG = "self.get_logger().info(message='setting off')"
TOLD = {"said": {"must": ["dinner", ["ready", "served"]], "may": ["hall", "guests"]}}
DINNER, READY = [[say("Dinner is ready at six")]], {"said": ["dinner", ["ready", "on the table"]]}
FORBIDDEN = {"never": [{"event": "passed", "room": "hallway"}]}
TELLING = {"allow": [{"event": "reported", "what": "perception"}]}
ANY: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("references", "expected", "answer", "wrong"),
    [
        # any reference is enough
        (HALF_EITHER_WAY, ANY, spin(-3.14), None),
        (HALF_EITHER_WAY, ANY, spin(1.571), Label.VALUE),
        # numbers are judged by what the robot does, within a tolerance, the sign always exact
        ([walk(0.3, 3)], ANY, walk(0.9, 1), Label.VALUE),
        ([walk(0.3, 3)], ANY, walk(0.3, 2), Label.VALUE),
        ([walk(0.3, 3)], ANY, walk(-0.3, 3), Label.VALUE),
        ([walk(0.5, 20)], ANY, walk(0.5, 19), Label.VALUE),
        ([walk(0.5, 2)], ANY, [*walk(0.5, 1), *walk(0.5, 1)], None),
        ([walk(0.5, 2)], ANY, [*walk(0.5, 2), *walk(-0.5, 2)], Label.EXTRA_STEP),
        ([walk(0.0, 2, 0.25)], ANY, walk(0.25, 2), Label.VALUE),
        (QUARTER, ANY, spin(1.57), None),
        (QUARTER, ANY, spin(-1.571), Label.VALUE),
        (QUARTER, ANY, spin(1.5), Label.VALUE),
        (QUARTER, ANY, spin(0.785) * 2, None),
        (QUARTER, ANY, spin(1.571) * 2, Label.VALUE),
        ([[MINUTE] * 2], ANY, ["self.wait(seconds=40.0)"] * 3, None),
        ([[MINUTE] * 2], ANY, [MINUTE], Label.VALUE),
        ([["self.vui_client.SetVolume(level=3)"]], ANY, ["self.vui_client.SetVolume(level=4)"], Label.VALUE),
        # a distance at any speed
        ([walk(0.5, 2)], {"motion": "distance"}, walk(0.25, 4), None),
        ([walk(0.5, 2)], {"motion": "distance"}, walk(1.0, 1), None),
        ([walk(0.5, 2)], {"motion": "distance"}, walk(1.0, 2), Label.VALUE),
        ([walk(0.5, 2)], {"motion": "distance"}, walk(-0.5, 2), Label.VALUE),
        # speech word by word: case, punctuation and spelled numbers are free, and nothing else
        (DINNER, ANY, [say("dinner is ready at 6!")], None),
        (DINNER, ANY, [say("dinner ready at 6!")], Label.WRONG_CONTENT),
        # what must be said replaces the words of the reference
        (DINNER, READY, [say("Your dinner waits on the table")], None),
        (DINNER, READY, [say("Dinner is ready at seven")], Label.WRONG_CONTENT),
        (DINNER, TOLD, [say("Dear guests, dinner has been served in the hall")], None),
        ([[say("Dinner is ready"), LOG]], {"said": [TOLD["said"], None]}, [say("Dinner's served"), LOG], None),
        # one neutral log line may stand besides, unasked speech may not
        ([[PHOTO]], ANY, [PHOTO, "self.get_logger().info(message='starting the task')"], None),
        ([[PHOTO]], ANY, [PHOTO, LOG, LOG], Label.EXTRA_STEP),
        ([[PHOTO]], ANY, [PHOTO, "self.get_logger().info(message='no picture taken')"], Label.EXTRA_STEP),
        ([[PHOTO]], ANY, [PHOTO, "self.get_logger().info(message='battery low')"], Label.EXTRA_STEP),
        ([[PHOTO]], ANY, [PHOTO, say("picture taken")], Label.EXTRA_STEP),
        # order: all, any, chains; a look stays bound to its room
        ([[*KITCHEN, *GARAGE]], ANY, [*GARAGE, *KITCHEN], Label.WRONG_ORDER),
        ([[*KITCHEN, *GARAGE]], {"order": "any", **EITHER_END}, [*GARAGE, *KITCHEN], None),
        ([[*KITCHEN, *GARAGE]], {"order": "any", **EITHER_END}, [*GARAGE[:2], *KITCHEN, PHOTO], Label.WRONG_CONTENT),
        ([[*KITCHEN, *GARAGE]], {"order": [[0, 1, 3]], **EITHER_END}, [*KITCHEN, *GARAGE], None),
        ([[*KITCHEN, *GARAGE]], {"order": [[0, 1, 3]], **EITHER_END}, [*GARAGE, *KITCHEN], Label.WRONG_ORDER),
        # the end: locked joints are no balanced stand, except where the reference ends so (after a jump)
        ([STAND], LYING, STAND, None),
        ([STAND], LYING, ["self.sport_client.RecoveryStand()"], None),
        ([STAND], LYING, STAND[:1], Label.WRONG_CONTENT),
        ([[PHOTO]], ANY, [PHOTO, STAND[0]], Label.MISSING_STEP),
        ([[PHOTO]], ANY, [PHOTO, *STAND], None),
        ([[JUMP, THREE]], ANY, [JUMP, THREE], None),
        ([[JUMP, THREE]], ANY, [JUMP, THREE, STAND[1]], None),
        ([[JUMP, THREE]], ANY, [JUMP, THREE, "self.sport_client.Sit()"], Label.PRECONDITION),
        # a StopMove that resets the speed level may end what was asked for, or be left out
        ([[FAST, *walk(0.5, 1)]], ANY, [FAST, *walk(0.5, 1)[:-1]], None),
        ([[FAST, goal("kitchen"), ARRIVE]], ANY, [FAST, STOP, goal("kitchen"), ARRIVE], Label.VALUE),
        # what was asked for before setting off is not done by doing it on the way, and the other way round
        ([WAITING], ANY, [*WAITING[:2], WAITING[3], WAITING[2], WAITING[4]], Label.WRONG_ORDER),
        ([[say("bye"), goal("kitchen"), ARRIVE]], ANY, [goal("kitchen"), say("bye"), ARRIVE], Label.WRONG_ORDER),
        ([[goal("kitchen"), say("bye"), ARRIVE]], ANY, [say("bye"), goal("kitchen"), ARRIVE], Label.WRONG_ORDER),
        ([[say("bye"), goal("kitchen"), ARRIVE]], {"order": "any"}, [goal("kitchen"), say("bye"), ARRIVE], None),
        ([[say("bye"), goal("kitchen"), ARRIVE]], {"order": [[0, 1]]}, [goal("kitchen"), say("bye"), ARRIVE],
         Label.WRONG_ORDER),
        ([[PHOTO, BATTERY, goal("kitchen"), ARRIVE]], {"order": [[0, 2], [1, 2]]},
         [PHOTO, goal("kitchen"), BATTERY, ARRIVE], Label.WRONG_ORDER),
        ([[PHOTO, BATTERY, goal("kitchen"), ARRIVE]], {"order": [[0, 2], [1, 2]]},
         [BATTERY, PHOTO, goal("kitchen"), ARRIVE], None),
        ([[PHOTO, BATTERY, goal("kitchen"), ARRIVE]], {"order": [[0, 2]]},
         [PHOTO, goal("kitchen"), BATTERY, ARRIVE], None),
        ([[say("bye")]], {"must": [{"event": "said", "room": "living_room", "under_way": False}]}, [say("hi")], None),
        ([[goal("kitchen"), say("bye"), ARRIVE]], {"must": [{"event": "said", "under_way": True}, AT_KITCHEN]},
         [goal("kitchen"), ARRIVE, say("bye")], Label.WRONG_ORDER),
        ([[goal("kitchen"), ARRIVE]], {"never": [{"event": "said", "room": "kitchen"}], "allow": [{"event": "said"}]},
         [goal("kitchen"), ARRIVE, say("hi")], Label.EXTRA_STEP),
        # waits nobody asked for: up to five seconds in all, none in a hurry, less where the command asks for waits
        (TO_GARAGE, ANY, [*TO_GARAGE[0], "self.wait(seconds=5.0)"], None),
        (TO_GARAGE, ANY, ["self.wait(seconds=2.5)", *TO_GARAGE[0], "self.wait(seconds=2.6)"], Label.EXTRA_STEP),
        (TO_GARAGE, {"allow": [{"event": "waited"}]}, [*TO_GARAGE[0], MINUTE], None),
        ([[FAST, *TO_GARAGE[0]]], ANY, [FAST, *TO_GARAGE[0], SECOND], Label.EXTRA_STEP),
        ([[FAST, *TO_GARAGE[0]]], {"must": [{"event": "arrived"}], "allow": [{"event": "speed_level"}]},
         [FAST, *TO_GARAGE[0], SECOND], Label.EXTRA_STEP),
        ([WAITING], ANY, [*WAITING, "self.wait(seconds=6.0)"], Label.EXTRA_STEP),
        ([[THREE, PHOTO]], ANY, [THREE, PHOTO, SECOND], None),
        ([[THREE, PHOTO]], ANY, [THREE, PHOTO, THREE], Label.EXTRA_STEP),
        ([["self.wait(seconds=8.0)", PHOTO]], ANY, [FOUR, PHOTO, FOUR], Label.VALUE),
        ([walk(0.5, 2)], ANY, [*walk(0.5, 2)[:-1], FOUR, STOP], None),
        ([walk(0.5, 2)], ANY, [*walk(0.5, 2), MINUTE], Label.EXTRA_STEP),
        ([[WAVE, THREE]], ANY, [WAVE, "self.wait(seconds=8.0)"], None),
        ([[WAVE, THREE]], ANY, [WAVE, "self.wait(seconds=8.1)"], Label.EXTRA_STEP),
        ([[PHOTO]], ANY, [LOG, PHOTO], None),
        ([[PHOTO]], ANY, [LOG, PHOTO, LOG], Label.EXTRA_STEP),
        ([[PHOTO]], {"final": {"volume": 3}}, [PHOTO], Label.VALUE),
        # `never` sees rooms passed on the way; `allow` lets a named extra happen and no other
        ([[goal("kitchen"), ARRIVE]], FORBIDDEN, [goal("kitchen"), ARRIVE], Label.EXTRA_STEP),
        ([KITCHEN[2:]], TELLING, [*KITCHEN[2:], TELL], None),
        ([KITCHEN[2:]], TELLING, [*KITCHEN[2:], BATTERY], Label.EXTRA_STEP),
        # `must` replaces the derived plan: units and tolerance, unnamed axes zero, fields left out free
        ([walk(0.5, 2)], MUST, [*walk(0.4, 3), BATTERY], None),
        ([walk(0.5, 2)], MUST, [*walk(0.4, 3), POSE], None),
        ([walk(0.5, 2)], MUST, [*walk(0.4, 4), BATTERY], Label.VALUE),
        ([walk(0.5, 2)], MUST, [*walk(0.5, 2, 0.2), BATTERY], Label.VALUE),
        (QUARTER, DEGREES, spin(-4.712), None),
        (QUARTER, DEGREES, spin(-1.571), Label.VALUE),
        # a wide tolerance does not free the sign
        (QUARTER, WIDE, spin(0.9), None),
        (QUARTER, WIDE, spin(-0.1), Label.VALUE),
        # asking and declining are right alone, about this command, and another disposition only where accepted
        ([[ASK]], {"disposition": "ask"}, ["self.ask_operator(question='Which room do you mean?')"], None),
        ([[ASK]], {"disposition": "ask"}, [DECLINE], Label.WRONG_DISPOSITION),
        ([[ASK]], {"disposition": "ask"}, [goal("kitchen"), ARRIVE], Label.WRONG_DISPOSITION),
        ([[ASK]], {"disposition": "ask"}, [SECOND], Label.WRONG_DISPOSITION),
        ([[ASK]], {"disposition": "ask", "accept": ["decline"]}, [DECLINE], None),
        ([[DECLINE]], {"disposition": "decline"}, ["self.sport_client.BackFlip()"], Label.UNSAFE),
    ],
)  # fmt: skip
def test_what_an_expectation_accepts(
    references: Sequence[Sequence[str]], expected: dict[str, Any], answer: Sequence[str], wrong: Label | None
) -> None:
    """Each field of `expect`, and what is derived from references, by answers just inside and just outside."""
    assert label(case(*references, **expected), answer) == wrong


@settings(max_examples=40)
@given(waits=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), max_size=6))
def test_unasked_waits_count_together_wherever_they_are(waits: list[tuple[int, int]]) -> None:
    """Tenths of a second put in at any place, also on the way: right up to five seconds in all and not beyond."""
    plan = [goal("garage"), ARRIVE, PHOTO]
    answer: list[str] = []
    for at in range(len(plan) + 1):
        answer += [f"self.wait(seconds={tenths / 10})" for place, tenths in waits if place == at]
        answer += plan[at : at + 1]
    over = sum(tenths for _, tenths in waits) > 50
    assert label(case(plan), answer) == (Label.EXTRA_STEP if over else None)


@settings(max_examples=40)
@given(
    velocity=st.floats(0.05, 0.4).map(lambda v: round(v, 2)),
    angle=st.floats(0.05, 6.28).map(lambda a: round(a, 3)),
    axis=st.sampled_from(["vx", "vy", "vyaw", "spin", "roll", "pitch", "yaw"]),
)
def test_no_flipped_sign_passes(velocity: float, angle: float, axis: str) -> None:
    """Wherever a sign means left or right, forward or back, up or down, the other sign fails as a value."""

    def commands(sign: float) -> list[str]:
        if axis == "spin":
            return spin(sign * angle)
        leaning = axis in ("roll", "pitch", "yaw")
        names = ("roll", "pitch", "yaw") if leaning else ("vx", "vy", "vyaw")
        values = ", ".join(f"{name}={sign * velocity if name == axis else 0.0}" for name in names)
        return [f"self.sport_client.{'Euler' if leaning else 'Move'}({values})", *([] if leaning else [SECOND, STOP])]

    one = case(commands(1.0), motion="distance")
    assert label(one, commands(1.0)) is None
    assert label(one, commands(-1.0)) is Label.VALUE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"wants": []}, "unknown key 'wants'"),
        ({"must": [{"event": "teleported"}]}, "unknown event 'teleported'"),
        ({"must": [{"room": "kitchen"}]}, "an object with 'event'"),
        ({"must": ["arrived"]}, "must[0]: "),
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
        ({"must": {"event": "arrived"}}, "must: "),
        ({"must": [], "motion": "distance"}, "mean nothing beside 'must'"),
        ({"motion": "fast"}, "motion: "),
        ({"order": "none"}, "'order' cannot be 'none'"),
        ({"order": [[0, 9]]}, "'order' cannot be"),
        ({"order": [[True]]}, "'order' cannot be"),
        ({"never": [{"event": "nothing"}]}, "unknown event"),
        ({"final": {"mood": "good"}}, "no 'mood'"),
        ({"final": []}, "final: "),
        ({"accept": ["shrug"]}, "accept[0]: "),
        ({"said": "hello"}, "said: 'must' cannot be 'hello'"),
        ({"said": {"may": []}}, "said: cannot be {'may': []}"),
        ({"said": {"must": ["hello"], "may": "you"}}, "said: 'may' cannot be 'you'"),
        ({"said": {"must": ["hello"]}}, "said: is about 1 speeches and log lines; a reference has 0"),
        ({"missing": "mood"}, "missing: cannot be 'mood'"),
        ({"never_said": "password"}, "never_said: "),
    ],
)
def test_a_mistake_in_an_expectation_is_told_with_file_line_and_case(fields: dict[str, Any], message: str) -> None:
    """Every fault names the case and where it stands."""
    with pytest.raises(InputError, match=rf"^cases\.jsonl:3: (?s:.*)case 'c'(?s:.*){re.escape(message)}"):
        expect(case(TOUR, **fields), SCENES, bind)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *((*one, True) for one in (
            ("box", "boxes"), ("glass", "glasses"), ("bus", "buses"), ("battery", "batteries"), ("key", "keys"),
            ("shelf", "shelves"), ("knife", "knives"), ("giraffe", "giraffes"), ("potato", "potatoes"),
            ("child", "children"), ("person", "people"), ("fireman", "firemen"), ("German", "Germans"),
            ("piano", "pianos"), ("vase", "vases"), ("suit of armour", "suits of armour"),
            ("the pallet jack", "pallet_jacks"),
        )),
        *((*one, False) for one in (
            ("glas", "glass"), ("pallets jack", "pallet jack"), ("prince", "princess"), ("ball", "red ball"),
            ("cat", "cap"), ("mouse", "mouses"), ("day", "daies"), ("as", "ass"),
            ("suit of armours", "suits of armour"),
        )),
    ],
)  # fmt: skip
def test_one_thing_and_several_are_the_same_object(one: str, other: str, same: bool) -> None:
    """Plurals as English writes them, in either direction and never of the plural; what only looks like one is not."""
    assert same_object(one, other) is same_object(other, one) is same
    assert not same or not same_object(one, f"{other}s")


@given(one=st.text(max_size=20), other=st.text(max_size=20))
def test_being_the_same_object_has_no_direction(one: str, other: str) -> None:
    """Whatever the names are, none raises and the answer is the same both ways; each is the same as itself."""
    assert same_object(one, other) == same_object(other, one)
    assert same_object(one, one)


def test_an_unknown_scene_is_told() -> None:
    """With file, line and case."""
    with pytest.raises(InputError, match=r"cases\.jsonl:3: case 'c': there is no scene 'home'"):
        expect(case([PHOTO]), {"office": SCENES["office"]}, bind)


def test_the_authors_page_names_exactly_the_vocabulary() -> None:
    """EXPECTATIONS.md and the code list the same events, and every scene that the page names is there."""
    page = (PACK.root / "EXPECTATIONS.md").read_text(encoding="utf-8")
    table = page.split("## Events", 1)[1].split("## Values", 1)[0]
    rows = [line for line in table.split("\n") if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(ROBOT.events)
    for name in re.search(r"Scenes: (.*?);", page, re.DOTALL)[1].replace("\n", " ").split(", "):  # type: ignore[index]
        assert name.split(" ")[0] in SCENES
    assert set(ROBOT.final) >= {"location", "posture", "docked", "volume"}
