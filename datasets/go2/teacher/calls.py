"""The calls of the Go2, as CONVENTIONS.md spells them."""

from __future__ import annotations

import math

Calls = tuple[str, ...]
ARRIVE = "self.wait_for_navigation()"
SPORT = "self.sport_client."


def quoted(text: str) -> str:
    """A Python string in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def number(value: float) -> str:
    """A float literal with at most three decimals, never -0.0."""
    return repr(round(float(value), 3) + 0.0)


def go(room: str) -> Calls:
    """Drive to a room and wait for it."""
    return f"self.nav_publisher.publish(self.create_nav_goal(room={quoted(room)}))", ARRIVE


def spin(angle: float) -> Calls:
    """Turn in place by radians, left positive, at most a full turn a call."""
    turns, rest = divmod(abs(angle) + 1e-6, math.tau)
    parts = [math.tau] * int(turns) + [rest] * (rest > 2e-3)
    return tuple(c for part in parts for c in (f"self.spin(angle={number(math.copysign(part, angle))})", ARRIVE))


def wait(seconds: float, longest: float = 60.0) -> Calls:
    """Pause; one call waits a minute at most."""
    full, rest = divmod(round(seconds, 6), longest)
    return tuple(f"self.wait(seconds={number(part)})" for part in [longest] * int(full) + [rest] * (rest > 0))


def move(vx: float, vy: float, vyaw: float, seconds: float) -> Calls:
    """Move at m/s and rad/s for a time: one Move a second, since it lasts no longer, then stop."""
    one = f"{SPORT}Move(vx={number(vx)}, vy={number(vy)}, vyaw={number(vyaw)})"
    return (*(call for pause in wait(seconds, 1.0) for call in (one, pause)), f"{SPORT}StopMove()")


def walk(ahead: float, left: float) -> Calls:
    """Move metres ahead or to the left (negative: back, right), at the speed for a distance alone: 0.5 or 0.25 m/s."""
    seconds = abs(ahead) / 0.5 + abs(left) / 0.25
    return move(ahead / seconds, left / seconds, 0.0, seconds)


def look(task: str, thing: str = "", *, report: bool = False) -> Calls:
    """Look at something, and tell the user if that was asked for."""
    wanted = f", object_name={quoted(thing)}" if thing else ""
    request = f"self.create_perception_request(task={quoted(task)}{wanted})"
    seen = (f"self.perception_client.call_async({request})", "self.wait_for_perception()")
    return (*seen, "self.report_perception()") if report else seen


def euler(roll: float, pitch: float, yaw: float) -> Calls:
    """Tilt the body by radians: roll to the right, nose down, look to the left."""
    return (f"{SPORT}Euler(roll={number(roll)}, pitch={number(pitch)}, yaw={number(yaw)})",)


def volume(level: float) -> Calls:
    """Set the speaker's volume, 0 to 10."""
    return (f"self.vui_client.SetVolume(level={round(level)})",)


def say(text: str, *, log: bool = False) -> Calls:
    """Say a text, or write it to the log."""
    return (f"self.get_logger().info(message={quoted(text)})" if log else f"self.say(text={quoted(text)})",)


def trick(name: str) -> Calls:
    """A trick and the time it takes."""
    return f"{SPORT}{name}()", "self.wait(seconds=3.0)"


FIXED: dict[str, Calls] = {
    "slow_level": (f"{SPORT}SpeedLevel(level=-1)",), "fast_level": (f"{SPORT}SpeedLevel(level=1)",),
    "normal_level": (f"{SPORT}SpeedLevel(level=0)",), "cancel": ("self.cancel_navigation()",),
    "level_body": euler(0, 0, 0), "stand_up": (f"{SPORT}StandUp()", f"{SPORT}BalanceStand()"),
    "sit": (f"{SPORT}Sit()",), "rise": (f"{SPORT}RiseSit()",), "lie": (f"{SPORT}StandDown()",),
    "recover": (f"{SPORT}RecoveryStand()",), "balance": (f"{SPORT}BalanceStand()",), "stop": (f"{SPORT}StopMove()",),
    "agile": (f"{SPORT}FreeWalk()",), "classic": (f"{SPORT}ClassicWalk(flag=True)",), "damp": (f"{SPORT}Damp()",),
    "wave": trick("Hello"), "stretch": trick("Stretch"), "dance1": trick("Dance1"), "dance2": trick("Dance2"),
    # it lands on locked joints
    "jump": (*trick("FrontJump"), f"{SPORT}BalanceStand()"), "avoid_on": ("self.avoid_client.SwitchSet(on=True)",),
    "person": look("detect_person"), "person_report": look("detect_person", report=True),
    "scene": look("describe_scene"), "scene_report": look("describe_scene", report=True),
    "read": look("read_text"), "read_report": look("read_text", report=True), "tell": ("self.report_perception()",),
    "photo": ("self.capture_image()",), "battery": ("self.report_battery_level()",), "pose": ("self.report_pose()",),
    "charge": (*go("charging_dock"), "self.dock(dock_id='main_dock')", "self.wait_for_docking()"),
    "undock": ("self.undock()",), "mute": volume(0), "full_volume": volume(10),
}  # fmt: skip
GUARDED = {"jump": "sport_client.FrontJump", "damp": "sport_client.Damp"}  # only on an explicit request
