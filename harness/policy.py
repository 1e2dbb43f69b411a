"""The gate's thresholds: a TOML file, each key checked, mistakes named with file and line.

Keys left out take the value of the shipped `datasets/go2/gate.toml`, which explains every one of them.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.files import read_toml
from harness.pack import bundled

DEFAULT_POLICY = "go2/gate.toml"


@dataclass(frozen=True, slots=True)
class Policy:
    """A validated policy. Shares are 0 to 1; the meaning of each key is told in `datasets/go2/gate.toml`.

    Attributes:
        path: The file it came from.
        sha256: Of the bytes of that file.
        floors: Metric -> lowest acceptable lower bound.
    """

    path: Path
    sha256: str
    alpha: float
    likeness: float
    seed: int
    allow_unverified: bool
    allow_different_prompts: bool
    allow_different_sampling: bool
    allow_several_models: bool
    cut_off: float
    minimum_cases: int
    unsafe_executions: int
    over_refusal_margin: float
    metric: str
    superior: bool
    margin: float
    floors: Mapping[str, float]
    category_alpha: float
    category_drop: float
    worst_paraphrase: float
    pass_hat_k: float
    shutdown_days: int
    ignore_unreachable: bool
    batch: int
    category_intents: int
    early_alpha: float


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy; None for the default one.

    Raises:
        InputError: no such file, not TOML, an unknown section, key or metric, or a value that cannot be used.
    """
    default = bundled("datasets") / DEFAULT_POLICY
    values = _read(default)
    chosen = path or default
    if path is not None:
        values |= _read(path)
    floors = {key.partition(".")[2]: value for key, value in values.items() if key.startswith("floors.")}
    policy = Policy(
        path=chosen,
        sha256=hashlib.sha256(chosen.read_bytes()).hexdigest(),
        alpha=values["alpha"],
        likeness=values["likeness"],
        seed=values["seed"],
        allow_unverified=values["evidence.unverified"] == "allow",
        allow_different_prompts=values["evidence.different_prompts"] == "allow",
        allow_different_sampling=values["evidence.different_sampling"] == "allow",
        allow_several_models=values["evidence.several_models"] == "allow",
        cut_off=values["evidence.cut_off"],
        minimum_cases=values["safety.minimum_cases"],
        unsafe_executions=values["safety.unsafe_executions"],
        over_refusal_margin=values["safety.over_refusal_margin"],
        metric=values["primary.metric"],
        superior=values["primary.test"] == "superior",
        margin=values["primary.margin"],
        floors=floors,
        category_alpha=values["categories.alpha"],
        category_drop=values["categories.drop"],
        worst_paraphrase=values["reliability.worst_paraphrase"],
        pass_hat_k=values["reliability.pass_hat_k"],
        shutdown_days=values["lifecycle.days"],
        ignore_unreachable=values["lifecycle.unreachable"] == "ignore",
        batch=values["early_stop.batch"],
        category_intents=values["early_stop.category_intents"],
        early_alpha=values["early_stop.alpha"],
    )
    if policy.early_alpha >= policy.alpha:
        raise InputError(
            f"early_stop.alpha {policy.early_alpha} leaves nothing of alpha {policy.alpha} for the full set",
            path=chosen,
            line=_line(chosen, "early_stop.alpha"),
            hint="spend a part of it, such as 0.02 of 0.05",
        )
    return policy


def _share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _inner_share(value: Any) -> bool:
    return _share(value) and 0 < value < 1


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _positive(value: Any) -> bool:
    return _count(value) and value > 0


def _choice(*choices: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in choices, " or ".join(f'"{choice}"' for choice in choices)


def _metric(value: Any) -> bool:
    from harness.score import METRICS

    return value in METRICS


_SHARE = (_share, "a share from 0 to 1")
_ALPHA = (_inner_share, "a share between 0 and 1, such as 0.05")
_COUNT = (_count, "a whole number from 0 up")
_POSITIVE = (_positive, "a whole number from 1 up")
_MARGIN = (lambda value: _share(value) and value > 0, "a share above 0, such as 0.05 for five points")

# Key -> (check, what it must be). Keys of [floors] are metrics and stand apart.
_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": _ALPHA,
    "likeness": _SHARE,
    "seed": _COUNT,
    "evidence.unverified": _choice("allow", "forbid"),
    "evidence.different_prompts": _choice("allow", "forbid"),
    "evidence.different_sampling": _choice("allow", "forbid"),
    "evidence.several_models": _choice("allow", "forbid"),
    "evidence.cut_off": _SHARE,
    "safety.minimum_cases": _COUNT,
    "safety.unsafe_executions": _COUNT,
    "safety.over_refusal_margin": _MARGIN,
    "primary.metric": (_metric, "a metric of the score table, such as success"),
    "primary.test": _choice("non-inferior", "superior"),
    "primary.margin": _MARGIN,
    "categories.alpha": _ALPHA,
    "categories.drop": _SHARE,
    "reliability.worst_paraphrase": _SHARE,
    "reliability.pass_hat_k": _SHARE,
    "lifecycle.days": _COUNT,
    "lifecycle.unreachable": _choice("inconclusive", "ignore"),
    "early_stop.batch": _POSITIVE,
    "early_stop.category_intents": _COUNT,
    "early_stop.alpha": _ALPHA,
}
_GONE = {"safety.categories": 'take it out: each case says whether it may hurt by "dangerous", whatever its category'}
_SECTIONS = sorted({key.partition(".")[0] for key in _KEYS if "." in key} | {"floors"})


def _read(path: Path) -> dict[str, Any]:
    """Dotted key -> value of one file, each checked."""
    if not path.is_file():
        raise InputError("there is no such policy", path=path, hint="check --policy")
    values: dict[str, Any] = {}
    for name, value in read_toml(path).items():
        if isinstance(value, dict):
            if name not in _SECTIONS:
                raise InputError(
                    f"unknown section [{name}]",
                    path=path,
                    line=_line(path, f"{name}."),
                    hint=f"sections: {', '.join(_SECTIONS)}",
                )
            values |= {f"{name}.{key}": entry for key, entry in value.items()}
        else:
            values[name] = value
    for key, value in values.items():
        _check(path, key, value)
    return values


def _check(path: Path, key: str, value: Any) -> None:
    section, _, name = key.rpartition(".")
    fits, wanted = _KEYS.get(key, _SHARE)
    if section == "floors":
        known, hint = _metric(name), "the metrics of the score table"
    else:
        known = key in _KEYS
        hint = ", ".join(k.rpartition(".")[2] for k in _KEYS if k.rpartition(".")[0] == section)
    if not known:
        where = f"[{section}]" if section else "the head of the file"
        hint = _GONE.get(key) or f"known here: {hint}"
        raise InputError(f"unknown key {name!r} in {where}", path=path, line=_line(path, key), hint=hint)
    if not fits(value) or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(
            f"{name} = {value!r} is not usable", path=path, line=_line(path, key), hint=f"{key} is {wanted}"
        )


def _line(path: Path, key: str) -> int | None:
    """1-based line of a dotted key, or of a section's head where the key ends in a dot; None where not found.

    The standard library's parser keeps no positions, so this looks for the key in the plain form people write.
    """
    section, _, name = key.rpartition(".")
    current = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        head = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
        if head:
            current = head[1]
            if not name and current == section:
                return number
        elif name and current == section and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return None
