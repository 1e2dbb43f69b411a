"""The Unitree Go2 as gonogo simulates it: one module per subsystem, joined into one table by call path.

A skill takes the robot and the arguments of its call by name, checks its preconditions, changes the state and emits
events. To teach the simulator a call, write the function and name it in its module's `SKILLS`.
"""

from harness.simulation import Robot

from . import docking, motion, navigation, perception, posture, system
from .events import EVENTS, FINAL, expected, spare
from .infer import infer_start, missing_rooms
from .rules import RULES
from .state import ON_THE_WAY, START, new, settle

ROBOT = Robot(
    name="Unitree Go2",
    new=new,
    skills={
        **posture.SKILLS,
        **motion.SKILLS,
        **navigation.SKILLS,
        **docking.SKILLS,
        **perception.SKILLS,
        **system.SKILLS,
    },
    events=EVENTS,
    final=FINAL,
    rules=RULES,
    asks="ask_operator",
    declines="decline",
    start=START,
    settle=settle,
    tables=("docks",),
    nowhere=(ON_THE_WAY,),
    expected=expected,
    spare=spare,
    missing_rooms=missing_rooms,
    infer_start=infer_start,
    example_scene="office",
)
