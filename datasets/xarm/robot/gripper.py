"""Gripping and letting go, and telling the operator something."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness.simulation import Value
from harness.simulation.robot import Skill

from .cell import EXACT, TABLE, Thing
from .motion import may_move
from .state import SAME, Arm

DROP = 5  # mm that a thing may be above what it is put on
FORCE = 50  # where the call names none


def _set_gripper(arm: Arm, pos: float, force: int = FORCE, wait: bool = False) -> None:
    if not may_move(arm, "the gripper"):
        return
    opening = float(pos)
    held = arm.held
    if held is not None and opening > held.width + SAME:
        _let_go(arm, held, opening)
    elif held is None and (thing := _between_jaws(arm)) and opening <= thing.width < arm.gripper + SAME:
        arm.held, arm.grip, arm.lifted = thing, arm.tip.z - thing.base, False
        del arm.things[thing.name]
        arm.gripper = thing.width
        arm.act("gripped", thing=thing.name, force=force)
    elif held is None and abs(opening - arm.gripper) > SAME:
        closes: dict[str, Value] = {"force": force} if opening < arm.gripper else {}
        arm.gripper = opening
        arm.emit("gripper", to=opening, **closes)
    arm.gripping = not wait
    arm.moving = False  # the SDK's call waits for the motion before it


def _between_jaws(arm: Arm) -> Thing | None:
    """What closing the gripper would grip."""
    near = [one for one in arm.things.values() if math.hypot(arm.tip.x - one.x, arm.tip.y - one.y) <= EXACT]
    return next((one for one in near if one.base - SAME <= arm.tip.z <= one.base + one.height), None)


def _let_go(arm: Arm, thing: Thing, opening: float) -> None:
    under, base = arm.under(arm.tip), arm.tip.z - arm.grip
    if base > under.height + DROP:
        arm.refuse("R506", f"{thing.name!r} let go {base - under.height:.0f} mm above {under.name!r}: it would drop")
        return
    if under.name in arm.things and math.dist(arm.tip[:2], arm.things[under.name][1:3]) > EXACT:
        arm.refuse("R506", f"{thing.name!r} let go on the edge of {under.name!r}: it would fall off")
        return
    placed = thing._replace(x=arm.tip.x, y=arm.tip.y, base=under.height)
    arm.things[thing.name] = placed
    arm.held, arm.grip, arm.gripper = None, 0.0, opening
    where = {"x": placed.x, "y": placed.y} if under.name == TABLE else {}
    arm.act("placed", thing=thing.name, on=under.name, **where)


def _report(what: str) -> Callable[[Arm], None]:
    def skill(arm: Arm) -> None:
        if arm.moving:
            arm.refuse("R505", f"the {what} is read on the way: give the motion before wait=True")
        else:
            arm.emit("reported", what=what)

    return skill


def _show(arm: Arm, text: str) -> None:
    arm.emit("shown", text=text)


SKILLS: dict[str, Skill] = {
    "arm.set_gripper_g2_position": _set_gripper,
    "arm.get_position": _report("tip"),
    "arm.get_servo_angle": _report("joints"),
    "arm.get_gripper_g2_position": _report("opening"),
    "arm.get_err_warn_code": _report("faults"),
    "show": _show,
}
