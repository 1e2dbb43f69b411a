"""What is left of an exception that nobody foresaw: one line for the user and its trace in a file, keys redacted.

Its exit code is 70 (EX_SOFTWARE of sysexits.h), so that a pipeline never takes a fault of gonogo for a verdict.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
import traceback
from pathlib import Path

from harness import __version__
from harness.models.scrub import redact, scrub

EXIT_CODE = 70
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASS|AUTH|CRED", re.IGNORECASE)
_SHORTEST = 8  # characters: what is shorter may stand in any line of a trace by chance


def report(error: Exception, args: argparse.Namespace | None) -> str:
    """Write the trace and return the line to show.

    Args:
        error: What was raised.
        args: The command line as far as it was read: its `--runs` folder takes the file, else the one for
            temporary files.
    """
    secrets = _secrets(getattr(args, "config", None))
    head = f"gonogo {__version__}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n\n"
    trace = redact(head + "".join(traceback.format_exception(error)), *secrets)
    name = f"gonogo-error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    what = scrub(f"{type(error).__name__}: {error}", *secrets)
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
    values = [value for name, value in os.environ.items() if name in names or _SECRET_NAME.search(name)]
    if Path(".env").is_file():
        values += re.findall(r"=[\s\"']*([^\s\"']+)", Path(".env").read_text("utf-8", errors="replace"))
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
