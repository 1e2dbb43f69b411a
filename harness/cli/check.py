"""`gonogo check FILE|-`: checks one raw answer, or a JSONL of answers, as a linter does."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import options
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.checks import Checked
    from harness.checks.answer_file import Answer
    from harness.pack import Pack
    from harness.sdk.profile import Profile
    from harness.simulation import Scene, Trace

EPILOG = """output:
  FILE:ITEM:COLUMN CODE message        item and column from 1; item 0 is the answer around the list
  FILE#ID:ITEM:COLUMN CODE message     in a JSONL of {"id": ..., "output": ...}

examples:
  gonogo check answer.txt
  gonogo check answers.jsonl --json
  gonogo check answer.txt --simulate       what the simulated robot would do, too
  echo "['self.NAME(1)']" | gonogo check -"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("file", metavar="FILE", help="a raw answer, a .jsonl, another tool's file, or - for stdin")
    parser.add_argument("--jsonl", action="store_true", help="read a JSONL whatever the name (for stdin)")
    parser.add_argument("--pack", metavar="PACK", help=options.PACK_HELP)
    parser.add_argument("--profile", metavar="PROFILE", help="a profile's file or name (default: the pack's)")
    guarded = "permit a guarded call, named without self; repeatable"
    parser.add_argument("--allow-guarded", action="append", default=[], metavar="CALL", help=guarded)
    parser.add_argument("--simulate", action="store_true", help="simulate in the pack's first scene, print the trace")
    parser.add_argument("--scene", metavar="SCENE", help="the same in this scene (a name of the pack's, or a file)")
    thoughts = "judge what stands behind thinking tags or in the final channel; places are counted from there"
    parser.add_argument("--strip-reasoning", action="store_true", help=thoughts)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON, one object an answer, on stdout")
    output.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0 on stdout")


def run(args: argparse.Namespace) -> int:
    """Check and return 0, or 1 where there are findings."""
    from harness.checks import checker_for
    from harness.checks.answer_file import read_answers
    from harness.pack import load_pack
    from harness.sdk.profile import find_profile, load_profile

    pack = load_pack(args.pack)
    profile = find_profile(args.profile) if args.profile else load_profile(pack.profile)
    guarded = [call.path for call in profile.calls if call.tier == "guarded"]
    for path in args.allow_guarded:
        if path not in guarded:
            raise InputError(f"{path!r} is no guarded call", hint=f"Guarded are: {', '.join(guarded)}.")
    simulating = args.simulate or args.scene is not None
    answers = read_answers(args.file, jsonl=True if args.jsonl else None)
    if args.strip_reasoning:
        from harness.models.replies import without_reasoning

        answers = (replace(answer, text=without_reasoning(answer.text)) for answer in answers)
    checked = ((answer, checker_for(profile).answer(answer.text, args.allow_guarded)) for answer in answers)
    if args.sarif:
        from harness.checks.sarif import sarif

        if simulating:
            raise InputError("--sarif has no place for a trace", hint="Give --scene without --sarif.")
        log = sarif(args.file, checked)
        print(json.dumps(log, indent=1))
        return 1 if log["runs"][0]["results"] else 0
    scene = _scene(args.scene, pack, profile) if simulating else None
    total = found = 0
    for answer, result in checked:
        trace = None
        if scene is not None and result.calls is not None:
            from harness.simulation import simulate

            trace = simulate(result.calls, scene)
        total += 1
        found += len(result.findings) + (len(trace.broken) if trace else 0)
        if args.json:
            print(json.dumps(_record(answer, result, trace)))
        else:
            _print_text(args.file, answer, result, trace)
    print(f"{total} answer{'s'[: total != 1]}, {found} finding{'s'[: found != 1]}", file=sys.stderr)
    return 1 if found else 0


def _scene(name: str | None, pack: Pack, profile: Profile) -> Scene:
    """A scene of the pack by name, its first, or any scene by file, for answers bound by a profile."""
    from harness.simulation.load import check_profile, load_robot
    from harness.simulation.scene import load_scene, load_scenes

    robot = load_robot(pack)
    check_profile(robot, profile, own=False)
    if name is not None and name.endswith(".toml"):
        return load_scene(Path(name), robot)
    scenes = load_scenes(pack)
    name = name or next(iter(scenes))
    if name not in scenes:
        raise InputError(f"there is no scene {name!r}", hint=f"known: {', '.join(sorted(scenes))}")
    return scenes[name]


def _print_text(name: str, answer: Answer, checked: Checked, trace: Trace | None) -> None:
    from harness.text import one_line

    where = f"{name}#{answer.id}" if answer.id else name
    for finding in checked.findings:
        item = 0 if finding.item is None else finding.item + 1
        hint = f" ({finding.hint})" if finding.hint else ""
        print(one_line(f"{where}:{item}:{finding.span[0] + 1} {finding.code} {finding.message}{hint}"))
    if trace is not None:
        from harness.simulation import render_trace

        print(render_trace(trace, checked.commands or ()))


def _record(answer: Answer, checked: Checked, trace: Trace | None) -> dict[str, Any]:
    from dataclasses import asdict

    record = {key: value for key, value in asdict(checked).items() if key != "calls"}
    if answer.id:
        record = {"id": answer.id, "line": answer.line, **record}
    if trace is not None:
        record["trace"] = [[event.name, dict(event.fields)] for event in trace.events]
        record["broken"] = [broken._asdict() for broken in trace.broken]
    return record
