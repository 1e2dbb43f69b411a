"""Scenes: what the pack ships is sound, and every mistake in a scene or a start is told with its place."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.checks import Call
from harness.errors import InputError
from harness.simulation import load_scenes, simulate, with_start
from harness.simulation.scene import load_scene
from harness.tests.go2_words import PACK, ROBOT, SCENES

SMALL = """title = "Flat"
[rooms]
charging_dock = { at = [0.0, 0.0], doors = ["hall"] }
hall = { at = [3.0, 0.0] }
[objects]
"red ball" = "hall"
[docks]
main_dock = "charging_dock"
[start]
location = "hall"
"""


def test_the_pack_has_varied_scenes_that_all_have_the_dock() -> None:
    """At least eight worlds of eight rooms or more, each with `main_dock` in `charging_dock`."""
    assert len(SCENES) >= 8
    for scene in SCENES.values():
        assert len(scene.rooms) >= 8
        assert scene.tables["docks"]["main_dock"] == "charging_dock"
        assert scene.objects
        assert scene.people


def test_the_way_is_the_shortest_and_doors_open_both_ways() -> None:
    """From the living room to the kitchen the hallway is nearer than the dining room; back is the same."""
    home = SCENES["home"]
    there = home.route("living_room", "kitchen")
    assert there.between == ("hallway",)
    assert there.length == pytest.approx(math.hypot(2, 3) + 2)
    assert home.route("kitchen", "living_room") == there
    assert home.route("kitchen", "kitchen") == home.route("on_the_way", "kitchen") == ((), 0.0)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('doors = ["hall"]', 'doors = ["hell"]', 3, "no room 'hell'"),
        ("at = [3.0, 0.0]", "at = [3.0]", 4, "rooms.hall.at"),
        ("at = [3.0, 0.0]", "at = [3.0, true]", 4, "rooms.hall.at"),
        ("at = [3.0, 0.0]", 'at = [3.0, 0.0], door = "x"', 4, "rooms.hall: unknown key 'door'"),
        (', doors = ["hall"] }\nhall =', " }\nHall =", 4, "snake_case"),
        ('= "hall"\n[docks]', "= 3\n[docks]", 6, "objects.red ball"),
        ('= "hall"\n[docks]', "= { hall = -1 }\n[docks]", 6, "whole number"),
        ('= "hall"\n[docks]', "= { hall = true }\n[docks]", 6, "objects.red ball.hall"),
        ('main_dock = "charging_dock"', 'main_dock = "cellar"', 8, "no room 'cellar'"),
        ('location = "hall"', 'location = "cellar"', 10, "no room 'cellar'"),
        ('location = "hall"', 'location = "hall"\nposture = "flying"', 11, "posture"),
        ('location = "hall"', 'location = "hall"\nwings = 2', 11, "unknown start key"),
        (', doors = ["hall"]', "", 4, "no way leads"),
        ("[objects]", '[same_place]\ncellar = ["vault"]\n[objects]', 6, "no room 'cellar'"),
        ("[objects]", '[same_place]\nhall = "lobby"\n[objects]', 6, "same_place.hall"),
        ("[objects]", '[same_place]\nhall = ["Charging dock"]\n[objects]', 6, "'Charging dock' names a place already"),
        ("[objects]", '[same_place]\nhall = ["x"]\ncharging_dock = ["x"]\n[objects]', 7, "'x' names a place already"),
        ("[objects]", "[things]", 5, "unknown key 'things'"),
        ('title = "Flat"', "title = 3", 1, "title"),
        ('title = "Flat"', "title = ", None, "not valid TOML"),
        (SMALL[SMALL.index("[rooms]") :], "", None, "no room '' in this scene"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_scene_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int | None, message: str
) -> None:
    """Each fault names file, line and what is wrong."""
    assert old in SMALL
    path = tmp_path / "flat.toml"
    path.write_text(SMALL.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_scene(path, ROBOT)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("scene", "name", "room"),
    [
        ("home", "hallway", "hallway"),
        ("home", "corridor", "hallway"),
        ("home", "flur", "hallway"),
        ("office", "corridor", "corridor"),
        ("hospital", "room_twelve", "room_12"),
        ("school", "classroom_two", "classroom_2"),
        ("hotel", "room_one_hundred_and_one", "room_101"),
        ("hotel", "room_one_oh_three", "room_103"),
        ("hotel", "room_one_hundred_and_eleven", None),
        ("home", "moon_base", None),
        ("hospital", "room_two", None),
    ],
)
def test_a_goal_may_have_another_name_of_its_room(scene: str, name: str, room: str | None) -> None:
    """Names that the scene gives the same place, and numbers in words; the trace has the room's own name."""
    goal = Call("nav_publisher.publish", {"msg": Call("create_nav_goal", {"room": name})})
    trace = simulate([goal, Call("wait_for_navigation", {})], SCENES[scene])
    arrived = [event.fields["room"] for event in trace.events if event.name == "arrived"]
    assert arrived == ([room] if room else [])
    assert trace.final["location"] == (room or SCENES[scene].start["location"])
    tour = simulate([Call("follow_waypoints", {"rooms": (name,)}), Call("wait_for_navigation", {})], SCENES[scene])
    assert tour.events == trace.events


