"""The training loss: cross-entropy of the answer's tokens, computed without what every example shares.

The system message is the same in every example, so its keys and values are computed once a batch (with gradients)
and shared; the vocabulary's logits are computed for answer tokens only. Both leave the loss as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_CHUNK = 96  # answer tokens whose logits (49,152 each, float32) are held at once: fits the CPU's cache better


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example after the shared system message; the last `answer` ids are learned."""

    ids: tuple[int, ...]
    answer: int


def answer_loss(model: Any, prefix: Any, batch: Sequence[Encoded]) -> tuple[Any, int]:
    """Summed cross-entropy of the answer tokens of a batch, and their number.

    Args:
        model: The model with its LoRA.
        prefix: Token ids of the shared beginning, shape (1, P).
        batch: Examples; padded on the right, which a causal model never sees.
    """
    import torch
    from transformers import DynamicCache

    causal = model.base_model.model
    longest = max(len(example.ids) for example in batch)
    ids = torch.tensor([[*example.ids, *[0] * (longest - len(example.ids))] for example in batch])
    cache = DynamicCache()
    # transformers 5.24 renamed the argument; 5.23 would swallow the new name without a word.
    name = "cache" if "cache" in inspect.signature(causal.model.forward).parameters else "past_key_values"
    shared = {name: cache, "use_cache": True}
    causal.model(input_ids=prefix, **shared)
    for layer in cache.layers:
        layer.keys = layer.keys.expand(len(batch), -1, -1, -1)
        layer.values = layer.values.expand(len(batch), -1, -1, -1)
    start = prefix.shape[1]
    positions = torch.arange(start, start + longest)[None]
    hidden = causal.model(input_ids=ids, position_ids=positions, **shared).last_hidden_state
    rows = [(row, at - 1) for row, e in enumerate(batch) for at in range(len(e.ids) - e.answer, len(e.ids))]
    where = torch.tensor(rows)
    learned = hidden[where[:, 0], where[:, 1]]
    targets = ids[where[:, 0], where[:, 1] + 1]
    return _cross_entropy(learned, causal.lm_head.weight, targets), len(rows)


def _cross_entropy(hidden: Any, weight: Any, targets: Any) -> Any:
    """Summed cross-entropy over a frozen vocabulary matrix, in chunks, with its gradient made on the way.

    The gradient reaches `hidden` through a product that adds nothing to the value, so that the logits of all
    tokens never have to be kept for a backward pass.
    """
    import torch

    total, gradient = torch.zeros(()), torch.empty_like(hidden)
    with torch.no_grad():
        for at in range(0, len(hidden), _CHUNK):
            wanted = targets[at : at + _CHUNK, None]
            chance = torch.softmax((hidden[at : at + _CHUNK] @ weight.T).float(), dim=1)
            right = chance.gather(1, wanted)
            total -= right.clamp_min(1e-30).log().sum()
            chance.scatter_add_(1, wanted, torch.full_like(right, -1.0))
            gradient[at : at + _CHUNK] = chance.to(weight.dtype) @ weight
    carrier = (hidden * gradient).sum()
    return total + (carrier - carrier.detach())
