"""What makes a training step fast on a CPU, without changing it: the loss, and the LoRA product.

The system message is the same in every example, so its keys and values are computed once a batch (with gradients)
and shared; the vocabulary's logits are computed for answer tokens only. The LoRA product is one differentiable step in
the precision of the base: PEFT computes it in float32 beside a bfloat16 base, and copies each input for that.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear
from transformers import DynamicCache

_CHUNK = 96  # answer tokens whose logits (49,152 each, float32) are held at once: fits the CPU's cache better


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example after the shared system message; the last `answer` ids are learned."""

    ids: tuple[int, ...]
    answer: int


def answer_loss(model: Any, prefix: Any, batch: Sequence[Encoded]) -> tuple[Any, int]:
    """Summed cross-entropy of the answer tokens of a batch, and their number; `prefix` has the shape (1, P)."""
    causal = model.base_model.model
    longest = max(len(example.ids) for example in batch)
    # Padded on the right, which a causal model never sees.
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


class _LowRank(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """y = x W' + s (x A') B' with a frozen W, for x (..., n), W (m, n), A (r, n), B (m, r).

    A and B are rounded to the base's type for the product only; they, their gradients and the optimiser's state stay in
    float32.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, a: Any, b: Any, scale: float) -> Any:  # noqa: PLR0917  formula
        rows = x.reshape(-1, x.shape[-1])
        low, high = a.to(x.dtype), (b * scale).to(x.dtype)
        inner = rows @ low.T
        ctx.save_for_backward(rows, w, low, high, inner)
        ctx.shape, ctx.scale = x.shape, scale
        return (rows @ w.T).addmm_(inner, high.T).view(*x.shape[:-1], w.shape[0])

    @staticmethod
    def backward(ctx: Any, upstream: Any) -> Any:  # type: ignore[override, unused-ignore]
        rows, w, low, high, inner = ctx.saved_tensors
        grad = upstream.reshape(-1, upstream.shape[-1])
        narrow = grad @ high
        to_x = (grad @ w).addmm_(narrow, low).view(ctx.shape)
        return to_x, None, (narrow.T @ rows).float(), (grad.T @ inner).float() * ctx.scale, None


def forward_in_one_step(model: Any) -> None:
    """Replace the forward pass of each LoRA layer of a PEFT model; layers with a bias or dropout stay as they are."""
    for layer in model.modules():
        if isinstance(layer, Linear) and layer.base_layer.bias is None:
            layer.forward = MethodType(_forward, layer)


def _forward(layer: Any, x: Any) -> Any:
    name = layer.active_adapters[0]
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    return _LowRank.apply(x, layer.base_layer.weight, a, b, layer.scaling[name])
