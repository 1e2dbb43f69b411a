"""The LoRA product as one differentiable step: x W' + (x A') B' s, in the precision of the base.

PEFT computes it in float32 beside a bfloat16 base and copies each input for that, which takes time on a CPU. Here A and
B are rounded to the base's type for the product only; they, their gradients and the optimiser's state stay in float32.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch


class _LowRank(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """y = x W' + s (x A') B' with a frozen W, for x (..., n), W (m, n), A (r, n), B (m, r)."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, a: Any, b: Any, scale: float) -> Any:  # noqa: PLR0913, PLR0917  formula
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
    from peft.tuners.lora import Linear

    for layer in model.modules():
        if isinstance(layer, Linear) and layer.base_layer.bias is None:
            layer.forward = MethodType(_forward, layer)


def _forward(layer: Any, x: Any) -> Any:
    name = layer.active_adapters[0]
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    return _LowRank.apply(x, layer.base_layer.weight, a, b, layer.scaling[name])
