"""A training step of the embedded model: the LoRA product in one step, beside PEFT's own layers.

    python -m harness.benchmarks.training_speed [--examples 32] [--rounds 2]

Both take the same batches of development commands in turns, in one process; the figure is the ratio of their times.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any

from harness.models.weights import ensure_weights
from harness.pack import load_pack, system_message
from harness.training.local import encoder, load_base
from harness.training.lora import Recipe, add_lora, batches
from harness.training.loss import answer_loss


def main() -> None:
    """Time both and print the ratio."""
    import torch
    from peft.tuners.lora import Linear

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--examples", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    pack, recipe = load_pack("go2/training"), Recipe(batch=8, threads=args.threads)
    model, tokenizer = load_base(ensure_weights())
    prefix_ids, encode = encoder(tokenizer, system_message(pack, "plain"), ensure_weights())
    cases = pack.cases()
    random.Random(1).shuffle(cases)  # noqa: S311  an order
    examples = [encode(case.command, json.dumps(case.references[0])) for case in cases[: args.examples]]
    steps = batches(examples, recipe.batch, random.Random(1))  # noqa: S311  the same
    prefix = torch.tensor([prefix_ids])
    fast = add_lora(model, recipe)
    layers = [layer for layer in fast.modules() if isinstance(layer, Linear)]
    own = {layer: layer.forward for layer in layers}
    taken = {"one step": 0.0, "PEFT": 0.0}
    for round_ in range(args.rounds + 1):  # the first warms up
        for name in taken:
            for layer in layers:
                layer.forward = own[layer] if name == "one step" else Linear.forward.__get__(layer)
            passed = _time(fast, prefix, steps)
            taken[name] += passed if round_ else 0.0
    for name, seconds in taken.items():
        print(f"{name}: {seconds / args.rounds / len(examples):.3f} s an example")
    print(f"in one step: {taken['one step'] / taken['PEFT']:.2f} of PEFT's time")


def _time(model: Any, prefix: Any, steps: list[Any]) -> float:
    started = time.perf_counter()
    for batch in steps:
        loss, tokens = answer_loss(model, prefix, batch)
        (loss / tokens).backward()
        model.zero_grad(set_to_none=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
