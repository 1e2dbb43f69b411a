"""What each call does to the robot: one module per subsystem, joined into one table by call path.

A skill takes the robot and the bound arguments, checks its preconditions, changes the state and emits events. To
teach the simulator a call, write the function and name it in its module's `SKILLS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from harness.simulation.skills import docking, motion, navigation, perception, posture, speech, system
from harness.simulation.state import Robot

Skill: TypeAlias = Callable[[Robot, Mapping[str, Any]], object]

SKILLS: Mapping[str, Skill] = {
    **posture.SKILLS,
    **motion.SKILLS,
    **navigation.SKILLS,
    **docking.SKILLS,
    **perception.SKILLS,
    **system.SKILLS,
    **speech.SKILLS,
}
