"""Making ready, moving, pausing and stopping."""

from __future__ import annotations

import math

from harness.simulation.robot import Skill

from .cell import EXACT, FAR, HIGH, NEAR, nearest
from .kinematics import HOME, JOINTS, Pose, forward
from .state import BY_HAND, ENABLED, LOW, OFF, PAUSED, SAME, STOPPED, UNSET, Arm

BY_COMMAND = 0
SPARE_SECONDS = 2.0  # that a list may pause unasked
_TURNING_JOINTS = (1, 6)  # about the vertical while the gripper points down


def _motion_enable(arm: Arm, enable: bool = True) -> None:
    if not enable:
        if arm.condition != OFF and _arrived(arm, "switching off"):
            arm.condition = OFF
            arm.emit("switched_off")
    elif arm.condition == OFF:
        arm.condition = UNSET


def _set_mode(arm: Arm, mode: int = 0) -> None:
    if arm.condition == OFF:
        arm.refuse("R501", "set_mode before motion_enable: switch the motors on first")
    elif mode != arm.mode and _arrived(arm, "another mode"):
        arm.mode = mode
        arm.condition = UNSET


def _set_state(arm: Arm, state: int = 0) -> None:
    if arm.condition == OFF:
        arm.refuse("R501", "set_state before motion_enable: switch the motors on first")
    elif state == 0:
        taught, arm.condition = arm.condition == BY_HAND, ENABLED if arm.mode == BY_COMMAND else BY_HAND
        if arm.condition == BY_HAND and not taught:
            arm.emit("hand_guided")
    elif state == 3 and arm.condition != PAUSED:  # a motion goes on afterwards
        arm.condition = PAUSED
        arm.emit("paused")
    elif state == 4 and arm.condition != STOPPED and _arrived(arm, "a stop"):
        arm.condition = STOPPED
        arm.emit("stopped")


def _arrived(arm: Arm, doing: str) -> bool:
    """Whether the last motion is over."""
    return not arm.moving or arm.refuse("R505", f"{doing} on the way: give the motion before wait=True")


def _emergency_stop(arm: Arm) -> None:
    if arm.condition != OFF:
        arm.condition = STOPPED
    arm.once("emergency_stopped")
    arm.moving = False


def _set_position(
    arm: Arm,
    *,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    yaw: float | None = None,
    speed: float | None = None,
    relative: bool = False,
    is_radian: bool | None = None,
    wait: bool = False,
) -> None:
    if not may_move(arm, "set_position"):
        return
    if not arm.down:
        arm.refuse("R508", "set_position while the gripper points aside: move_gohome first")
        return
    if yaw is not None and is_radian:
        yaw = math.degrees(yaw)
    given = (x, y, z, yaw)
    if relative:
        goal = Pose(*(now + (more or 0.0) for now, more in zip(arm.tip, given, strict=True)))
    else:
        goal = Pose(*(now if one is None else float(one) for now, one in zip(arm.tip, given, strict=True)))
    if speed is not None:
        arm.speed = float(speed)
    if _in_reach(arm, goal) and _clear(arm, goal):
        lifts = arm.held is not None and not arm.lifted and goal.z >= LOW and goal.z > arm.tip.z
        arm.to(goal)
        arm.moving = not wait
        arm.stops.append((goal, arm.speed))
        if lifts and arm.held:
            arm.lifted = True
            arm.act("lifted", thing=arm.held.name)


def may_move(arm: Arm, doing: str) -> bool:
    """Whether the arm is ready and the gripper done."""
    if arm.condition != ENABLED:
        return arm.refuse("R501", f"{doing} while the arm is {arm.condition}: motion_enable, set_mode, set_state first")
    if arm.gripping:
        return arm.refuse("R505", f"{doing} before the gripper is done: give its call wait=True")
    return True


def _in_reach(arm: Arm, goal: Pose) -> bool:
    """Whether the goal, and the straight way to it, are within reach."""
    far, near = math.hypot(goal.x, goal.y), nearest(arm.tip, goal)
    if far > FAR + SAME or near < NEAR - SAME or goal.z > HIGH + SAME:
        return arm.refuse(
            "R502",
            f"x {goal.x:.0f} y {goal.y:.0f} z {goal.z:.0f} is {far:.0f} mm from the axis and its way passes it at"
            f" {near:.0f}: it reaches {NEAR} to {FAR} mm, and {HIGH} mm up",
        )
    return True


