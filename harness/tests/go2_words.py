"""Commands of the Go2 as the tests of simulator and judge write them, and what one answer is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.checks import Call, check_answer
from harness.pack import load_pack
from harness.sdk.profile import load_profile
from harness.simulation import Trace, load_scenes, simulate, with_start

PACK = load_pack("go2")
PROFILE = load_profile(PACK.profile)
SCENES = load_scenes(PACK, PROFILE)
ROBOT = SCENES["home"].robot

ARRIVE = "self.wait_for_navigation()"
SECOND = "self.wait(seconds=1.0)"
FORWARD = "self.sport_client.Move(vx=0.5, vy=0.0, vyaw=0.0)"
STOP = "self.sport_client.StopMove()"
WAVE = "self.sport_client.Hello()"
JUMP = "self.sport_client.FrontJump()"
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


def spin(angle: float) -> list[str]:
    """A turn on the spot."""
    return [f"self.spin(angle={angle})", ARRIVE]


def walk(vx: float, times: int, vy: float = 0.0) -> list[str]:
    """Whole seconds of Move and the stop after them."""
    return [f"self.sport_client.Move(vx={vx}, vy={vy}, vyaw=0.0)", SECOND] * times + [STOP]


def bind(commands: Sequence[str]) -> tuple[Call, ...]:
    """Bound calls, guarded ones too."""
    return check_answer(json.dumps(list(commands)), PROFILE).calls or ()


def run(*commands: str, scene: str = "office", **start: Any) -> Trace:
    """The trace of commands in a scene with its start changed."""
    calls = [call for command in commands for call in bind([command])]
    assert len(calls) == len(commands)
    return simulate(calls, with_start(SCENES[scene], start))
