"""Rules of the arm: what each call needs, told to the model, explained to the engineer, enforced by the skills."""

from __future__ import annotations

from harness.simulation import Rule
from harness.simulation.rules import ALONE

from .cell import FAR, HIGH, NEAR, OPEN
from .kinematics import JOINTS
from .state import LOW, TRAVEL


def _at(**where: int) -> str:
    return f"self.arm.set_position({', '.join(f'{name}={value}.0' for name, value in where.items())}, wait=True)"


_READY = ("self.arm.motion_enable(enable=True)", "self.arm.set_mode(mode=0)", "self.arm.set_state(state=0)")
_OPEN, _CLOSE = (f"self.arm.set_gripper_g2_position(pos={mm}.0, wait=True)" for mm in (OPEN, 0))
_CUBE = (*_READY, _at(x=300, y=-100, z=TRAVEL), _at(z=20))
_TAKE = (*_CUBE, _CLOSE, _at(z=TRAVEL))
_RANGES = ", ".join(f"{number}: {low}..{high}" for number, (low, high) in enumerate(JOINTS, start=1))

RULES = {
    "R501": Rule(
        "the arm is not ready",
        "Before it moves, grips or pauses the arm is made ready: motion_enable(enable=True), set_mode(mode=0),"
        " set_state(state=0), in this order, once; after a stop or pause set_state(state=0) is enough.",
        "Without power, in another mode or in a stopped state the controller refuses every motion.",
        (_at(z=300),),
        (*_READY, _at(z=300)),
    ),
    "R502": Rule(
        "out of reach",
        f"The tip reaches points {NEAR} to {FAR} mm from the arm's axis, seen from above (the root of x*x + y*y), up to"
        f" z {HIGH}; a straight way passes no nearer than {NEAR} mm: go round by a point between.",
        "Farther out the arm is stretched, nearer in it meets its own base; the controller stops with an error.",
        (*_READY, _at(x=600, y=300)),
        (*_READY, _at(x=500, y=300)),
    ),
    "R503": Rule(
        "into the table or a thing",
        "Nothing goes below what is under it: the tip not below z 0, a thing held not with its underside; above a thing"
        " the empty gripper goes down only over its middle.",
        "The arm presses the gripper, or what it holds, onto the table or a thing until something gives.",
        (*_TAKE, _at(x=300, y=250), _at(z=10)),
        (*_TAKE, _at(x=300, y=250), _at(z=20)),
    ),
    "R504": Rule(
        "sideways near the table",
        f"Below z {LOW} the tip moves straight up and down and turns, nothing else: go across at z {TRAVEL}, straight"
        " down, and straight up again before anything else.",
        "Sideways near the table the gripper knocks things over.",
        (*_CUBE, _at(x=400, y=100)),
        (*_CUBE, _at(z=TRAVEL), _at(x=400, y=100)),
    ),
    "R505": Rule(
        "not waited for",
        "Calls follow at once: wait=True lets a motion or the gripper finish first. Every motion after the gripper"
        " needs that, and every reading, stop and switching off after a motion.",
        "The arm lifts off before the jaws have closed, or a position is read that is left a moment later.",
        (*_CUBE, "self.arm.set_gripper_g2_position(pos=0.0)", _at(z=TRAVEL)),
        (*_CUBE, _CLOSE, _at(z=TRAVEL)),
    ),
    "R506": Rule(
        "let go in the air",
        "Let go only of a thing that stands: the tip at the height of what is under it plus half the thing's own"
        " height, and on top of a thing over its middle.",
        "It drops, rolls away or breaks.",
        (*_TAKE, _at(x=300, y=250), _OPEN),
        (*_TAKE, _at(x=300, y=250), _at(z=20), _OPEN),
    ),
    "R507": Rule(
        "the gripper is not open enough",
        f"The gripper goes down over a thing only when it is open wider than the thing; it opens {OPEN} mm at most.",
        "The jaws land on top of it.",
        (*_READY, "self.arm.set_gripper_g2_position(pos=30.0, wait=True)", _at(x=300, y=-100, z=TRAVEL), _at(z=20)),
        (*_READY, "self.arm.set_gripper_g2_position(pos=50.0, wait=True)", _at(x=300, y=-100, z=TRAVEL), _at(z=20)),
    ),
    "R508": Rule(
        "the gripper points aside",
        "Turning joints 2 to 5 tilts the gripper: move_gohome before the next set_position.",
        "set_position keeps the tilt, so that the jaws no longer come from above.",
        (*_READY, "self.arm.set_servo_angle(servo_id=5, angle=20.0, wait=True)", _at(z=300)),
        (
            *_READY,
            "self.arm.set_servo_angle(servo_id=5, angle=20.0, wait=True)",
            "self.arm.move_gohome(wait=True)",
            _at(z=300),
        ),
    ),
    "R509": Rule(
        "a joint cannot turn so far",
        f"Joints turn, in degrees: {_RANGES}.",
        "The SDK refuses the angle, or the joint runs into its stop.",
        (*_READY, "self.arm.set_servo_angle(servo_id=3, angle=60.0, wait=True)"),
        (*_READY, "self.arm.set_servo_angle(servo_id=3, angle=-60.0, wait=True)"),
    ),
    "R510": Rule(
        "which joint, or to what angle",
        "set_servo_angle moves one joint: give servo_id and angle.",
        "Without a number the SDK wants the angles of all joints, without an angle there is nothing to do.",
        (*_READY, "self.arm.set_servo_angle(angle=30.0, wait=True)"),
        (*_READY, "self.arm.set_servo_angle(servo_id=1, angle=30.0, wait=True)"),
    ),
    "R516": ALONE._replace(
        wrong=(*_READY, "self.ask_operator(question='And then?')"),
        right=("self.ask_operator(question='Where should the cube go?')",),
    ),
}
