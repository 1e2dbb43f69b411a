"""What a LoRA training run is made of: the settings, the base model with its low-rank weights, batches, schedule."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.training.loss import Encoded, answer_loss

_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_BUCKET = 16  # batches whose examples are sorted by length together


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        rank, alpha: Of the LoRA.
        rate: Peak learning rate, reached after `warmup` of all steps, then a cosine down to a tenth.
        decay: Weight decay.
        batch: Examples a step.
        threads: CPU threads; part of what makes a run repeatable.
        evaluate_every, checkpoint_every: Steps.
    """

    rank: int = 16
    alpha: int = 32
    rate: float = 1e-3
    warmup: float = 0.03
    decay: float = 0.0
    epochs: int = 1
    batch: int = 16
    seed: int = 0
    threads: int = 1
    evaluate_every: int = 100
    checkpoint_every: int = 100


def load_base(gguf: Path) -> tuple[Any, Any]:
    """The base model, dequantised to bfloat16, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder, name = str(gguf.parent), gguf.name
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
        attn_implementation="eager",  # a fifth faster than "sdpa" here: its CPU kernel is slow for short rows
    )
    return model, AutoTokenizer.from_pretrained(folder, gguf_file=name)


def add_lora(model: Any, recipe: Recipe) -> Any:
    """Wrap all linear layers; the weights that are trained stay in float32, which small updates need."""
    from peft import LoraConfig, get_peft_model

    from harness.training.lowrank import forward_in_one_step

    config = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules=_LAYERS, task_type="CAUSAL_LM"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property by its old name
        wrapped = get_peft_model(model, config)
    forward_in_one_step(wrapped)
    return wrapped


def prompt_text(system: str) -> str:
    """What llama.cpp renders for the model's chat template up to the user's words."""
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n"


def batches(examples: Sequence[Encoded], size: int, rng: random.Random) -> Iterator[list[Encoded]]:
    """One epoch in batches of similar length, in random order."""
    order = list(examples)
    rng.shuffle(order)
    step = size * _BUCKET
    groups = [sorted(order[at : at + step], key=lambda e: len(e.ids)) for at in range(0, len(order), step)]
    made = [group[at : at + size] for group in groups for at in range(0, len(group), size)]
    rng.shuffle(made)
    yield from made


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine from the peak down to a tenth of it."""
    warm = max(1, int(steps * recipe.warmup))
    if step < warm:
        return recipe.rate * (step + 1) / warm
    return recipe.rate * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))))


def validate(model: Any, prefix: Any, examples: Sequence[Encoded], size: int) -> float:
    """Mean loss per answer token, nats."""
    import torch

    ordered = sorted(examples, key=lambda example: len(example.ids))
    total, tokens = 0.0, 0
    with torch.no_grad():
        for at in range(0, len(ordered), size):
            loss, count = answer_loss(model, prefix, ordered[at : at + size])
            total, tokens = total + loss.item(), tokens + count
    return total / tokens
