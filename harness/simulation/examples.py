"""Tries the examples of a robot's rules: each wrong one breaks its rule, each right one breaks none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import InputError
from harness.simulation.load import robot_sources
from harness.simulation.robot import BoundCall, Robot
from harness.simulation.rules import ENGINE_RULES, Rule
from harness.simulation.run import simulate
from harness.simulation.scene import Scene, with_start


class Unfit(NamedTuple):
    """What is wrong with a rule, and where it stands in the robot module."""

    path: Path
    line: int
    code: str
    message: str


def check_rules(scenes: Mapping[str, Scene], bind: Callable[[str], BoundCall | None]) -> Iterator[Unfit]:
    """Everything that is wrong with the rules of the scenes' robot.

    Args:
        scenes: Of the pack.
        bind: One command as a bound call; None where the checks refuse it.
    """
    robot = next(iter(scenes.values())).robot
    scene = scenes.get(robot.example_scene) or next(iter(scenes.values()))
    for code, rule in robot.rules.items():
        for message in _problems(code, rule, scene, bind):
            yield Unfit(*_place(robot, code), code, message)


def _problems(code: str, rule: Rule, scene: Scene, bind: Callable[[str], BoundCall | None]) -> Iterator[str]:
    if not rule.tell:
        yield "it has no sentence for the model (`tell`)"
    if code not in ENGINE_RULES and not (rule.wrong and rule.right):
        yield "it needs a wrong and a right example"
    try:
        start = with_start(scene, rule.start)
        for name, commands in (("wrong", rule.wrong), ("right", rule.right)):
            broken = _broken(commands, start, bind, f"the {name} example of {code}")
            if name == "wrong" and commands and broken[:1] != [code]:
                yield f"its wrong example breaks {broken[0] if broken else 'nothing'} first"
            if name == "right" and broken:
                yield f"its right example breaks {broken[0]}"
    except InputError as error:
        yield str(error)


def _broken(commands: Sequence[str], scene: Scene, bind: Callable[[str], BoundCall | None], about: str) -> list[str]:
    calls = []
    for command in commands:
        call = bind(command)
        if call is None:
            raise InputError(f"{about}: the checks refuse {command}")
        calls.append(call)
    return [one.code for one in simulate(calls, scene, about=about).broken]


def _place(robot: Robot, code: str) -> tuple[Path, int]:
    """File and line that name a rule; the module's file where none does."""
    for path in robot_sources(robot.path):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if line.lstrip().startswith(f'"{code}":'):
                return path, number
    return robot.path, 1
