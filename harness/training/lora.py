"""The training loop: a LoRA on a frozen model, with checkpoints, the same result for a seed.

A checkpoint holds the LoRA, the optimiser's state and the curve, and replaces the one before in one step; so a run that
is killed and started again does the very steps that it would have done, and on a CPU with one number of threads ends
in the very same bytes. What makes the steps fast is in `loss`.
"""

from __future__ import annotations

import gc
import io
import math
import random
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from harness.errors import InputError
from harness.files import write_whole
from harness.training.console import tell
from harness.training.loss import Encoded, answer_loss, forward_in_one_step

TELL_EVERY_S = 15.0
_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_AT_ONCE = 1200  # tokens
_BUCKET = 16  # batches whose examples are sorted by length together


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the LoRA is on all linear layers."""

    rank: int
    alpha: int
    rate: float  # the peak
    epochs: int
    batch: int  # examples a step
    seed: int
    threads: int  # of the CPU; part of what makes a run repeatable
    checkpoint_every: int  # steps; the validation loss is measured then too


def rate_at(peak: float, step: int, steps: int) -> float:
    """Learning rate of a step, counted from 0: a short rise to the peak, then a cosine down to a tenth of it."""
    warm = max(1, int(steps * 0.03))
    if step < warm:
        return peak * (step + 1) / warm
    fallen = (1 - math.cos(math.pi * (step - warm) / max(1, steps - warm))) / 2
    return peak * (1 - 0.9 * fallen)


def add_lora(model: Any, recipe: Recipe) -> Any:
    """Wrap all linear layers; the weights that are trained stay in float32, which small updates need."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=_LAYERS, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property by its old name
        wrapped = get_peft_model(model, config)
    forward_in_one_step(wrapped)
    return wrapped


def batches(examples: Sequence[Encoded], size: int, rng: random.Random) -> list[list[Encoded]]:
    """One epoch in batches of similar length, in random order."""
    order = list(examples)
    rng.shuffle(order)
    step = size * _BUCKET
    groups = [sorted(order[at : at + step], key=lambda e: len(e.ids)) for at in range(0, len(order), step)]
    made = [group[at : at + size] for group in groups for at in range(0, len(group), size)]
    rng.shuffle(made)
    return made


def _parts(batch: list[Encoded]) -> list[list[Encoded]]:
    """Of long examples a few at a time: what a step holds then fits a CPU's cache, twice as fast, and memory."""
    size = max(1, _AT_ONCE // max(len(example.ids) for example in batch))
    return [batch[at : at + size] for at in range(0, len(batch), size)]


def train_lora(  # noqa: PLR0917  what a run is made of
    model: Any,
    prefix_ids: list[int],
    train: Sequence[Encoded],
    validation: Sequence[Encoded],
    recipe: Recipe,
    checkpoint: Checkpoint,
) -> tuple[list[dict[str, float]], float]:
    """Train a LoRA, from the checkpoint if there is one; the curve, and the seconds that it took.

    A point of the curve has `step`, `train_loss` (smoothed over some twenty steps) and, where it was measured,
    `valid_loss`, in nats per answer token.
    """
    weights = list(trained_weights(model).values())
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.99))
    curve, seconds = checkpoint.load(model, optimiser)
    order = random.Random(recipe.seed)  # noqa: S311  the order of examples is no secret
    steps = [batch for _ in range(recipe.epochs) for batch in batches(train, recipe.batch, order)]
    started, told = time.monotonic() - seconds, -math.inf
    gc.freeze()  # so that a collection looks at one step's objects only
    with torch.device(checkpoint.device):
        prefix = torch.tensor([prefix_ids])
        for number, batch in enumerate(steps[len(curve) :], start=len(curve) + 1):
            optimiser.param_groups[0]["lr"] = rate_at(recipe.rate, number - 1, len(steps))
            loss, tokens = 0.0, sum(example.answer for example in batch)
            for part in _parts(batch):
                mean = answer_loss(model, prefix, part)[0] / tokens
                mean.backward()
                loss += float(mean.item())
                del mean
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            gc.collect()  # a step leaves gigabytes in cycles
            point = {"step": number, "train_loss": 0.95 * curve[-1]["train_loss"] + 0.05 * loss if curve else loss}
            curve.append(point)
            due = number % recipe.checkpoint_every == 0 or number == len(steps)
            if due and validation:
                point["valid_loss"] = validate(model, prefix, validation, recipe.batch)
            seconds = time.monotonic() - started
            if due:
                checkpoint.save(model, optimiser, curve, seconds)
            if due or time.monotonic() - told >= TELL_EVERY_S:
                told = time.monotonic()
                left = seconds / number * (len(steps) - number) / 60
                losses = ", ".join(f"{name} {value:.4f}" for name, value in point.items() if name != "step")
                tell(f"step {number} of {len(steps)}, {losses}, about {left:.1f} min left")
    return [{name: round(value, 5) for name, value in point.items()} for point in curve], round(seconds, 1)


def validate(model: Any, prefix: Any, examples: Sequence[Encoded], size: int) -> float:
    """Mean loss per answer token, nats."""
    ordered = sorted(examples, key=lambda example: len(example.ids))
    with torch.no_grad():
        parts = [answer_loss(model, prefix, ordered[at : at + size]) for at in range(0, len(ordered), size)]
    return float(sum(loss.item() for loss, _ in parts) / sum(tokens for _, tokens in parts))


def trained_weights(model: Any) -> dict[str, Any]:
    """The LoRA's weights by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file that a run goes on from; of another `fingerprint` it is another run's."""

    path: Path
    fingerprint: str
    device: str

    def save(self, model: Any, optimiser: Any, curve: list[dict[str, float]], seconds: float) -> None:
        """Replace the file in one step."""
        content = {
            "fingerprint": self.fingerprint,
            "curve": curve,
            "seconds": seconds,
            "weights": {name: weight.detach().cpu() for name, weight in trained_weights(model).items()},
            "optimiser": optimiser.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        try:
            write_whole(self.path, buffer.getvalue(), durable=True)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", path=self.path, hint="free some space") from None

    def load(self, model: Any, optimiser: Any) -> tuple[list[dict[str, float]], float]:
        """Put weights and optimiser state in place where there is a checkpoint; curve and seconds so far."""
        if not self.path.exists():
            return [], 0.0
        names = ("fingerprint", "curve", "seconds", "weights", "optimiser")
        try:  # tensors and plain values, never code
            read: dict[str, Any] = torch.load(self.path, map_location=self.device, weights_only=True)
            fingerprint, curve, seconds, kept, state = (read[name] for name in names)
        except Exception as error:  # noqa: BLE001  torch raises all kinds for a file that is no checkpoint
            told = f"the checkpoint cannot be read ({type(error).__name__})"
            raise InputError(told, path=self.path, hint="delete it to start anew") from None
        if fingerprint != self.fingerprint:
            told = "this folder holds a run with other examples, base or settings"
            raise InputError(told, path=self.path, hint="choose another --out")
        with torch.no_grad():
            for name, weight in trained_weights(model).items():
                weight.copy_(kept[name])
        optimiser.load_state_dict(state)
        return curve, seconds
