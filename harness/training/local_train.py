"""The training loop of `gonogo finetune --provider local`: a LoRA, checkpoints, resume, the same result for a seed.

Everything that decides the result is in the plan: examples, order (by seed), schedule. A checkpoint holds the LoRA, the
optimiser's state and the curve, and replaces the one before in one step; so a run that is killed and started again does
the very steps that it would have done, and on a CPU with one number of threads ends in the very same bytes.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.training.local_data import Chat, ChatFormat, embedded_format, encode_all, template_format
from harness.training.lora import Recipe, add_lora, batches, learning_rate, load_base, validate
from harness.training.loss import Encoded, answer_loss

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained, and how.

    Attributes:
        base: GGUF file or Hugging Face folder.
        fingerprint: Hash of everything that decides the result; a checkpoint of another one is not taken.
        device: `cpu` or `cuda`.
        start: Folder of an ended run whose LoRA this one begins with; None begins with an untrained one.
    """

    base: Path
    system: str
    train: tuple[Chat, ...]
    validation: tuple[Chat, ...]
    recipe: Recipe
    fingerprint: str
    device: str
    start: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. Losses are nats per answer token, the training loss smoothed over some twenty steps."""

    step: int
    steps: int
    train_loss: float
    valid_loss: float | None
    seconds: float
    left_s: float


@dataclass(slots=True)
class _State:
    """What a checkpoint holds besides weights and optimiser."""

    step: int = 0
    smooth: float = 0.0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


def train_lora(plan: Plan, folder: Path, tell: Callable[[Progress], None]) -> tuple[dict[str, float], ...]:
    """Train, from the last checkpoint in the folder if there is one; leaves the PEFT adapter in `<folder>/peft`.

    Args:
        plan: What and how.
        folder: For checkpoints and the adapter.
        tell: Told of each step.

    Returns:
        The curve: `step`, `train_loss`, and `valid_loss` where it was measured.

    Raises:
        InputError: the base cannot be used, or the folder's checkpoint is of another run.
    """
    import torch

    recipe = plan.recipe
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    model, tokenizer, form = _open(plan)
    model = add_lora(model, recipe).to(plan.device)
    with torch.device(plan.device):
        prefix = torch.tensor([tokenizer(form.before, add_special_tokens=False)["input_ids"]])
        examples = encode_all(tokenizer, plan.train, form)
        held = encode_all(tokenizer, plan.validation, form)
        weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        optimiser = torch.optim.AdamW(
            list(weights.values()), lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.99)
        )
        state = _load(folder / CHECKPOINT, plan, weights, optimiser)
        order = random.Random(recipe.seed)  # noqa: S311  the order of examples is no secret
        steps = [batch for _ in range(recipe.epochs) for batch in batches(examples, recipe.batch, order)]
        gc.freeze()  # so that a collection looks at one step's objects only
        started, begun_at = time.monotonic() - state.seconds, state.step
        for step in range(begun_at, len(steps)):
            rate = learning_rate(step, len(steps), recipe)
            loss = _step(model, prefix, steps[step], list(weights.values()), optimiser, rate)
            gc.collect()  # a step leaves gigabytes in cycles
            state.smooth = loss if not step else 0.95 * state.smooth + 0.05 * loss
            state.step, last = step + 1, step + 1 == len(steps)
            valid = None
            if held and (last or state.step % recipe.evaluate_every == 0):
                valid = validate(model, prefix, held, recipe.batch)
            _record(state, valid)
            state.seconds = time.monotonic() - started
            if last or state.step % recipe.checkpoint_every == 0:
                _save(folder / CHECKPOINT, plan, weights, optimiser, state)
            left = state.seconds / state.step * (len(steps) - state.step)
            tell(Progress(state.step, len(steps), state.smooth, valid, state.seconds, left))
    model.save_pretrained(folder / "peft", save_embedding_layers=False)
    return tuple(state.curve)


def _open(plan: Plan) -> tuple[Any, Any, ChatFormat]:
    """The base model, its tokenizer and its chat format."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # thousands of characters in a log; our own line tells what takes long
    if plan.base.is_file():
        model, tokenizer = load_base(plan.base)
        return model, tokenizer, embedded_format(plan.system)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(plan.base)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation="eager", local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the base model cannot be loaded: {str(error)[:300]}", path=plan.base) from None
    return model, tokenizer, template_format(tokenizer, plan.system, plan.base)


def _step(  # noqa: PLR0913, PLR0917  the parts of one optimiser step
    model: Any, prefix: Any, batch: list[Encoded], weights: list[Any], optimiser: Any, rate: float
) -> float:
    """One step; the mean loss per answer token."""
    import torch

    for group in optimiser.param_groups:
        group["lr"] = rate
    loss, tokens = answer_loss(model, prefix, batch)
    (loss / tokens).backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.item() / tokens)


def _record(state: _State, valid: float | None) -> None:
    point = {"step": float(state.step), "train_loss": round(state.smooth, 5)}
    if valid is not None:
        point["valid_loss"] = round(valid, 5)
    state.curve.append(point)


def _save(path: Path, plan: Plan, weights: Mapping[str, Any], optimiser: Any, state: _State) -> None:
    """Replace the checkpoint in one step."""
    import torch

    content = {
        "fingerprint": plan.fingerprint,
        "step": state.step,
        "smooth": state.smooth,
        "seconds": state.seconds,
        "curve": state.curve,
        "weights": {name: weight.detach().cpu() for name, weight in weights.items()},
        "optimiser": optimiser.state_dict(),
    }
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise InputError(f"cannot write the checkpoint: {error.strerror}", path=path, hint="free some space") from None


def _load(path: Path, plan: Plan, weights: Mapping[str, Any], optimiser: Any) -> _State:
    """Put a checkpoint's weights and optimiser state in place; a fresh state where there is no checkpoint."""
    if not path.exists():
        if plan.start is not None:
            begun = _read(plan.start / CHECKPOINT, plan.device, "name the --out folder of an ended run")
            _copy(begun, weights, plan.start)
        return _State()
    content = _read(path, plan.device, "delete it to start anew")
    if content["fingerprint"] != plan.fingerprint:
        raise InputError(
            "this folder holds a run with other examples, base or settings", path=path, hint="choose another --out"
        )
    _copy(content, weights, path)
    optimiser.load_state_dict(content["optimiser"])
    return _State(content["step"], content["smooth"], content["seconds"], content["curve"])


def _read(path: Path, device: str, hint: str) -> dict[str, Any]:
    """A checkpoint's content: tensors and plain values, never code."""
    import pickle

    import torch

    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        missing = {"fingerprint", "step", "smooth", "seconds", "curve", "weights", "optimiser"} - content.keys()
    except (OSError, RuntimeError, AttributeError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"the checkpoint cannot be read ({type(error).__name__})", path=path, hint=hint) from None
    if missing:
        raise InputError("the file is no checkpoint of a training run", path=path, hint=hint)
    return content


def _copy(content: Mapping[str, Any], weights: Mapping[str, Any], path: Path) -> None:
    """Take over a checkpoint's LoRA."""
    import torch

    kept = content["weights"]
    if {name: tuple(value.shape) for name, value in kept.items()} != {n: tuple(w.shape) for n, w in weights.items()}:
        raise InputError("its LoRA does not fit: another base or --rank", path=path)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept[name])
