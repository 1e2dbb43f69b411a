"""The committed profiles: what they hold, what the card says, and how a broken one is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cases import CaseLine
from harness.checks import check_answer
from harness.config import SettingsFile
from harness.errors import InputError
from harness.pack import bundled
from harness.parsed import json_schema
from harness.policy import Thresholds
from harness.sdk.card import card
from harness.sdk.overlay import Overlay
from harness.sdk.profile import Profile, dump_profile, find_profile, load_profile, shipped_profiles
from harness.simulation.scene import SceneFile

NAMES = ("go2", "go2-legacy")
# The calls that CONVENTIONS.md fixes for the pack, the two of asking and declining among them.
EXPECTED = {
    *(
        f"sport_client.{name}"
        for name in (
            "StandUp", "StandDown", "BalanceStand", "RecoveryStand", "StopMove", "Damp", "Sit", "RiseSit", "Euler",
            "Move", "SpeedLevel", "Hello", "Stretch", "Dance1", "Dance2", "FreeWalk", "ClassicWalk", "FrontJump",
        )
    ),
    "avoid_client.SwitchSet", "vui_client.SetVolume", "nav_publisher.publish", "create_nav_goal",
    "wait_for_navigation", "cancel_navigation", "follow_waypoints", "spin", "dock", "wait_for_docking", "undock",
    "wait_for_charge", "report_battery_level", "report_pose", "perception_client.call_async",
    "create_perception_request", "wait_for_perception", "report_perception", "capture_image", "say", "wait",
    "get_logger().info", "ask_operator", "decline",
}  # fmt: skip


@pytest.fixture(params=NAMES)
def profile(request: pytest.FixtureRequest) -> Profile:
    """Each shipped profile."""
    return find_profile(str(request.param))


def test_go2_holds_exactly_the_calls_of_the_conventions() -> None:
    """Allowed and guarded calls are the forty of the pack and the two that do not act."""
    go2 = find_profile("go2")
    assert {call.path for call in go2.calls if call.tier != "deny"} == EXPECTED
    assert {call.path for call in go2.calls if call.tier == "guarded"} == {
        "sport_client.Damp",
        "sport_client.FrontJump",
    }


def test_every_limit_has_a_source_and_every_call_on_a_client_its_place_in_the_sdk(profile: Profile) -> None:
    """Nothing is in the list on nobody's word: ranges name a page, SDK calls a hashed file and line."""
    hashes = {source.id: source.files for source in profile.sources}
    for call in profile.calls:
        if "." in call.path or call.tier == "deny":
            assert call.sdk is not None, call.path
        if call.sdk is not None:
            assert len(hashes[call.sdk.source][call.sdk.file]) == 64
            assert call.sdk.line > 0
        for param in call.params or ():
            if param.min is not None or param.enum or param.pattern or param.max_len is not None:
                assert param.source in profile.references, (call.path, param.name)
            if call.tier != "deny" and param.type in {"float", "int"}:
                assert param.enum or (param.min is not None and param.max is not None)


def test_enforced_speeds_lie_within_the_documented_ones(profile: Profile) -> None:
    """The policy box of CONVENTIONS.md, and beside it the vendor's range."""
    params = profile.by_path["sport_client.Move"].params
    assert params is not None
    limits = {p.name: (p.min, p.max, p.documented) for p in params}
    assert limits == {
        "vx": (-0.6, 1.0, (-2.5, 3.8)),
        "vy": (-0.4, 0.4, (-1.0, 1.0)),
        "vyaw": (-1.0, 1.0, (-4.0, 4.0)),
    }


def test_a_profile_round_trips_to_the_byte(profile: Profile) -> None:
    """Loading and dumping the committed file gives its very bytes."""
    assert dump_profile(profile) == shipped_profiles()[profile.name].read_text(encoding="utf-8")


def test_the_card_is_short_and_has_every_call(profile: Profile) -> None:
    """One call a line, within the prompt's budget (4 characters a token), denied calls absent."""
    text = card(profile)
    lines = text.splitlines()
    calls = [call for call in profile.calls if call.tier != "deny"]
    assert len(lines) == sum(not call.nested_only for call in calls)
    assert len(text) < 1500 * 4
    for call in calls:
        assert f"self.{call.path}(" in text
    assert "Flip" not in text


def test_the_examples_of_the_prompt_pass() -> None:
    """What the card prompt shows as a right answer has no finding."""
    prompt = (shipped_profiles()["go2"].parents[1] / "prompts" / "card.md").read_text(encoding="utf-8")
    answer = prompt.rpartition("Answer: ")[2]
    assert check_answer(answer, find_profile("go2")).findings == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ("[]", "is not a profile"),
        ("{}", "is not a profile"),
        ('{"schema": "gonogo-profile/2"}', "Input should be 'gonogo-profile/1'"),
        ('{"schema": "gonogo-profile/1"}', "is not a profile"),
        (shipped_profiles()["go2"].read_text(encoding="utf-8").replace('"max"', '"maximum"'), "unknown key 'maximum'"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_profile_is_the_users_error(tmp_path: Path, content: str | None, message: str) -> None:
    """The file is named; a misspelt limit is not taken for no limit."""
    path = tmp_path / "p.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


SCHEMAS = {
    "overlay": json_schema(Overlay),
    "profile": json_schema(Profile),
    "case": json_schema(CaseLine),
    "scene": json_schema(SceneFile),
    "gonogo": json_schema(SettingsFile, partial=True),
    "policy": json_schema(Thresholds, partial=True),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_for_editors_are_those_of_the_records(name: str) -> None:
    """What `json_schema` gives is what is committed; GONOGO_UPDATE_GOLDEN=1 writes it."""
    path = bundled("datasets") / "schemas" / f"{name}.json"
    if "GONOGO_UPDATE_GOLDEN" in os.environ:
        path.write_text(SCHEMAS[name], encoding="utf-8")
    assert path.read_text(encoding="utf-8") == SCHEMAS[name]
