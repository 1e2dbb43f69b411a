"""Where the gripper's tip is by the joints of an xArm 6, and by which joints it reaches a point pointing straight down.

Modified Denavit-Hartenberg parameters of UFACTORY's xArm user manual (kinematics appendix). Lengths in mm, angles in
degrees; x ahead, y to the left, z up from the table top. All joints at zero put the tip at (207, 0, 240).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

PEDESTAL = 300.0  # mm from the table top to the arm's base; as the cell is built
GRIPPER = 172.0  # mm from the flange to the tip of the jaws; the tool offset that the node sets
_LINK = 289.48866  # shoulder to elbow
_SHOULDER, _FOREARM, _OUT = 267.0, (77.5, 342.5), (76.0, 97.0)
_LEAN = 1.3849179  # rad; how the upper arm stands at joint angle zero
_ROWS = (  # length, offset, twist, angle at zero (both in rad)
    (0.0, _SHOULDER, 0.0, 0.0),
    (0.0, 0.0, -math.pi / 2, -_LEAN),
    (_LINK, 0.0, 0.0, _LEAN),
    (_FOREARM[0], _FOREARM[1], -math.pi / 2, 0.0),
    (0.0, 0.0, math.pi / 2, 0.0),
    (_OUT[0], _OUT[1], -math.pi / 2, 0.0),
)
JOINTS = ((-360, 360), (-118, 120), (-225, 11), (-360, 360), (-97, 180), (-360, 360))  # degrees, of joint 1 to 6
Matrix = list[list[float]]


class Pose(NamedTuple):
    """Where the tip is, and how far the gripper is turned about the vertical, counter-clockwise from above."""

    x: float
    y: float
    z: float
    yaw: float


HOME = (0.0,) * 6


def forward(joints: Sequence[float]) -> tuple[Pose, bool]:
    """The pose by joint angles, and whether the gripper points straight down."""
    frame: Matrix = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, PEDESTAL], [0.0, 0.0, 0.0, 1.0]]
    for angle, (length, offset, twist, zero) in zip(joints, _ROWS, strict=True):
        cos, sin = math.cos(math.radians(angle) + zero), math.sin(math.radians(angle) + zero)
        up, over = math.cos(twist), math.sin(twist)
        step = [
            [cos, -sin, 0.0, length],
            [sin * up, cos * up, -over, -offset * over],
            [sin * over, cos * over, up, offset * up],
            [0.0, 0.0, 0.0, 1.0],
        ]
        frame = [[sum(row[k] * step[k][j] for k in range(4)) for j in range(4)] for row in frame]
    x, y, z = (row[3] + GRIPPER * row[2] for row in frame[:3])
    yaw = math.degrees(math.atan2(frame[1][0], frame[0][0]))
    pose = Pose(*(round(value, 2) + 0.0 for value in (x, y, z, yaw)))  # no -0.0
    return pose, frame[2][2] < -math.cos(math.radians(0.5))


def inverse(pose: Pose) -> tuple[float, ...]:
    """Joint angles, elbow up, with which the gripper points straight down at a pose within reach."""
    ahead = math.hypot(pose.x, pose.y) - _OUT[0]
    up = pose.z + GRIPPER + _OUT[1] - PEDESTAL - _SHOULDER
    forearm, far = math.hypot(*_FOREARM), math.hypot(ahead, up)
    bend = math.acos(max(-1.0, min(1.0, (_LINK**2 + far**2 - forearm**2) / (2 * _LINK * far))))
    upper = math.atan2(up, ahead) + bend
    lower = math.atan2(up - _LINK * math.sin(upper), ahead - _LINK * math.cos(upper))
    second = _LEAN - upper
    third = math.atan2(-_FOREARM[1], _FOREARM[0]) - lower - second
    first = math.degrees(math.atan2(pose.y, pose.x))
    two, three = math.degrees(second), math.degrees(third)
    return first, two, three, 0.0, -two - three, math.remainder(first - pose.yaw, 360.0)