def _clear(arm: Arm, goal: Pose) -> bool:
    """Whether the way hits neither the table nor a thing."""
    across = math.hypot(goal.x - arm.tip.x, goal.y - arm.tip.y)
    if across > SAME and min(arm.tip.z, goal.z) < LOW:
        return arm.refuse("R504", f"sideways at z {min(arm.tip.z, goal.z):.0f}: straight up first, and down at the end")
    lowest, under = goal.z - arm.grip if arm.held else goal.z, arm.under(goal)
    if lowest >= under.height - SAME:
        return True
    thing = arm.things.get(under.name)
    if arm.held is None and thing is not None and math.hypot(goal.x - thing.x, goal.y - thing.y) <= EXACT:
        if arm.gripper < thing.width:
            message = f"down over {thing.name!r}, {thing.width:g} mm wide, with the gripper {arm.gripper:g} mm open"
            return arm.refuse("R507", message)
        if lowest >= thing.base - SAME:
            return True
    what = f"{arm.held.name!r}, held {arm.grip:.0f} mm above its underside," if arm.held else "the gripper"
    return arm.refuse("R503", f"{what} at z {goal.z:.0f} would hit {under.name!r}, {under.height:g} mm high")


def _set_servo_angle(
    arm: Arm,
    *,
    servo_id: int | None = None,
    angle: float | None = None,
    speed: float | None = None,
    relative: bool = False,
    is_radian: bool | None = None,
    wait: bool = False,
) -> None:
    if not may_move(arm, "set_servo_angle"):
        return
    if servo_id is None or angle is None:
        arm.refuse("R510", "set_servo_angle without servo_id and angle: name the joint and its angle")
        return
    number, angle = servo_id - 1, math.degrees(angle) if is_radian else float(angle)
    goal = angle + (arm.joints[number] if relative else 0.0)
    low, high = JOINTS[number]
    if not low - SAME <= goal <= high + SAME:
        arm.refuse("R509", f"joint {servo_id} at {goal:.0f} degrees: it turns from {low} to {high}")
        return
    joints = (*arm.joints[:number], goal, *arm.joints[number + 1 :])
    if speed is not None:
        arm.joint_speed = math.degrees(speed) if is_radian else float(speed)
    if _swing(arm, joints, sideways=servo_id != _TURNING_JOINTS[1] or not arm.down):
        arm.moving = not wait
        arm.once("joint", number=servo_id, to=goal, **({} if arm.joint_speed is None else {"speed": arm.joint_speed}))


def _move_gohome(arm: Arm, wait: bool = False) -> None:
    if may_move(arm, "move_gohome") and _swing(arm, HOME, sideways=arm.joints != HOME):
        arm.moving = not wait
        arm.once("homed")


def _swing(arm: Arm, joints: tuple[float, ...], *, sideways: bool) -> bool:
    """Move by the joints; the way that led here ends before it."""
    if sideways and arm.down and arm.tip.z < LOW:
        return arm.refuse("R504", f"a joint turned at z {arm.tip.z:.0f}: straight up first")
    tip, down = forward(joints)
    if tip.z - arm.grip < 0 - SAME:
        return arm.refuse("R503", f"that joint angle puts the tip at z {tip.z:.0f}, below the table top")
    arm.arrive()
    arm.joints, arm.tip, arm.down = joints, tip, down
    arm.origin = tip
    return True


def _set_pause_time(arm: Arm, sltime: float, wait: bool = False) -> None:
    if may_move(arm, "set_pause_time"):
        arm.arrive(settles=sltime <= SPARE_SECONDS)
        arm.emit("waited", seconds=float(sltime))
        arm.moving = arm.moving and not wait


SKILLS: dict[str, Skill] = {
    "arm.motion_enable": _motion_enable,
    "arm.set_mode": _set_mode,
    "arm.set_state": _set_state,
    "arm.emergency_stop": _emergency_stop,
    "arm.set_position": _set_position,
    "arm.set_servo_angle": _set_servo_angle,
    "arm.move_gohome": _move_gohome,
    "arm.set_pause_time": _set_pause_time,
}
