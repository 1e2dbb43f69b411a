"""A LoRA of a llama model as a GGUF file, which llama.cpp loads beside the base model.

llama.cpp rotates neighbouring pairs where transformers rotates halves, so it stores the rows of the query and key
projections in another order; the rows of their lora_B have to follow (the same `permute` as llama.cpp's
convert_hf_to_gguf.py, class LlamaModel).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from harness.files import whole_file

_NAMES = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 1)  # layer 0 is named as every other
_TENSOR = re.compile(r"\.layers\.(\d+)\.(\w+\.(\w+))\.lora_([AB])\.")
_BLOCK = 32  # values that share a scale in q8_0; rows that are no multiple of it stay f16


def permuted(rows: Any, heads: int, parts: int = 2) -> Any:
    """Reorder the rows of a query or key projection, of shape (heads * head size, any), from halves to pairs.

    With half a head's size as `parts`: back from pairs to halves.
    """
    paired = rows.reshape(heads, parts, rows.shape[0] // heads // parts, *rows.shape[1:])
    return paired.swapaxes(1, 2).reshape(rows.shape)


def _target(name: str, heads: tuple[int, int]) -> tuple[str, int]:
    """llama.cpp's name of a LoRA weight, and the heads that its rows are reordered by; 0 for none."""
    match = _TENSOR.search(name)
    if match is None:
        raise ValueError(f"{name!r} is no LoRA weight of a llama layer")
    layer, module, kind, side = match.groups()
    turned = {"q_proj": heads[0], "k_proj": heads[1]} if side == "B" else {}
    named = str(_NAMES.get_name(f"model.layers.0.{module}")).removeprefix("blk.0.")
    return f"blk.{layer}.{named}.weight.lora_{side.lower()}", turned.get(kind, 0)


def read_adapter(path: Path, names: Iterable[str], heads: tuple[int, int]) -> dict[str, Any]:
    """Weights of a GGUF LoRA, by PEFT's names, in float32, B multiplied by alpha / rank; what it lacks is left out."""
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    alpha = reader.fields["adapter.lora.alpha"].contents()
    found = {}
    for name in names:
        target, turned = _target(name, heads)
        if target in tensors:
            array = gguf.quants.dequantize(tensors[target].data, tensors[target].tensor_type)
            array = permuted(array, turned, array.shape[0] // turned // 2) if turned else array
            found[name] = array * (alpha / array.shape[1]) if target.endswith("b") else array
    return found


def write_adapter(weights: Mapping[str, Any], alpha: int, heads: tuple[int, int], out: Path) -> None:
    """Write a GGUF LoRA, in q8_0 where the rows allow it.

    `weights` are float32 arrays by PEFT's names (`...layers.0.self_attn.q_proj.lora_A...`), `heads` the attention heads
    and key-value heads of the base.
    """
    # The writer opens the file anew, by its name.
    with whole_file(out) as file, closing(gguf.GGUFWriter(file.name, "llama")) as writer:
        writer.add_string("general.type", "adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", float(alpha))
        for name in sorted(weights):
            target, turned = _target(name, heads)
            array = permuted(weights[name], turned) if turned else weights[name]
            if array.shape[-1] % _BLOCK == 0:
                q8_0 = gguf.GGMLQuantizationType.Q8_0
                writer.add_tensor(target, gguf.quants.quantize(array, q8_0), raw_dtype=q8_0)
            else:
                writer.add_tensor(target, array.astype(np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
