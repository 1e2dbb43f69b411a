"""`gonogo init DIR`: a pack, suites, a policy and a CI workflow of one's own, cut from a pack or begun from an SDK."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import InputError

EPILOG = """examples:
  gonogo init my-robot && cd my-robot && pytest
  gonogo init my-drone --sdk djitellopy-2.5.0-py3-none-any.whl      a pack of your own, begun from the robot's SDK
  gonogo init my-arm --sdk ./xArm-Python-SDK --class XArmAPI"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to; a new or an empty folder")
    begun = parser.add_mutually_exclusive_group().add_argument
    begun("--from", dest="source", default="go2", metavar="PACK", help="pack to cut the small one from (default: go2)")
    begun("--sdk", type=Path, metavar="PATH", help="wheel, sdist or folder of a robot's SDK to begin from")
    largest = "its class that drives the robot (default: the one with the most public methods)"
    parser.add_argument("--class", dest="class_name", default="", metavar="NAME", help=largest)


def run(args: argparse.Namespace) -> int:
    """Write, judge the recorded answers once for the baseline, and return 0."""
    from harness.pack import load_pack
    from harness.starter import write_baseline, write_own, write_starter
    from harness.text import printable

    folder: Path = args.folder
    if args.sdk is None:
        if args.class_name:
            raise InputError("--class is of an SDK", hint="name that with --sdk")
        write_starter(load_pack(args.source), folder)
    else:
        found, profile = write_own(args.sdk, folder, args.class_name)
        calls = sum(not call.alone for call in profile.calls)
        others = f"; --class takes another: {', '.join(found.others[:5])}" if found.others else ""
        named = f"{found.class_name} of {found.signatures.name} {found.signatures.version}"
        print(printable(f"{named}: {calls} calls{others}"))
    write_baseline(folder)
    print(f"written to {folder}/:")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        print(f"  {path.relative_to(folder)}")
    print(f"\nnext: cd {folder} && pytest")
    return 0
