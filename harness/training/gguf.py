"""A LoRA of a llama model as a GGUF file, which llama.cpp loads beside the base model.

llama.cpp rotates neighbouring pairs where transformers rotates halves, so it stores the rows of the query and key
projections in another order; the rows of their lora_B have to follow (the same `permute` as llama.cpp's
convert_hf_to_gguf.py, class LlamaModel).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TENSOR = re.compile(r"\.layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])\.")
_BLOCK = 32  # values that share a scale in q8_0; rows that are no multiple of it stay f16


def permuted(rows: Any, heads: int) -> Any:
    """Reorder the rows of a query or key projection, of shape (heads * head size, any), from halves to pairs."""
    paired = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return paired.swapaxes(1, 2).reshape(rows.shape)


def write_adapter(weights: Mapping[str, Any], alpha: int, heads: tuple[int, int], out: Path) -> None:
    """Write a GGUF LoRA, in q8_0 where the rows allow it.

    Args:
        weights: Arrays in float32, by PEFT's names: `...layers.0.self_attn.q_proj.lora_A...`, linear layers only.
        alpha: Of the LoRA.
        heads: Attention heads and key-value heads of the base.
        out: The file.
    """
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    for name in sorted(weights):
        match = _TENSOR.search(name)
        if match is None:
            raise ValueError(f"{name!r} is no LoRA weight of a llama layer")
        layer, module, side = match.groups()
        array = weights[name]
        if side == "B" and module in ("self_attn.q_proj", "self_attn.k_proj"):
            array = permuted(array, heads[module == "self_attn.k_proj"])
        target = f"blk.{layer}.{_NAMES[module]}.weight.lora_{side.lower()}"
        if array.shape[-1] % _BLOCK == 0:
            q8_0 = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(target, gguf.quants.quantize(array, q8_0), raw_dtype=q8_0)
        else:
            writer.add_tensor(target, array.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
