"""The SDK calls in the one canonical spelling of the pack's conventions (CONVENTIONS.md)."""

from __future__ import annotations

import math

from harness.training.wording import number

WAIT_FOR_NAVIGATION = "self.wait_for_navigation()"
_TRICK_SECONDS = 3.0
_LONGEST_WAIT = 60.0  # of one call
_FORWARD_SPEED = 0.5  # m/s, for a distance given without a speed
_SIDE_SPEED = 0.25


def quoted(text: str) -> str:
    """A Python string literal in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def go(room: str) -> tuple[str, ...]:
    """Drive to a room and wait for it."""
    return (f"self.nav_publisher.publish(self.create_nav_goal(room={quoted(room)}))", WAIT_FOR_NAVIGATION)


def tour(rooms: tuple[str, ...]) -> tuple[str, ...]:
    """Drive through several rooms with nothing to do in between."""
    return (f"self.follow_waypoints(rooms=[{', '.join(quoted(room) for room in rooms)}])", WAIT_FOR_NAVIGATION)


def spin(angle: float) -> tuple[str, ...]:
    """Turn in place by an angle in radians, left positive; at most a full turn a call."""
    full_turns = int(abs(angle) // (2 * math.pi + 1e-6))
    sign = math.copysign(1.0, angle)
    parts = [sign * 2 * math.pi] * full_turns
    rest = angle - sum(parts)
    parts += [rest] if abs(rest) > 1e-3 else []
    return tuple(call for part in parts for call in (f"self.spin(angle={number(part)})", WAIT_FOR_NAVIGATION))


def move(vx: float, vy: float, vyaw: float, seconds: float) -> tuple[str, ...]:
    """Move at a speed (m/s, rad/s) for a time: one `Move` a second, since it lasts no longer, then stop."""
    calls = []
    left = seconds
    while left > 1e-6:
        calls += [
            f"self.sport_client.Move(vx={number(vx)}, vy={number(vy)}, vyaw={number(vyaw)})",
            f"self.wait(seconds={number(min(left, 1.0))})",
        ]
        left -= 1.0
    return (*calls, "self.sport_client.StopMove()")


def move_distance(forward: float, left: float) -> tuple[str, ...]:
    """Move metres forward (or, negative, back) or sideways at the speeds for a distance alone."""
    if forward:
        return move(math.copysign(_FORWARD_SPEED, forward), 0.0, 0.0, abs(forward) / _FORWARD_SPEED)
    return move(0.0, math.copysign(_SIDE_SPEED, left), 0.0, abs(left) / _SIDE_SPEED)


def trick(name: str) -> tuple[str, ...]:
    """A trick and the time it takes."""
    return (f"self.sport_client.{name}()", f"self.wait(seconds={number(_TRICK_SECONDS)})")


def wait(seconds: float) -> tuple[str, ...]:
    """Pause, at most a minute a call."""
    calls = []
    while seconds > 1e-6:
        calls.append(f"self.wait(seconds={number(min(seconds, _LONGEST_WAIT))})")
        seconds -= _LONGEST_WAIT
    return tuple(calls)


def perceive(task: str, thing: str = "", *, report: bool = False) -> tuple[str, ...]:
    """Look, and tell the user what was seen if asked to."""
    wanted = f", object_name={quoted(thing)}" if thing else ""
    request = f"self.create_perception_request(task={quoted(task)}{wanted})"
    calls = (f"self.perception_client.call_async({request})", "self.wait_for_perception()")
    return (*calls, "self.report_perception()") if report else calls


def charge(level: int | None = None) -> tuple[str, ...]:
    """Drive to the dock, dock, and charge up to a level (percent) if one is given."""
    docked = (*go("charging_dock"), "self.dock(dock_id='main_dock')", "self.wait_for_docking()")
    return docked if level is None else (*docked, f"self.wait_for_charge(level={level})")


def euler(roll: float, pitch: float, yaw: float) -> tuple[str, ...]:
    """Tilt the body, radians: roll positive right, pitch positive nose down, yaw positive left."""
    return (f"self.sport_client.Euler(roll={number(roll)}, pitch={number(pitch)}, yaw={number(yaw)})",)
