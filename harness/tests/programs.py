"""Lists of bound calls as the mutants change them: cut into steps, put together anew, and written out again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeAlias

from harness.checks import Call
from harness.checks.finding import Value
from harness.sdk.profile import Profile

Program: TypeAlias = tuple[Call, ...]
Mutant: TypeAlias = tuple[str, Program]  # which kind of change, and the changed program
Argument: TypeAlias = Value


def call(path: str, **args: Argument) -> Call:
    """A bound call."""
    return Call(path, args)


def groups(program: Program, same_step: Callable[[Sequence[Call], Call], bool]) -> list[Program]:
    """The steps: neighbouring calls that belong together."""
    cut: list[list[Call]] = []
    for one in program:
        if cut and same_step(cut[-1], one):
            cut[-1].append(one)
        else:
            cut.append([one])
    return [tuple(group) for group in cut]


def starts(cut: Sequence[Program]) -> list[int]:
    """Position of each step's first call, and the length of the whole."""
    return list(accumulate(map(len, cut), initial=0))


def spliced(program: Program, at: int, calls: Sequence[Call] = (), drop: int = 0) -> Program:
    """The program with calls put in at a position, in place of as many as are dropped there."""
    return (*program[:at], *calls, *program[at + drop :])


def with_arg(one: Call, name: str, value: Argument) -> Call:
    """A call with one argument changed; a builder's argument is changed inside it."""
    for key, inner in one.args.items():
        if isinstance(inner, Call):
            return Call(one.path, {**one.args, key: with_arg(inner, name, value)})
    return Call(one.path, {**one.args, name: value})


def written(
    program: Sequence[Call],
    profile: Profile,
    *,
    positional: bool = False,
    defaults: bool = False,
    quoted: Callable[[object], str] = repr,
) -> str:
    """The answer text of a program; arguments by name or position, those that equal their default left out or not."""

    def text_of(one: Call) -> str:
        named = not positional
        parts = []
        for param in profile.by_path[one.path].params or ():
            value = one.args.get(param.name)
            named = named or param.passing == "name"
            if value is None or (not defaults and not param.required and value == param.default):
                named = True  # what follows a gap needs its name
            elif isinstance(value, Call):
                parts.append(f"self.{text_of(value)}")
            else:
                text = quoted(list(value) if isinstance(value, tuple) else value)
                parts.append(f"{param.name}={text}" if named else text)
        return f"{one.path}({', '.join(parts)})"

    return repr([f"self.{text_of(one)}" for one in program])
