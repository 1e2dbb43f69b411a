"""Loads the robot module of a pack, and holds it against the profile.

The module is the user's own trusted code, as a `conftest.py` is; what a model writes never reaches it except as checked
values.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import threading
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from harness.errors import InputError
from harness.pack import PACK_FILE, PROMPTS, Pack, system_message
from harness.sdk.profile import Profile, load_profile
from harness.simulation.robot import Robot
from harness.simulation.said import Speech
from harness.simulation.static import static_robot
from harness.simulation.tables import load_words

_LOADING = threading.RLock()  # a thread must not see the module of another half run


def load_robot(pack: Pack, profile: Profile | None = None) -> Robot:
    """The robot of a pack, which fits the pack's own profile.

    Raises:
        InputError: there is no such module, it cannot be run, has no `ROBOT`, or does not fit the profile; with file
            and line.
    """
    profile = profile or load_profile(pack.profile)
    if pack.robot is None:
        path, robot = pack.root / PACK_FILE, static_robot(pack, profile)
    else:
        path = Path(os.path.abspath(robot_file(pack)))  # noqa: PTH100  as importlib spells it, and so tracebacks do
        robot = _robot_of(path, robot_digest(pack))
    speech = Speech(load_words(pack.words), lambda: [system_message(pack, prompt) for prompt in PROMPTS])
    robot = replace(robot, path=path, speech=speech)
    check_profile(robot, profile)
    return robot


def _robot_of(path: Path, digest: str) -> Robot:
    """What the module defines: one module for one content at one place, edited another, unchanged run once."""
    content = f"{path.resolve()} {digest}"
    name = f"_gonogo_robot_{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    with _LOADING:
        module = sys.modules.get(name) or run_module(path, name)
    robot = getattr(module, "ROBOT", None)
    if not isinstance(robot, Robot):
        raise InputError("the robot module defines no ROBOT = Robot(...)", path=path)
    return robot


def robot_file(pack: Pack) -> Path:
    """The file that the pack's `robot` names: a module, or the `__init__.py` of a package."""
    named = pack.robot
    for path in (named / "__init__.py", named.with_name(named.name + ".py"), named) if named else ():
        if path.is_file():
            return path
    raise InputError(
        f"there is no robot module {named.name if named else ''!r} (the `robot` of the pack)",
        path=pack.root / "gonogo.toml",
        hint="a Python file or a package beside it that defines ROBOT; see harness/simulation/robot.py",
    )


def robot_sources(path: Path) -> list[Path]:
    """Every file of the robot module at `path`: itself, or all of its package."""
    return sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]


def robot_digest(pack: Pack) -> str:
    """sha256 (hex) of the robot module's source, every file of a package, and of the pack's words."""
    digest = hashlib.sha256()
    path = robot_file(pack) if pack.robot else pack.root
    for file in robot_sources(path) if pack.robot else ():
        content = file.read_bytes()
        digest.update(f"{file.relative_to(path.parent).as_posix()} {len(content)}\n".encode() + content)
    if pack.words is not None and pack.words.is_file():
        digest.update(pack.words.read_bytes())
    return digest.hexdigest()


def run_module(path: Path, name: str, what: str = "the robot module") -> ModuleType:
    """Run a module of the user's own, `name` in `sys.modules`, `what` in an error; `path` is absolute."""
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(path.parent)] if path.name == "__init__.py" else None
    )
    if spec is None or spec.loader is None:
        raise InputError("is no Python module", path=path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # where dataclasses and `from .` look for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for loaded in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
            del sys.modules[loaded]
        if isinstance(error, SyntaxError):
            raise InputError(f"is not valid Python: {error.msg}", path=error.filename, line=error.lineno) from error
        raise module_fault(error, path, f"{what} cannot be loaded") from error
    return module


def module_fault(error: Exception, path: Path, what: str) -> InputError:
    """An exception of the user's module at `path`, with the last line of its folder that had a part in it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)]
    at, line = (own[-1].filename, own[-1].lineno) if own else (path, None)
    return InputError(f"{what}: {type(error).__name__}: {error}", path=at, line=line)


def check_profile(robot: Robot, profile: Profile, *, own: bool = True) -> None:
    """Every call of the profile has a skill with its parameters; the calls that stand alone are those that ask.

    A skill may have further parameters with a default, so that one module can serve two profiles. A profile that is not
    the pack's `own` may have calls that the robot does not know, which are then refused.

    Raises:
        InputError: it does not fit; with the file and line of the skill, or the file of the module.
    """
    instead = {robot.asks, robot.declines} - {""}
    alone = {call.path for call in profile.calls if call.alone}
    if own and alone != instead:
        raise InputError(
            f"calls that stand alone are {_listed(sorted(alone))} in the profile {profile.name!r}, and "
            f"{_listed(sorted(instead))} by `asks` and `declines`",
            path=robot.path,
        )
    if not robot.simulated:
        return
    for call in profile.calls:
        if call.tier == "deny" or call.nested_only or call.path in instead:
            continue
        skill = robot.skills.get(call.path)
        wanted = [param.name for param in call.params or ()]
        if skill is None:
            if own:
                hint = f"give it one with the parameters: {_listed(wanted)}"
                raise InputError(f"the call {call.path!r} of the profile has no skill", path=robot.path, hint=hint)
            continue
        given = dict(list(inspect.signature(skill).parameters.items())[1:])
        needed = {name for name, one in given.items() if one.default is inspect.Parameter.empty}
        left_out = {param.name for param in call.params or () if not param.required and param.default is None}
        message = ""
        if not needed <= set(wanted) <= given.keys():
            message = f"takes {_listed(given)}; the profile {profile.name!r} gives {_listed(wanted)}"
        elif needed & left_out:
            message = f"needs a default for {min(needed & left_out)!r}, which a call may leave out"
        if message:
            code = getattr(inspect.unwrap(skill), "__code__", None)
            path, line = (Path(code.co_filename), code.co_firstlineno) if code else (robot.path, None)
            raise InputError(f"the skill of {call.path!r} {message}", path=path, line=line)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
