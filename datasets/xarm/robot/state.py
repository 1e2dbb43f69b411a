"""The arm while a command list runs.

What is between two acts is a way, and only its turning points count: going up, across and down is one way however
high it leads. `moved` events are therefore made when the next act comes, or at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from harness.simulation import Scene, State, Value

from .cell import NEAR, TABLE, Support, Thing, nearest, stand, support
from .kinematics import HOME, Pose, forward, inverse

LOW = 150  # mm; below it only straight up and down
TRAVEL = 200  # mm; where a list goes across, unless the command says another height
SAME = 1.0  # mm, and degrees
OFF, UNSET, ENABLED, BY_HAND, PAUSED, STOPPED = CONDITIONS = (
    "unpowered",
    "unset",
    "enabled",
    "hand_guided",
    "paused",
    "stopped",
)


@dataclass(slots=True)
class Arm(State):
    """State of the arm.

    Attributes:
        things: What stands about, that in the gripper left out.
        condition: One of `CONDITIONS`.
        mode: 0 by position, 2 by hand; in force once the state is set to 0.
        joints: Degrees, of joint 1 to 6.
        tip: Where the tip is.
        down: The gripper points straight down.
        gripper: Opening in mm.
        held: What is in the gripper; its `base` is below the tip by `grip`.
        moving, gripping: A motion, or the gripper, was not waited for.
        speed, joint_speed: As last set by a call, in mm/s and degrees/s.
        origin: Where the way to the next act begins, `acted` where something was gripped or let go there.
        stops: Poses passed on it since, each with the speed in force.
        lifted: What is held was lifted off.
    """

    things: dict[str, Thing]
    condition: str
    joints: tuple[float, ...]
    gripper: float
    mode: int = 0
    tip: Pose = field(init=False)
    down: bool = True
    held: Thing | None = None
    grip: float = 0.0
    lifted: bool = False
    moving: bool = False
    gripping: bool = False
    speed: float | None = None
    joint_speed: float | None = None
    acted: bool = False
    origin: Pose = field(init=False)
    stops: list[tuple[Pose, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The tip is where the joints put it."""
        self.tip, self.down = forward(self.joints)
        self.origin = self.tip

    def emit(self, event: str, /, **fields: Value) -> None:
        """Record an event, and before it the way that led here."""
        self.arrive()
        State.emit(self, event, **fields)  # zero-argument super() does not work in a class with slots

    def arrive(self, *, acts: bool = False, settles: bool = False) -> None:
        """End the way here: its turning points become events.

        Args:
            acts: The gripper takes or lets go of something here: that the tip came is no event of its own.
            settles: It only stays a moment, as before taking something: that it came does no harm.
        """
        if not self.stops:
            return
        way = [self.origin, *(pose for pose, _ in self.stops)]
        for at, (here, speed) in enumerate(self.stops, start=1):
            before, after = way[at - 1], way[at + 1] if at < len(self.stops) else None
            if after is None:
                # Straight up from an act is going away from it.
                leaving = self.acted and all(_above(two, one) for one, two in pairwise(way))
                counts, via = not (acts or leaving), settles and (here.z < LOW or self.under(here).name != TABLE)
            else:
                low_before = before.z < LOW or (at == 1 and self.acted)
                low_after = after.z < LOW or (acts and at == len(self.stops) - 1)
                rises, sinks = _above(here, before), _above(here, after)
                # The travelling height asks for it, or the straight way would lead through the arm itself.
                forced = (rises and low_before) or (sinks and low_after) or nearest(before, after) < NEAR - SAME
                counts, via = not forced, rises or sinks or _between(before, here, after)
            if counts:
                more: dict[str, Value] = {"via": True} if via else {}
                more |= {} if speed is None else {"speed": speed}
                State.emit(self, "moved", x=here.x, y=here.y, z=here.z, yaw=here.yaw, **more)
        self.origin, self.stops, self.acted = self.tip, [], False

    def once(self, event: str, /, **fields: Value) -> None:
        """Record what makes no difference done twice, unless it was the last thing that happened."""
        self.arrive()
        last = self.events[-1] if self.events else None
        if last is None or last.name != event or any(last.fields.get(name) != value for name, value in fields.items()):
            State.emit(self, event, **fields)

    def act(self, event: str, **fields: Value) -> None:
        """Record what the gripper does here."""
        self.arrive(acts=True)
        if self.speed is not None:
            fields["speed"] = self.speed
        State.emit(self, event, **fields)
        self.acted = True

    def under(self, pose: Pose) -> Support:
        """What is below the gripper, or below what it holds, at a pose."""
        return support(self.things.values(), pose.x, pose.y, self.held.width if self.held else 0.0)

    def to(self, pose: Pose) -> None:
        """Put the tip at a pose, the gripper pointing down."""
        joints = inverse(pose)
        # Joint 6 turns on from where it is.
        last = joints[5] + 360 * round((self.joints[5] - joints[5]) / 360)
        self.joints = (*joints[:5], last if abs(last) <= 360 else joints[5])
        self.tip = pose

    def describe(self) -> str:
        """The state in a line, for people."""
        x, y, z, yaw = self.tip
        held = f", holding {self.held.name}" if self.held else f", gripper {self.gripper:g} mm open"
        return f"{self.condition}, tip at x {x:.0f} y {y:.0f} z {z:.0f}, turned {yaw:.0f} degrees{held}"

    def final(self) -> dict[str, Value]:
        """The state that expectations may name."""
        return {
            "condition": self.condition,
            "holding": self.held.name if self.held else "",
            "gripper": self.gripper,
            **dict(zip("xyz", self.tip[:3], strict=True)),
            "yaw": self.tip.yaw,
        }

    def finish(self) -> None:
        """The last way ends."""
        self.arrive()


def _level(one: Pose, two: Pose) -> float:
    return math.hypot(one.x - two.x, one.y - two.y)


def _alike(one: Pose, two: Pose) -> bool:
    return abs(math.remainder(one.yaw - two.yaw, 360)) < SAME


def _above(high: Pose, low: Pose) -> bool:
    """Whether a pose is straight above another, turned alike."""
    return _level(high, low) < SAME and high.z >= low.z and _alike(high, low)


def _between(one: Pose, middle: Pose, two: Pose) -> bool:
    """Whether a pose is on the straight way between two others."""
    around = math.dist(one[:3], middle[:3]) + math.dist(middle[:3], two[:3])
    return around - math.dist(one[:3], two[:3]) < 0.01 and (_alike(one, middle) or _alike(middle, two))


def new(scene: Scene) -> Arm:
    """The arm before the first call."""
    start = scene.start
    things = stand(start["things"])
    condition = PAUSED if start["paused"] else ENABLED if start["ready"] else OFF
    arm = Arm(scene, things, condition, HOME, float(start["gripper"]))
    x, y, z = map(float, start["at"])
    at = Pose(x, y, z, 0.0)
    if math.dist(arm.tip[:3], at[:3]) > SAME:
        arm.to(at)
        arm.origin = arm.tip
    if name := start["holding"]:
        arm.held = things.pop(name)
        arm.gripper, arm.grip, arm.lifted = arm.held.width, arm.held.height / 2, True
    return arm
