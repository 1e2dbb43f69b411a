"""Where, when and how much: a Go2's acts at the wrong moment, too much of what is harmless, and equal ways of doing it.

Told from the text of a list alone, as in `mutants_go2`.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from itertools import pairwise

from harness.cases import Case
from harness.checks import Call
from harness.simulation import Scene
from harness.tests.mutants_go2_calls import (
    ARRIVE,
    LOG,
    MOVE,
    STARTS,
    STILL,
    TRICKS,
    idle_wait,
    rooms_of,
    same_step,
)
from harness.tests.mutants_texts import TEXTS, language
from harness.tests.programs import Argument, Mutant, Program, call, groups, spliced, starts, with_arg

LEVEL = "sport_client.SpeedLevel"
SETTINGS = {"avoid_client.SwitchSet", LEVEL, "sport_client.FreeWalk", "sport_client.ClassicWalk"}
MOVABLE = STILL | SETTINGS | {"wait", "perception_client.call_async"}  # acts that a list can hold before any wait
HURRY = re.compile(r"(?i)hurry|quick|fast|rush|schnell|beeil|rasch|rápid|prisa|vite|dépêch|rapid|快|赶紧")
SHORT = {"wait_for_perception": 0.1, "wait_for_docking": 1.0}
LONG = {"wait_for_navigation": (300.0, 600.0), "wait_for_perception": (20.0, 60.0), "wait_for_docking": (180.0, 300.0)}
# Largest speeds that a Move may have.
FASTEST = {"vx": 0.6, "vy": 0.4, "vyaw": 1.0}
IRREGULAR = {"box": "boxes", "person": "people", "shelf": "shelves", "knife": "knives", "leaf": "leaves"}


def pause(seconds: float) -> Call:
    """Doing nothing."""
    return call("wait", seconds=seconds)


def note(message: str) -> Call:
    """A log line."""
    return call(LOG, message=message)


def ordered(case: Case) -> bool:
    """Whether the case takes its reference's order and no other."""
    orders = {tuple(sorted(reference)) for reference in case.references}
    free = case.expect.get("order", "all") != "all" or "must" in case.expect
    return not free and len(orders) == len(case.references)


