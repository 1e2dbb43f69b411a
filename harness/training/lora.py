"""Fine-tunes the embedded model on the CPU: a LoRA, loss on the answer only, out comes a GGUF adapter.

    python -m harness.training.lora --config datasets/go2/training/config.toml --base MODEL.gguf --out FOLDER

Not covered: GPUs, other architectures than llama, resuming with the optimiser's state (see the checkpoints instead).
The system message is the same in every example, so its keys and values are computed once a batch (with gradients)
and shared; the vocabulary's logits are computed for answer tokens only. Both leave the loss as it is.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import random
import sys
import time
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError

_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_CHUNK = 96  # answer tokens whose logits (49,152 each, float32) are held at once: fits the CPU's cache better
_BUCKET = 16  # batches whose examples are sorted by length together


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; read from the `[train]` table of a TOML file.

    Attributes:
        train, valid: JSONL of examples (`command`, `answer`), relative to the configuration.
        system: File with the system message.
        rate: Peak learning rate, reached after `warmup` of all steps, then a cosine down to a tenth.
        minutes: Stop in time: the schedule is cut so that training ends about then; 0 is no limit.
    """

    train: str
    valid: str
    system: str
    rank: int = 16
    alpha: int = 32
    rate: float = 1e-3
    warmup: float = 0.03
    decay: float = 0.0
    epochs: int = 1
    batch: int = 8
    seed: int = 0
    threads: int = 1
    evaluate_every: int = 100
    checkpoint_every: int = 100


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example after the shared system message; the last `answer` ids are learned."""

    ids: tuple[int, ...]
    answer: int


def load_recipe(path: Path) -> Recipe:
    """Read the configuration.

    Raises:
        InputError: it is missing, not TOML, or has unknown fields.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))["train"]
        return Recipe(**table)
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"not a training configuration: {error}", path=path, hint="see datasets/go2/training/config.toml") from error


def load_base(gguf: Path) -> tuple[Any, Any]:
    """The base model, dequantised to bfloat16, and its tokenizer."""
    import torch  # noqa: PLC0415 - only the `train` extra has it
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415

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
    """Wrap all linear layers; the adapter itself stays in float32, which small updates need."""
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules=_LAYERS, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property by its old name
        return get_peft_model(model, config)


def prompt_text(system: str) -> str:
    """What llama.cpp renders for the model's chat template up to the user's words."""
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n"


