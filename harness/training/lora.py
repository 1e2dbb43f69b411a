"""Fine-tunes the embedded model on the CPU: a LoRA, loss on the answer only, out comes a GGUF adapter.

    python -m harness.training.lora --config datasets/go2/training/config.toml --base MODEL.gguf --out FOLDER

Not covered: GPUs, other architectures than llama, resuming with the optimiser's state (see the checkpoints instead).
"""

from __future__ import annotations

import argparse
import csv
import gc
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
from harness.training.loss import Encoded, answer_loss

_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_COLLECT_EVERY = 10  # steps; the key-value caches hold their graphs in cycles, gigabytes of them
_BUCKET = 16  # batches whose examples are sorted by length together


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; read from the `[train]` table of a TOML file.

    Attributes:
        train, valid: JSONL of examples (`command`, `answer`), relative to the configuration.
        system: File with the system message.
        rate: Peak learning rate, reached after `warmup` of all steps, then a cosine down to a tenth.
        start: Folder of a PEFT adapter to go on from, relative to where the command runs; empty starts anew.
        minutes: End about then, whatever the number of steps, with the rate brought down in time; 0 is no limit.
            What is reached then depends on the machine's speed, and a run cannot be repeated to the bit.
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
    start: str = ""
    minutes: float = 0.0


def load_recipe(path: Path) -> Recipe:
    """Read the configuration.

    Raises:
        InputError: it is missing, not TOML, or has unknown fields.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))["train"]
        return Recipe(**table)
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"not a training configuration: {error}", path=path, hint="see datasets/go2/training/config-1.toml"
        ) from error


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
    from peft import LoraConfig, PeftModel, get_peft_model  # noqa: PLC0415

    if recipe.start:
        return PeftModel.from_pretrained(model, recipe.start, is_trainable=True)
    config = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules=_LAYERS, task_type="CAUSAL_LM"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property by its old name
        return get_peft_model(model, config)


def prompt_text(system: str) -> str:
    """What llama.cpp renders for the model's chat template up to the user's words."""
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n"


def encode(tokenizer: Any, command: str, answer: Sequence[str]) -> Encoded:
    """Token ids of one example: the rest of the prompt, the answer and the end of the turn."""
    prompt = tokenizer(f"{command}<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    learned = tokenizer(json.dumps(list(answer), ensure_ascii=False) + "<|im_end|>", add_special_tokens=False)[
        "input_ids"
    ]
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
            raise InputError(
                "an example needs `command` and `answer`", path=path, line=number, hint="one JSON object a line"
            ) from error
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
        passed = (time.monotonic() - started) / (60 * recipe.minutes) if recipe.minutes else 0.0
        if passed >= 1.0:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(max(step, int(passed * len(plan))), len(plan), recipe)
        loss, tokens = answer_loss(model, prefix, batch)
        (loss / tokens).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % _COLLECT_EVERY == 0:
            gc.collect()
        now = loss.item() / tokens
        smooth = now if not step else 0.95 * smooth + 0.05 * now
        done = step + 1
        point = {
            "step": done,
            "examples": min(done * recipe.batch, len(examples) * recipe.epochs),
            "train_loss": round(smooth, 5),
        }
        if done % recipe.evaluate_every == 0 or done == len(plan):
            point["valid_loss"] = round(validate(model, prefix, held, recipe.batch), 5)
        if done % 10 == 0 or "valid_loss" in point:
            curve.append({**point, "seconds": round(time.monotonic() - started, 1)})
            _save_curve(out / "curve.csv", curve)
        _progress(done, len(plan), started, smooth, point.get("valid_loss"))
        if done % recipe.checkpoint_every == 0:
            model.save_pretrained(out / f"step-{done}")
    model.save_pretrained(out / "final")
    record = {**_run_record(recipe, root, base), "seconds": round(time.monotonic() - started), "last": curve[-1]}
    (out / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _progress(done: int, steps: int, started: float, loss: float, valid: float | None) -> None:
    passed = time.monotonic() - started
    left = passed / done * (steps - done)
    checked = "" if valid is None else f"  validation {valid:.4f}"
    end = "\r" if sys.stderr.isatty() else "\n"
    print(
        f"step {done}/{steps}  loss {loss:.4f}{checked}  {passed / 60:.1f} min, {left / 60:.1f} min left",
        end=end,
        file=sys.stderr,
        flush=True,
    )


def _save_curve(path: Path, curve: Sequence[dict[str, float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["step", "examples", "train_loss", "valid_loss", "seconds"])
        writer.writeheader()
        writer.writerows(curve)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run_record(recipe: Recipe, root: Path, base: Path) -> dict[str, Any]:
    """What the adapter is made of: hashes of everything read, settings, library versions."""
    import importlib.metadata  # noqa: PLC0415

    files = {name: sha256(root / name) for name in (recipe.train, recipe.valid, recipe.system)}
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "gguf")}
    base_of = {"base": base.name, "base_sha256": sha256(base)}
    return {**base_of, "files_sha256": files, "recipe": asdict(recipe), "versions": versions}


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