def test_a_room_that_a_case_adds_goes_before_another_name() -> None:
    """The hallway is also called corridor, until a case adds a corridor."""
    scene = with_start(SCENES["home"], {"rooms": {"corridor": "garage"}})
    assert (scene.room("corridor"), scene.room("flur")) == ("corridor", "hallway")


def test_bytes_and_folders_that_hold_no_scene_are_told(tmp_path: Path) -> None:
    """Neither is a traceback, nor a world of nothing."""
    with pytest.raises(InputError, match="no scene"):
        load_scenes(replace(PACK, scenes=tmp_path))
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"bad\.toml:(1:)? "):
        load_scenes(replace(PACK, scenes=tmp_path))


def test_a_scene_needs_no_dock(tmp_path: Path) -> None:
    """It is accepted; only a start on the dock is refused there, with its line, and a dock call by its rule."""
    path = tmp_path / "flat.toml"
    path.write_text(SMALL.replace('[docks]\nmain_dock = "charging_dock"\n', ""), encoding="utf-8")
    scene = load_scene(path, ROBOT)
    assert scene.tables["docks"] == {}
    trace = simulate([Call("dock", {"dock_id": "main_dock"})], scene)
    assert [(one.code, "docks are none" in one.message) for one in trace.broken] == [("R513", True)]
    with pytest.raises(InputError, match=r"cases\.jsonl:7: there is no dock in this scene"):
        with_start(scene, {"docked": True}, path=Path("cases.jsonl"), line=7)


def test_a_case_may_change_the_start_and_add_to_the_scene() -> None:
    """Rooms come with a door, objects and people with a place; the shipped scene stays as it is."""
    place = "annas_office"
    scene = with_start(
        SCENES["home"], {"rooms": {place: "study"}, "objects": {"kite": place}, "people": {"Anna": place}}
    )
    assert scene.route("living_room", place).between == ("study",)
    assert (scene.objects["kite"], scene.people["Anna"]) == ({place: 1}, place)
    assert place not in SCENES["home"].rooms
    start = with_start(SCENES["home"], {"docked": True}).start
    assert (start["location"], start["posture"]) == ("charging_dock", "lying")


@pytest.mark.parametrize(
    "start",
    [
        {"posture": "flying"},
        {"battery": 0},
        {"battery": 50.5},
        {"location": "atlantis"},
        {"location": 3},
        {"driving_to": "atlantis"},
        {"driving_to": "kitchen", "posture": "lying"},
        {"docked": True, "posture": "balanced"},
        {"docked": True, "location": "kitchen"},
        {"rooms": {"cellar": "atlantis"}},
        {"rooms": {"cellar": 3}},
        {"rooms": ["cellar"]},
        {"rooms": {"cellar": "attic", "attic": "cellar"}},
        {"objects": {"kite": "atlantis"}},
        {"objects": {"kite": 3}},
        {"objects": {"kite": {"kitchen": True}}},
        {"people": {"Anna": "atlantis"}},
        {"people": {"Anna": ["kitchen"]}},
        {"speed": 3},
    ],
)
def test_an_impossible_start_is_told_with_the_line_of_its_case(start: dict[str, Any]) -> None:
    """The message carries the case file's name and line."""
    with pytest.raises(InputError) as caught:
        with_start(SCENES["home"], start, path=Path("cases.jsonl"), line=7)
    assert re.match(r"cases\.jsonl:7: ", str(caught.value))
