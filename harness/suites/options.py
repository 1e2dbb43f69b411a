"""The options of `pytest suites/`; those that `gonogo run` has too mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACK_INI = "gonogo_pack"

# Plain types only: they are read before anything of gonogo is imported.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--model": {"metavar": "MODEL", "help": "spec of the model to judge (default: the pack's default_model)"},
    "--pack": {"metavar": "PACK", "help": f"a pack's folder or name (default: {PACK_INI} of the ini-file, or go2)"},
    "--prompt": {"metavar": "NAME", "help": "system message: plain, or card with every allowed call"},
    "--samples": {"type": int, "metavar": "K", "help": "answers per command (default: 1)"},
    "--sample": {"type": int, "metavar": "N", "help": "only N commands, even over the categories"},
    "--temperature": {"metavar": "T", "help": "0 to 2, or `default` for the endpoint's own (default: 0)"},
    "--max-tokens": {"type": int, "metavar": "N", "help": "per answer (default: the pack's, 320 for go2)"},
    "--runs": {"default": "runs", "metavar": "DIR", "help": "where answers are kept (default: runs/)"},
    "--baseline": {
        "metavar": "NAME",
        "help": "what failed before: a .json file, or a name in baselines/ beside the suites (default: the pack's)",
    },
    "--update-baseline": {
        "action": "store_true",
        "help": "write what fails now as the baseline; nothing that was judged counts as a failure",
    },
}


def dest(option: str) -> str:
    """Name of an option as pytest keeps it."""
    return option.removeprefix("--").replace("-", "_")
