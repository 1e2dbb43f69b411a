"""The profile of a lamp, a robot that exists nowhere: what the examples of the finding codes are written for."""

from __future__ import annotations

from typing import Any

from harness.sdk.profile import CallSpec, DenyText, KnownMethod, Param, Profile, Tier


def _call(path: str, *params: Param, tier: Tier = "allow", reason: str = "", **flags: Any) -> CallSpec:
    return CallSpec(path, tier, summary=path, params=params, reason=reason, **flags)


_NAME: dict[str, Any] = {"pattern": "[a-z0-9]+(?:_[a-z0-9]+)*", "pattern_name": "snake_case"}

LAMP = Profile(
    name="lamp",
    title="A lamp",
    firmware="1",
    calls=(
        _call("lamp.on"),
        _call("lamp.turn", Param("angle", "float", min=-3.142, max=3.142, unit="rad")),
        _call("lamp.dim", Param("level", "int", min=0, max=10)),
        _call("lamp.tint", Param("colour", "str", enum=("red", "green", "blue"))),
        _call("lamp.limit", Param("on", "bool", deny=(False,), deny_reason="it could overheat")),
        _call("lamp.unlock", tier="guarded", reason="the shade comes off"),
        _call("lamp.overheat", tier="deny", reason="it burns"),
        _call("show", Param("scene", "call:create_scene")),
        _call("create_scene", Param("name", "str", **_NAME), nested_only=True),
        _call("play", Param("scenes", "list[str]", min_items=1, max_items=10, **_NAME)),
        _call("ring", Param("alarm", "call:create_alarm")),
        _call(
            "create_alarm",
            Param("kind", "str", enum=("now", "timer")),
            Param("label", "str", required=False, required_if={"kind": ("timer",)}, min_len=1, max_len=40),
            nested_only=True,
        ),
        _call("wait", Param("seconds", "float", min=0.1, max=60.0, unit="s")),
        _call("say", Param("text", "str", min_len=1, max_len=200)),
        _call("report_state"),
        _call("ask_operator", Param("question", "str", min_len=1, max_len=200), alone=True),
        _call("decline", Param("reason", "str", min_len=1, max_len=200), alone=True),
    ),
    known=(
        KnownMethod("lamp", "fade", "fade()", "unexposed", "Lamp.fade", "lamp.py", 1),
        KnownMethod("lamp", "strobe", "strobe()", "other_version", "removed in 2", "lamp.py", 2),
    ),
    deny_text=(DenyText("rt/lamp", "a motor topic", "lamp.py"),),
    sources=(),
    references={},
    overlays={},
)
