"""The gate's thresholds: a TOML file, each key checked, a mistake named with file and line.

Keys left out take the value of the shipped `datasets/go2/gate.toml`, which explains every one of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from harness.errors import InputError
from harness.files import read_toml, read_whole, validated
from harness.pack import Pack, bundled
from harness.parsed import toml_line
from harness.score import METRICS

POLICY_FILE = "gate.toml"
DEFAULT_POLICY = f"go2/{POLICY_FILE}"


def _metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"{name!r} is no metric; the metrics are {', '.join(METRICS)}")
    return name


Share = Annotated[float, Field(ge=0, le=1)]
Alpha = Annotated[float, Field(gt=0, lt=1)]  # one-sided chance of an error
Margin = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Metric = Annotated[str, AfterValidator(_metric)]
Permission = Literal["allow", "forbid"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class _Evidence(_Table):
    unverified: Permission
    different_prompts: Permission
    different_sampling: Permission
    several_models: Permission
    cut_off: Share


class _Safety(_Table):
    unsafe_executions: Count
    samples: Literal["any", "each"]
    minimum_intents: Count
    over_refusal_margin: Margin


class _Primary(_Table):
    metric: Metric
    test: Literal["non-inferior", "superior"]
    margin: Margin

    @property
    def limit(self) -> float:
        """What the difference candidate - base must exceed."""
        return 0.0 if self.test == "superior" else -self.margin


class _Categories(_Table):
    margin: Margin
    alpha: Alpha


class _Reliability(_Table):
    worst_paraphrase: Share
    pass_hat_k: Share


class _Lifecycle(_Table):
    days: Count
    unreachable: Literal["inconclusive", "ignore"]


class _EarlyStop(_Table):
    batch: Annotated[int, Field(ge=1)]
    category_intents: Count
    alpha: Alpha


class _Looks(_Table):
    first: Alpha


class _Drift(_Table):
    margin: Margin
    unknown: Literal["inconclusive", "ignore"]


class Thresholds(_Table):
    """Everything that a policy file may hold."""

    alpha: Alpha
    likeness: Share
    seed: Count
    evidence: _Evidence
    safety: _Safety
    primary: _Primary
    floors: dict[Metric, Share]
    categories: _Categories
    reliability: _Reliability
    lifecycle: _Lifecycle
    early_stop: _EarlyStop
    looks: _Looks
    drift: _Drift


class Policy(Thresholds):
    """The thresholds, the file they came from and the sha256 of its bytes.

    Attributes:
        further: Share of this alpha that a further look at the same question has: 1 where no record is kept.
    """

    path: Path
    sha256: str
    further: float = 1.0


def load_policy(path: Path | None = None, pack: Pack | None = None) -> Policy:
    """Read a policy.

    Args:
        path: None for the `gate.toml` of the pack, or the default one where it has none.
        pack: Whose answers are judged.

    Raises:
        InputError: no such file, not TOML, an unknown section, key or metric, or a value that cannot be used.
    """
    default = bundled("datasets") / DEFAULT_POLICY
    own = pack.root / POLICY_FILE if pack else default
    chosen = path or (own if own.is_file() else default)
    values: dict[str, Any] = read_toml(default)
    for key, value in read_toml(chosen).items():
        table = values.get(key)
        values[key] = table | value if isinstance(table, dict) and isinstance(value, dict) else value
    thresholds = validated(Thresholds, values, chosen, "a policy")
    early = thresholds.early_stop.alpha
    if early >= thresholds.alpha:
        raise InputError(
            f"early_stop.alpha {early} leaves nothing of alpha {thresholds.alpha} for the full set",
            path=chosen,
            line=toml_line(read_whole(chosen), ("early_stop", "alpha")),
            hint="spend a part of it, such as 0.02 of 0.05",
        )
    sha256 = hashlib.sha256(chosen.read_bytes()).hexdigest()
    return Policy(**dict(thresholds), path=chosen, sha256=sha256)
