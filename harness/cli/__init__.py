"""The `gonogo` command: one module per subcommand, errors caught once, nothing heavy imported early.

Each module named in `COMMANDS` offers `add_arguments(parser)` and `run(args) -> int` (the exit code); it imports
pandas, openai, jinja2, xllamacpp and the like inside `run`, so that `gonogo --help` stays quick.
"""

from __future__ import annotations

import argparse
import errno
import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import __version__
from harness.errors import GonogoError, InputError
from harness.text import one_line, redact, redacted_line

# Subcommand -> one-line help. The module is harness.cli.<name>; it is imported only when its help or run is needed.
COMMANDS = {
    "compare": "compare models on the held-out commands: answers, checks, scores, report",
    "run": "collect and score the answers of one model",
    "try": "ask one command and show the answer, its findings and the simulated trace",
    "gate": "decide whether a candidate may replace the model in use",
    "plan": "how often a gate on the pack's commands gives each verdict, and what it costs",
    "promote": "gate a candidate, and record it as the model to use on GO",
    "promoted": "print the promoted model id, verify the record, or go back",
    "check": "check one raw answer, or a JSONL of answers, as a linter would",
    "explain": "what a finding code means, with a wrong and a right example",
    "score": "score answers on file, however many, on all cores or a Dask cluster",
    "export": "write answers on file in the form of promptfoo or inspect",
    "models": "list the model specs known here and what the endpoints offer",
    "generate": "write checked training examples, by a teacher model or the pack's own teacher",
    "finetune": "fine-tune a model, at OpenAI or on this machine",
    "serve": "serve the embedded model as an OpenAI-compatible endpoint on this machine",
    "data": "check a pack's held-out commands",
    "sdk": "build, list and compare SDK profiles",
    "init": "write a small pack, suites, a policy and a CI workflow of your own",
}
_MODULES = {"try": "try_one"}  # a module cannot be named after a keyword
# Rights, room, names, a broken disk: the user's to mend. A missing file that nobody foresaw may be our fault: a trace.
_OF_THE_MACHINE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG, errno.EIO}
)

EXIT_CODES = """exit codes:
  0 done or GO   1 NO-GO or findings   2 bad usage or bad input   3 INCONCLUSIVE
  4 INVALID      5 endpoint or quota trouble     70 a fault of gonogo itself, never a verdict
  130 interrupted (state kept)"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; user errors become one message on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = None
    try:
        args = _build_parser(arguments).parse_args(arguments)
        if hasattr(args, "pack"):
            _settle_pack(args)
        return int(args.run(args))
    except GonogoError as error:
        print(f"gonogo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ngonogo: interrupted; what had arrived is kept, run the same command to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (`| head`) is gone; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  the last place: Python's own exit code, 1, would read as NO-GO
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            path = None if error.filename is None else str(error.filename)[:200]
            told = InputError(
                error.strerror or str(error), path=path, hint="name another place, or make room for it there"
            )
            print(f"gonogo: {told}", file=sys.stderr)
            return InputError.exit_code
        if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # of Path.resolve, to Python 3.12
            print(f"gonogo: {InputError(str(error), hint='name a file or folder, or mend the link')}", file=sys.stderr)
            return InputError.exit_code
        print(f"gonogo: {_unforeseen(error, args)}", file=sys.stderr)
        return 70  # EX_SOFTWARE of sysexits.h: a pipeline never takes a fault of gonogo for a verdict


def entry_point() -> int:
    """Console-script entry."""
    # Imports make many objects and no garbage: looking for it, here and when Python ends, takes a fifth of a short run.
    gc.set_threshold(50_000, 20, 50)
    code = main()
    gc.freeze()
    return code


def _build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Full parser for the chosen subcommand, names and one-liners for the others."""
    parser = argparse.ArgumentParser(
        prog="gonogo",
        description="Decides, with evidence, whether one model may replace another when its output drives a robot.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gonogo {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = subparsers.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == chosen:
            module = importlib.import_module(f"harness.cli.{_MODULES.get(name, name)}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def _settle_pack(args: argparse.Namespace) -> None:
    """Find the pack where none is named, and say which one judges, and that nothing is simulated where it is so."""
    from harness.pack import NOT_SIMULATED, bundled, load_pack, pack_here

    named, args.pack = args.pack, args.pack or pack_here()
    pack = load_pack(args.pack)
    shipped = pack.root.parent == bundled("datasets")
    if named is None or not shipped:
        code = "; its Python code runs as yours" if pack.robot or pack.teacher else ""
        where = "shipped" if shipped else f"{one_line(str(pack.root))}{code}"
        print(f"pack: {pack.name} ({where})", file=sys.stderr)
    if pack.robot is None:
        print(NOT_SIMULATED, file=sys.stderr)


def _unforeseen(error: Exception, args: argparse.Namespace | None) -> str:
    """Write the trace of an exception that nobody foresaw to a file, keys redacted, and return the line to show.

    The file goes to the folder `--runs`, as far as the command line was read, else to the one for temporary files.
    """
    import tempfile
    import time
    import traceback

    secrets = _secrets(getattr(args, "config", None))
    head = f"gonogo {__version__}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n\n"
    trace = redact(head + "".join(traceback.format_exception(error)), *secrets)
    name = f"gonogo-error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    what = redacted_line(f"{type(error).__name__}: {error}", *secrets)
    for folder in (getattr(args, "runs", None), Path(tempfile.gettempdir())):
        if isinstance(folder, Path):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(trace, encoding="utf-8", errors="backslashreplace")
            except OSError:
                continue
            return f"unforeseen {what}; this is a fault of gonogo, please report it with {folder / name}"
    return f"unforeseen {what}; this is a fault of gonogo, and its trace could not be written\n{trace}"


def _secrets(config: Path | None) -> list[str]:
    """Values that may be keys: by their name in the environment, by the settings file, and all of .env."""
    names: set[str] = set()
    for path in (config, Path("gonogo.toml")):
        if path is not None and path.is_file():
            names.update(re.findall(r"api_key_env\s*=\s*[\"'](\w+)", path.read_text("utf-8", errors="replace")))
    values = [
        value
        for name, value in os.environ.items()
        if name in names or re.search("KEY|TOKEN|SECRET|PASS|AUTH|CRED", name, re.IGNORECASE)
    ]
    if Path(".env").is_file():
        values += re.findall(r"=[\s\"']*([^\s\"']+)", Path(".env").read_text("utf-8", errors="replace"))
    # What is shorter than 8 characters may stand in any line of a trace by chance.
    return sorted((value for value in values if len(value) >= 8), key=len, reverse=True)
