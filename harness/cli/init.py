"""`gonogo init DIR`: a small pack, suites, a policy and a CI workflow of one's own, ready to run."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """examples:
  gonogo init my-robot && cd my-robot && pytest"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to; a new or an empty folder")
    parser.add_argument(
        "--from", dest="source", default="go2", metavar="PACK", help="pack to cut the small one from (default: go2)"
    )


def run(args: argparse.Namespace) -> int:
    """Write, judge the recorded answers once for the baseline, and return 0."""
    # Imported here: they read the pack.
    from harness.pack import load_pack
    from harness.starter import write_baseline, write_starter

    folder: Path = args.folder
    write_starter(load_pack(args.source), folder)
    write_baseline(folder)
    print(f"written to {folder}/:")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        print(f"  {path.relative_to(folder)}")
    print(f"\nnext: cd {folder} && pytest")
    return 0