def encode(tokenizer: Any, command: str, answer: Sequence[str]) -> Encoded:
    """Token ids of one example: the rest of the prompt, the answer and the end of the turn."""
    prompt = tokenizer(f"{command}<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    learned = tokenizer(json.dumps(list(answer), ensure_ascii=False) + "<|im_end|>", add_special_tokens=False)["input_ids"]
    return Encoded((*prompt, *learned), len(learned))


def batches(examples: Sequence[Encoded], size: int, rng: random.Random) -> Iterator[list[Encoded]]:
    """One epoch in batches of similar length, in random order."""
    order = list(examples)
    rng.shuffle(order)
    step = size * _BUCKET
    groups = [sorted(order[at : at + step], key=lambda e: len(e.ids)) for at in range(0, len(order), step)]
    made = [group[at : at + size] for group in groups for at in range(0, len(group), size)]
    rng.shuffle(made)
    yield from made


def answer_loss(model: Any, prefix: Any, batch: Sequence[Encoded]) -> tuple[Any, int]:
    """Summed cross-entropy of the answer tokens of a batch, and their number.

    Args:
        model: The model with its LoRA.
        prefix: Token ids of the shared beginning, shape (1, P).
        batch: Examples; padded on the right, which a causal model never sees.
    """
    import torch  # noqa: PLC0415
    from transformers import DynamicCache  # noqa: PLC0415

    causal = model.base_model.model
    longest = max(len(example.ids) for example in batch)
    ids = torch.tensor([[*example.ids, *[0] * (longest - len(example.ids))] for example in batch])
    cache = DynamicCache()
    causal.model(input_ids=prefix, past_key_values=cache, use_cache=True)
    for layer in cache.layers:
        layer.keys = layer.keys.expand(len(batch), -1, -1, -1)
        layer.values = layer.values.expand(len(batch), -1, -1, -1)
    start = prefix.shape[1]
    positions = torch.arange(start, start + longest)[None]
    hidden = causal.model(input_ids=ids, past_key_values=cache, use_cache=True, position_ids=positions).last_hidden_state
    rows = [(row, at - 1) for row, e in enumerate(batch) for at in range(len(e.ids) - e.answer, len(e.ids))]
    where = torch.tensor(rows)
    learned = hidden[where[:, 0], where[:, 1]]
    targets = ids[where[:, 0], where[:, 1] + 1]
    return _cross_entropy(learned, causal.lm_head.weight, targets), len(rows)


def _cross_entropy(hidden: Any, weight: Any, targets: Any) -> Any:
    """Summed cross-entropy over a frozen vocabulary matrix, in chunks, with its gradient made on the way."""
    import torch  # noqa: PLC0415

    class Chunked(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, states: Any) -> Any:
            total, gradient = torch.zeros(()), torch.empty_like(states)
            for at in range(0, len(states), _CHUNK):
                part, wanted = states[at : at + _CHUNK], targets[at : at + _CHUNK]
                logits = (part @ weight.T).float()
                peak = logits.amax(dim=1, keepdim=True)
                powers = logits.sub_(peak).exp_()
                sums = powers.sum(dim=1, keepdim=True)
                chance = powers.div_(sums)
                right = chance.gather(1, wanted[:, None])
                total = total - right.clamp_min(1e-30).log().sum()
                chance.scatter_add_(1, wanted[:, None], torch.full_like(right, -1.0))
                gradient[at : at + _CHUNK] = chance.to(weight.dtype) @ weight
            ctx.save_for_backward(gradient)
            return total

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            (gradient,) = ctx.saved_tensors
            return gradient * upstream.to(gradient.dtype)

    return Chunked.apply(hidden)


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine from the peak down to a tenth of it."""
    warm = max(1, int(steps * recipe.warmup))
    if step < warm:
        return recipe.rate * (step + 1) / warm
    return recipe.rate * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))))


def validate(model: Any, prefix: Any, examples: Sequence[Encoded], size: int) -> float:
    """Mean loss per answer token, nats."""
    import torch  # noqa: PLC0415

    ordered = sorted(examples, key=lambda example: len(example.ids))
    total, tokens = 0.0, 0
    with torch.no_grad():
        for at in range(0, len(ordered), size):
            loss, count = answer_loss(model, prefix, ordered[at : at + size])
            total, tokens = total + loss.item(), tokens + count
    return total / tokens


def read_examples(path: Path, tokenizer: Any) -> list[Encoded]:
    """Encode a JSONL file of `command` and `answer`.

    Raises:
        InputError: a line is not such an object.
    """
    encoded = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            encoded.append(encode(tokenizer, row["command"], row["answer"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("an example needs `command` and `answer`", path=path, line=number, hint="one JSON object a line") from error
    return encoded


def train(recipe: Recipe, root: Path, base: Path, out: Path) -> None:
    """Run the recipe; writes checkpoints, the final PEFT adapter and `curve.csv` to `out`."""
    import torch  # noqa: PLC0415

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    model, tokenizer = load_base(base)
    model = add_lora(model, recipe)
    system = (root / recipe.system).read_text(encoding="utf-8").strip()
    prefix = torch.tensor([tokenizer(prompt_text(system), add_special_tokens=False)["input_ids"]])
    examples = read_examples(root / recipe.train, tokenizer)
    held = read_examples(root / recipe.valid, tokenizer)
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(recipe.seed)  # noqa: S311 - the order of examples is no secret
    plan = [batch for _ in range(recipe.epochs) for batch in batches(examples, recipe.batch, rng)]
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.99))
    curve: list[dict[str, float]] = []
    started, smooth = time.monotonic(), 0.0
    for step, batch in enumerate(plan):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, len(plan), recipe)
        loss, tokens = answer_loss(model, prefix, batch)
        (loss / tokens).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        now = loss.item() / tokens
        smooth = now if not step else 0.95 * smooth + 0.05 * now
        done = step + 1
        point = {"step": done, "examples": min(done * recipe.batch, len(examples) * recipe.epochs), "train_loss": round(smooth, 5)}
        if done % recipe.evaluate_every == 0 or done == len(plan):
            point["valid_loss"] = round(validate(model, prefix, held, recipe.batch), 5)
        if done % 10 == 0 or "valid_loss" in point:
            curve.append({**point, "seconds": round(time.monotonic() - started, 1)})
            _save_curve(out / "curve.csv", curve)
        _progress(done, len(plan), started, smooth, point.get("valid_loss"))
        if done % recipe.checkpoint_every == 0 or done == len(plan):
            model.save_pretrained(out / ("final" if done == len(plan) else f"step-{done}"))
    _write_run(out / "run.json", recipe, root, base, time.monotonic() - started, curve[-1])


def _progress(done: int, steps: int, started: float, loss: float, valid: float | None) -> None:
    passed = time.monotonic() - started
    left = passed / done * (steps - done)
    checked = "" if valid is None else f"  validation {valid:.4f}"
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"step {done}/{steps}  loss {loss:.4f}{checked}  {passed / 60:.1f} min, {left / 60:.1f} min left", end=end, file=sys.stderr, flush=True)


def _save_curve(path: Path, curve: Sequence[dict[str, float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["step", "examples", "train_loss", "valid_loss", "seconds"])
        writer.writeheader()
        writer.writerows(curve)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_run(path: Path, recipe: Recipe, root: Path, base: Path, seconds: float, last: dict[str, float]) -> None:
    import importlib.metadata  # noqa: PLC0415

    files = {name: sha256(root / name) for name in (recipe.train, recipe.valid, recipe.system)}
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "gguf")}
    record = {"base": base.name, "base_sha256": sha256(base), "files_sha256": files, "recipe": asdict(recipe),
              "versions": versions, "seconds": round(seconds), "last": last}  # fmt: skip
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description="Fine-tune the embedded model on the CPU.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, help="GGUF of the base model")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the adapter")
    args = parser.parse_args(argv)
    train(load_recipe(args.config), args.config.parent, args.base, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
