"""`gonogo check FILE|-`: checks one raw answer, or a JSONL of answers, as a linter does."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError

if TYPE_CHECKING:
    from harness.checks import Checked, Finding
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
    parser.add_argument("file", metavar="FILE", help="a raw answer, a .jsonl of answers, or - for stdin")
    parser.add_argument("--jsonl", action="store_true", help="read a JSONL whatever the name (for stdin)")
    parser.add_argument("--pack", default="go2", metavar="PACK", help="a pack's folder or name (default: go2)")
    add_profile_argument(parser, default=None, default_name="the pack's")
    parser.add_argument(
        "--allow-guarded",
        action="append",
        default=[],
        metavar="CALL",
        help="permit a guarded call, named without self; repeatable",
    )
    parser.add_argument("--simulate", action="store_true", help="simulate in the pack's first scene, print the trace")
    parser.add_argument("--scene", metavar="SCENE", help="the same in this scene (a name of the pack's, or a file)")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON, one object an answer, on stdout")
    output.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0 on stdout")


def add_profile_argument(
    parser: argparse.ArgumentParser, default: str | None = "go2", default_name: str = "go2"
) -> None:
    """--profile, as `find_profile` resolves it."""
    parser.add_argument(
        "--profile",
        default=default,
        metavar="PROFILE",
        help=f"a profile's file, or go2, go2-legacy (default: {default_name})",
    )


def run(args: argparse.Namespace) -> int:
    """Check and return 0, or 1 where there are findings."""
    # Imported here, so that `gonogo --help` stays quick.
    from harness.checks import checker_for
    from harness.checks.answer_file import read_answers
    from harness.pack import load_pack
    from harness.sdk.profile import find_profile, load_profile

    simulating = args.simulate or args.scene is not None
    if args.sarif and simulating:
        raise InputError("--sarif has no place for a trace", hint="Give --scene without --sarif.")
    pack = load_pack(args.pack)
    profile = find_profile(args.profile) if args.profile else load_profile(pack.profile)
    _require_guarded(args.allow_guarded, profile.by_path)
    checker = checker_for(profile)
    answers = read_answers(args.file, jsonl=True if args.jsonl else None)
    checked = ((answer, checker.answer(answer.text, args.allow_guarded)) for answer in answers)
    if args.sarif:
        return _print_sarif(args.file, checked)
    scene = _scene(args.scene, pack, profile) if simulating else None
    total = found = 0
    for answer, result in checked:
        trace = _simulated(result, scene)
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
    if name is None:
        return next(iter(scenes.values()))
    if name not in scenes:
        raise InputError(f"there is no scene {name!r}", hint=f"known: {', '.join(sorted(scenes))}")
    return scenes[name]


def _simulated(checked: Checked, scene: Scene | None) -> Trace | None:
    """The trace of an answer whose every command binds; None without a scene, or where one does not."""
    if scene is None or checked.calls is None:
        return None
    from harness.simulation import simulate

    return simulate(checked.calls, scene)


def _print_text(name: str, answer: Answer, checked: Checked, trace: Trace | None) -> None:
    for finding in checked.findings:
        print(_line(name, answer, finding))
    if trace is not None:
        from harness.simulation import render_trace

        print(render_trace(trace, checked.commands or ()))


def _print_sarif(name: str, checked: Iterator[tuple[Answer, Checked]]) -> int:
    from harness.checks.sarif import sarif

    log = sarif(name, checked)
    print(json.dumps(log, indent=1))
    return 1 if log["runs"][0]["results"] else 0


def _require_guarded(paths: list[str], known: Any) -> None:
    for path in paths:
        if path not in known or known[path].tier != "guarded":
            guarded = ", ".join(p for p, call in known.items() if call.tier == "guarded")
            raise InputError(f"{path!r} is no guarded call", hint=f"Guarded are: {guarded}.")


def _line(name: str, answer: Answer, finding: Finding) -> str:
    from harness.text import one_line

    where = f"{name}#{answer.id}" if answer.id else name
    item = 0 if finding.item is None else finding.item + 1
    hint = f" ({finding.hint})" if finding.hint else ""
    return one_line(f"{where}:{item}:{finding.span[0] + 1} {finding.code} {finding.message}{hint}")


def _record(answer: Answer, checked: Checked, trace: Trace | None) -> dict[str, Any]:
    simulated = {
        "trace": [[event.name, dict(event.fields)] for event in trace.events],
        "broken": [broken._asdict() for broken in trace.broken],
    } if trace else {}  # fmt: skip
    return {
        **({"id": answer.id, "line": answer.line} if answer.id else {}),
        "format_strict": checked.format_strict,
        "format_valid": checked.format_valid,
        "syntax_valid": checked.syntax_valid,
        "api_valid": checked.api_valid,
        "safe": checked.safe,
        "commands": checked.commands,
        "findings": [
            {
                "code": finding.code,
                "message": finding.message,
                "item": finding.item,
                "span": finding.span,
                "hint": finding.hint,
            }
            for finding in checked.findings
        ],
        **simulated,
    }