def harmful(case: Case, program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """Acts at the wrong moment, and too much of what is harmless."""
    if ordered(case):
        yield from _moved(program)
    yield from _doubled(program, rng)
    yield from _too_short(program, scene)
    yield from _cut_short(program)
    if "allow" not in case.expect:
        yield from _too_much(case, program, scene, rng)
        yield from _unasked(case, program, rng)


def _moved(program: Program) -> Iterator[Mutant]:
    """An act before a goal or a turn, or after it, moved between sending it and waiting for it."""
    cut = groups(program, same_step)
    for (one, two), at in zip(pairwise(cut), starts(cut), strict=False):
        trip = two if one[0].path in MOVABLE else one
        act = one if trip is two else two
        if act[0].path in MOVABLE and trip[0].path in STARTS and [one.path for one in trip[1:]] == [ARRIVE.path]:
            kind = "sent before an act was done" if trip is two else "done before the arrival"
            yield kind, spliced(program, at, (trip[0], *act, trip[1]), drop=len(one) + len(two))


def _doubled(program: Program, rng: random.Random) -> Iterator[Mutant]:
    """A wait that is asked for, once more after another act."""
    places = starts(groups(program, same_step))
    for at, one in enumerate(program):
        later = [place for place in places if place > at + 1]
        if one.path == "wait" and idle_wait(program, at) and float(one.args["seconds"]) > 2 and later:  # type: ignore[arg-type]
            yield "wait doubled", spliced(program, rng.choice(later), (one,))


def _too_short(program: Program, scene: Scene) -> Iterator[Mutant]:
    """A timeout that the way, the camera or the dock needs more than."""
    here = "" if scene.start["driving_to"] else str(scene.start["location"])
    for at, one in enumerate(program):
        rooms = rooms_of(one) if one.path in STARTS and one.path != "spin" else ()
        waited = at + 1 < len(program) and program[at + 1].path == ARRIVE.path
        if rooms and waited and here and scene.route(here, rooms[0]).length > 1:
            yield "timeout too short", spliced(program, at + 1, (with_arg(ARRIVE, "timeout_sec", 0.5),), drop=1)
        here = rooms[-1] if rooms else here
        if one.path in SHORT:
            short = with_arg(one, "timeout_sec", SHORT[one.path])
            yield "timeout too short", spliced(program, at, (short,), drop=1)


def _cut_short(program: Program) -> Iterator[Mutant]:
    """A trick that the next motion or look does not let end."""
    for at, (one, two) in enumerate(pairwise(program)):
        after = next((other.path for other in program[at + 2 :] if other.path not in STILL), "wait")
        if one.path in TRICKS and two.path == "wait" and after not in {"wait", *SETTINGS}:
            for seconds in (0.5, 1.0, 2.0):
                yield "trick cut short", spliced(program, at + 1, (pause(seconds),), drop=1)
            yield "trick cut short", (*spliced(program, at + 1, drop=1), two)


def _too_much(case: Case, program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """More waiting and more log lines than are harmless; joints locked at the end."""
    places = starts(groups(program, same_step))  # where a trick that nothing waits for takes three seconds of a wait
    for seconds in (9.0, 20.0, 60.0):
        yield "too much waiting", spliced(program, rng.choice(places), (pause(seconds),))
    first, second = rng.choice(places), rng.choice(places)
    twice = spliced(program, max(first, second), (pause(5.0),))
    yield "too much waiting", spliced(twice, min(first, second), (pause(5.0),))
    lines = [note(text) for text in rng.sample(TEXTS["log"]["neutral"], 3)]
    yield "too many log lines", (*lines[:2], *program)
    yield "too many log lines", (*spliced(program, rng.choice(places), lines[:1]), lines[1])
    yield "too many log lines", (*lines[:1], *spliced(program, rng.choice(places), lines[1:2]), lines[2])
    paths = {one.path for one in program}
    if not paths & {"sport_client.StandUp", "sport_client.FrontJump"} and scene.start["posture"] != "locked":
        yield "joints locked at the end", (*program, call("sport_client.StandUp"))
    if call(LEVEL, level=1) in program and HURRY.search(case.command):
        yield "wait in a hurry", spliced(program, program.index(call(LEVEL, level=1)) + 1, (pause(4.0),))


def _unasked(case: Case, program: Program, rng: random.Random) -> Iterator[Mutant]:
    """Friendly speech, a result told that nobody wants to know, a log line that is no neutral one."""
    places = starts(groups(program, same_step))
    for text in rng.sample(TEXTS["unasked"][language(case.command)], 3):
        yield "unasked speech", spliced(program, rng.choice(places), (call("say", text=text),))
    for at, one in enumerate(program):
        told = at + 1 < len(program) and program[at + 1].path == "report_perception"
        if one.path == "wait_for_perception" and not told:
            yield "unasked report", spliced(program, at + 1, (call("report_perception"),))
    for text in rng.sample(TEXTS["log"]["false"], 2):
        yield "log line not neutral", spliced(program, rng.choice(places), (note(text),))


def harmless(case: Case, program: Program, rng: random.Random) -> Iterator[Mutant]:
    """The same numbers, names, timeouts and waits in other ways."""
    for at, one in enumerate(program):
        changes: list[tuple[str, str, Argument]] = []
        changes += [("longer timeout", "timeout_sec", seconds) for seconds in LONG.get(one.path, ())]
        for name in ("angle", "roll", "pitch", "yaw"):
            angle = one.args.get(name)
            if isinstance(angle, float) and angle:
                exact = math.radians(round(math.degrees(angle)))
                changes += [("rounding", name, round(angle, 2))] * (abs(round(angle, 2)) <= 6.29)
                changes += [("four decimals", name, round(exact, 4))] * (round(exact, 3) == angle)
        request = one.args.get("request")
        if isinstance(request, Call) and "object_name" in request.args:
            changes += [("object name", "object_name", name) for name in _names(str(request.args["object_name"]), case)]
        for kind, name, value in changes:
            yield kind, spliced(program, at, (with_arg(one, name, value),), drop=1)
        if one.path == "wait" and idle_wait(program, at):
            yield from (("wait split", changed) for changed in _split(program, at))
    yield from _rooms_in_words(case, program)
    if case.expect.get("motion") == "distance":
        yield from (("other speed", changed) for changed in _faster(program))
    if not any(one.path == LOG for one in program):
        cut = groups(program, same_step)
        between = zip(starts(cut)[1:], pairwise(cut), strict=False)
        joined = {at for at, (one, two) in between if one[0].path == two[0].path}  # such as one wait in two calls
        places = sorted({0, len(program), rng.choice(starts(cut))} - joined)
        for at, text in zip(places, rng.sample(TEXTS["log"]["neutral"], 3), strict=False):
            yield "extra log", spliced(program, at, (note(text),))
        yield "extra log", (*program, note(rng.choice(TEXTS["log"]["end"])))


def _names(name: str, case: Case) -> Iterator[str]:
    """The object as the command may have it: in the plural, capitals, with an article or underscores."""
    plural = IRREGULAR.get(name, name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s"))
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        plural = f"{name[:-1]}ies"
    yield from [plural] * bool(re.search(rf"(?i)\b{re.escape(plural)}\b", case.command))
    yield from (name.upper(), name.replace(" ", "_"), f"the {name}")


def _split(program: Program, at: int) -> Iterator[Program]:
    """A wait and its neighbours of the same kind, in other parts."""
    end = at
    while end < len(program) and program[end].path == "wait":
        end += 1
    lengths = [one.args["seconds"] for one in program[at:end]]
    total = sum(seconds for seconds in lengths if isinstance(seconds, float))
    if at and program[at - 1].path == "wait":
        return
    for part in (50.0, 30.0, 10.0):
        if part < total <= 600:
            rest = [round(total % part, 3)] if total % part else []
            parts = [*[part] * int(total // part), *rest]
            yield spliced(program, at, [pause(one) for one in parts], drop=end - at)
    if total <= 120:
        yield spliced(program, at, [pause(total / 2)] * 2, drop=end - at)


def _rooms_in_words(case: Case, program: Program) -> Iterator[Mutant]:
    """`room_12` as `room_twelve`, where the command has the word."""
    words = TEXTS["numbers"]["en"]
    changed = []
    for one in program:
        spelled = tuple(
            re.sub(r"_(\d+)$", lambda found: f"_{words[int(found[1])]}" if int(found[1]) <= 20 else found[0], room)
            for room in rooms_of(one)
        )
        said = all(room.replace("_", " ") in case.command.lower() for room in spelled)
        if spelled == rooms_of(one) or not said or one.path not in STARTS:
            changed.append(one)
        else:
            changed.append(with_arg(one, *(("rooms", spelled) if "rooms" in one.args else ("room", spelled[0]))))
    if tuple(changed) != program:
        yield "room number in words", tuple(changed)


def _faster(program: Program) -> Iterator[Program]:
    """Each pair of equal Moves of a full second as one at double the speed."""
    changed, at = list(program), 0
    while at < len(changed) - 3:
        one, wait, two, last = changed[at : at + 4]
        speeds = one.args if one.path == MOVE else {}
        double = {name: 2 * value for name, value in speeds.items() if isinstance(value, float)}
        allowed = all(abs(value) <= FASTEST[name] for name, value in double.items())
        if double and (one, wait) == (two, last) and wait == pause(1.0) and allowed:
            changed[at : at + 4] = [Call(MOVE, double), wait]
        at += 1
    if tuple(changed) != program:
        yield tuple(changed)
