"""What failed before: a small committed file that tells a regression from a known failure.

Only the ids that fail are kept, by suite, with hashes of what they were judged on. Whatever is not in it passed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import InputError
from harness.files import STRICT, read_json, validated, write_whole

FOLDER = "baselines"
_ABOUT = "Cases that fail, by suite: known failures. Whatever is not here must pass. Written by --update-baseline."


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known failures."""

    __pydantic_config__ = STRICT

    model: str = ""  # spec of the model they were written for
    # Of all cases of the pack, its profile, its robot module, the system message and the decoding
    hashes: Mapping[str, str] = field(default_factory=dict)
    # Suite -> case ids. A suite that is not here was never judged: nothing is known of it.
    failing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    about: str = _ABOUT

    def knows(self, suite: str, case_id: str) -> bool:
        """Whether a case failed before."""
        return case_id in self.failing.get(suite, ())

    def differs(self, hashes: Mapping[str, str]) -> list[str]:
        """Names of what has changed since."""
        return [name for name, value in hashes.items() if self.hashes.get(name, value) != value]


def baseline_path(name: str, folder: Path) -> Path:
    """Where a baseline is: a file, or a name under `baselines/` beside the suites."""
    return Path(name) if name.endswith(".json") else folder / FOLDER / f"{name}.json"


def read_baseline(path: Path, *, required: bool) -> Baseline | None:
    """Read a baseline; None where there is no such file, unless one is required."""
    if not path.exists():
        if not required:
            return None
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.json"))) or "none"
        hint = f"known here: {known}; --update-baseline writes one"
        raise InputError("there is no such baseline", path=path, hint=hint)
    hint = "restore it, or remove it and write it anew with --update-baseline"
    return validated(Baseline, read_json(path, hint=hint), path, "a baseline")


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline, sorted, so that a change shows as the lines that changed."""
    record = {
        "about": _ABOUT,
        "model": baseline.model,
        "hashes": dict(sorted(baseline.hashes.items())),
        "failing": {suite: sorted(ids) for suite, ids in sorted(baseline.failing.items())},
    }
    try:
        write_whole(path, json.dumps(record, indent=1) + "\n")
    except OSError as error:
        hint = "choose another with --baseline FILE"
        raise InputError(f"cannot write the baseline: {error.strerror}", path=path, hint=hint) from None


def updated(old: Baseline | None, new: Baseline, judged: Mapping[str, set[str]], known: frozenset[str]) -> Baseline:
    """The baseline after a run: what was judged is as it was found, the rest stays as it was.

    `judged` are the case ids of each suite that were, `known` those of all cases of the pack. An InputError where not
    everything was judged and the rest is of another pack, profile, prompt or decoding.
    """
    failing = dict(new.failing)
    for suite, ids in (old or Baseline()).failing.items():
        left = known - judged.get(suite, set())
        if left and old and (changed := old.differs(new.hashes)):
            raise InputError(
                f"the baseline is not written: {', '.join(changed)} changed since it was made, and {len(left)} cases "
                f"of {suite} were not judged again",
                hint="run all its suites and cases with --update-baseline, or remove the file first",
            )
        failing[suite] = failing.get(suite, frozenset()) | (ids & left)
    return Baseline(new.model, new.hashes, failing)
