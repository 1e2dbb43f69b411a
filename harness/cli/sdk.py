"""`gonogo sdk build|list|diff`: compiles SDK profiles from source, lists them, compares two."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError

if TYPE_CHECKING:
    from harness.sdk.profile import CallSpec, Param, Profile

EPILOG = """examples:
  gonogo sdk list                        every call of the shipped profile
  gonogo sdk list NAME                   one call with ranges, units and sources
  gonogo sdk diff go2-legacy go2 --answers answers.jsonl
  gonogo sdk build datasets/go2/profiles/go2.toml --fetch --check
  gonogo sdk build my.toml --source unitree_sdk2py=./unitree_sdk2_python --output my.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of the three subcommands."""
    parser.epilog = EPILOG
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    build = commands.add_parser("build", help="compile a profile from SDK source and an overlay")
    build.add_argument("overlay", type=Path, metavar="OVERLAY", help="the overlay, a TOML file")
    source = "a wheel, sdist, folder or signature file for one of the overlay's sources; repeatable"
    build.add_argument("--source", action="append", default=[], metavar="ID=PATH", help=source)
    build.add_argument("--fetch", action="store_true", help="download the pinned wheels that are not given, with pip")
    build.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: beside the overlay)")
    build.add_argument("--check", action="store_true", help="write nothing; exit 1 unless the file has these bytes")
    build.set_defaults(action=_build)
    listing = commands.add_parser("list", help="the calls of a profile")
    listing.add_argument("name", nargs="?", metavar="NAME", help="a call, or a part of its name: shown in full")
    listing.add_argument("--profile", metavar="PROFILE", help="a file or name (default: that of the pack here, or go2)")
    listing.add_argument("--json", action="store_true", help="print JSON on stdout")
    listing.set_defaults(action=_list)
    diff = commands.add_parser("diff", help="what two profiles differ in")
    diff.add_argument("before", metavar="A", help="a profile's file or name")
    diff.add_argument("after", metavar="B", help="a profile's file or name")
    diff.add_argument("--answers", metavar="FILE", help="a .jsonl of answers: say which ones B breaks")
    diff.add_argument("--json", action="store_true", help="print JSON on stdout")
    diff.set_defaults(action=_diff)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    return int(args.action(args))


def _build(args: argparse.Namespace) -> int:
    """0, or 1 where --check finds other bytes."""
    from harness.files import os_errors, write_whole
    from harness.sdk.build import build_profile
    from harness.sdk.profile import dump_profile

    given = {}
    for entry in args.source:
        name, _, path = str(entry).partition("=")
        if not path:
            raise InputError(f"--source {entry!r} is not ID=PATH")
        given[name] = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        profile = build_profile(args.overlay, given, fetch_into=Path(folder) if args.fetch else None)
    text = dump_profile(profile)
    output: Path = args.output or args.overlay.with_suffix(".json")
    if args.check:
        same = output.is_file() and output.read_text(encoding="utf-8") == text
        print(f"{output}: {'the same bytes' if same else 'differs from what the sources give'}")
        return 0 if same else 1
    with os_errors(output, "cannot be written", "choose another with --output"):
        write_whole(output, text)
    print(f"{output}: {len(profile.calls)} calls, sha256 {profile.digest}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from harness.pack import load_pack, pack_here
    from harness.sdk.profile import find_profile, lean
    from harness.text import printable

    profile = find_profile(args.profile or str(load_pack(pack_here()).profile))
    calls = list(profile.calls)
    if args.name is not None:
        wanted = args.name.removeprefix("self.").removesuffix("()")
        calls = [c for c in profile.calls if wanted in {c.path, c.path.rpartition(".")[2]}]
        calls = calls or [c for c in profile.calls if wanted.casefold() in c.path.casefold()]
        if not calls:
            known = [k for k in profile.known if k.name.casefold() == wanted.rpartition(".")[2].casefold()]
            hint = "; ".join(f"{k.signature}: {k.relation}" for k in known)
            raise InputError(f"no call of profile {profile.name} is named {args.name!r}", hint=hint)
    if args.json:
        print(json.dumps([lean(call) for call in calls], indent=1))
    elif args.name:
        print(printable("\n\n".join(_in_full(call, profile) for call in calls)))
    else:
        print(printable(f"{profile.title} ({profile.name})"))
        for call in calls:
            print(printable(f"{call.tier:8}{_signature(call, profile)}"))
    return 0


def _signature(call: CallSpec, profile: Profile) -> str:
    """As the card writes it; a denied call as its source does."""
    from harness.sdk.card import signature

    owner, dot, _ = call.path.rpartition(".")
    return f"self.{owner}{dot}{call.summary}" if call.tier == "deny" else signature(call, profile)


def _in_full(call: CallSpec, profile: Profile) -> str:
    """Signature, tier, arguments and sources of one call."""
    lines = [_signature(call, profile)]
    if call.tier != "deny":
        lines.append(f"  {call.summary}")
    lines.append(f"  tier: {call.tier}" + (f", {call.reason}" if call.reason else ""))
    if call.nested_only:
        lines.append("  only as an argument of another call")
    lines += [f"  {_argument(param, profile)}" for param in call.params or ()]
    if call.sdk:
        source = next(s for s in profile.sources if s.id == call.sdk.source)
        lines.append(f"  sdk: {call.sdk.symbol}, declared {call.sdk.signature}")
        lines.append(f"       {source.name} {source.version}, {call.sdk.file}:{call.sdk.line}")
        lines.append(f"       sha256 {source.files[call.sdk.file]}")
    if call.note:
        lines.append(f"  note: {call.note}")
    if call.source:
        lines.append(f"  source: {profile.references[call.source]}")
    return "\n".join(lines)


def _argument(param: Param, profile: Profile) -> str:
    from harness.sdk.card import parameter

    parts = [parameter(param, profile) + (f" {param.unit}" if param.unit else "")]
    parts += ["range from its docstring"] * bool(param.range_from)
    if param.documented:
        parts.append(f"documented {param.documented[0]:g}..{param.documented[1]:g}")
    if param.deny:
        parts.append(f"denied {', '.join(map(str, param.deny))}: {param.deny_reason}")
    if param.max_len is not None:
        parts.append(f"{param.min_len} to {param.max_len} characters")
    if param.max_items is not None:
        parts.append(f"{param.min_items} to {param.max_items} items")
    references = (("value", param.source), ("limit", param.limit_source))
    return "; ".join(
        [*parts, *(f"{key} from {profile.references.get(name, name)}" for key, name in references if name)]
    )


def _diff(args: argparse.Namespace) -> int:
    """0, or 1 where --answers has some that B breaks."""
    from dataclasses import asdict

    from harness.checks.answer_file import read_answers
    from harness.sdk.diff import broken_answers, diff_profiles
    from harness.sdk.profile import find_profile
    from harness.text import one_line, printable

    before, after = find_profile(args.before), find_profile(args.after)
    changes = diff_profiles(before, after)
    broken = list(broken_answers(before, after, read_answers(args.answers))) if args.answers else []
    if args.json:
        breaks = [{"id": a.id, "line": a.line, "code": f.code, "message": f.message} for a, f in broken]
        print(json.dumps({"changes": [asdict(change) for change in changes], "broken": breaks}, indent=1))
        return 1 if broken else 0
    for change in changes:
        print(printable(f"{change.kind:8} self.{change.path}" + "".join(f"\n         {d}" for d in change.details)))
    if not changes:
        print("no difference in what is accepted", file=sys.stderr)
    for answer, finding in broken:
        where = f"{args.answers}:{answer.line}" if answer.line else args.answers
        item = 0 if finding.item is None else finding.item + 1
        print(one_line(f"breaks   {where} {answer.id} item {item}: {finding.code} {finding.message}"))
    if args.answers:
        print(f"{len(broken)} answers break", file=sys.stderr)
    return 1 if broken else 0
