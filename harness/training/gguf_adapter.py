"""A PEFT adapter of a llama model as a GGUF LoRA, which llama.cpp loads beside the base model.

    python -m harness.training.gguf_adapter FOLDER --base MODEL.gguf --out adapter.gguf [--type f16]

llama.cpp rotates neighbouring pairs where transformers rotates halves, so it stores the rows of the query and key
projections in another order; the rows of their lora_B have to follow (the same `permute` as llama.cpp's
convert_hf_to_gguf.py, class LlamaModel).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import InputError

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TENSOR = re.compile(r"\.layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])\.weight$")
_BLOCK = 32  # values that share a scale in q8_0; rows that are no multiple of it stay f16


def permuted(rows: Any, heads: int) -> Any:
    """Reorder the rows of a query or key projection from halves to neighbouring pairs.

    Args:
        rows: Array of shape (heads * head size, any).
        heads: Attention heads (key-value heads for a key projection).
    """
    paired = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return paired.swapaxes(1, 2).reshape(rows.shape)


def tensors(weights: Mapping[str, Any], heads: int, key_heads: int) -> Iterator[tuple[str, Any]]:
    """GGUF names and arrays of a PEFT adapter's weights, in a fixed order.

    Raises:
        InputError: a weight belongs to no linear layer of a llama model.
    """
    for name in sorted(weights):
        match = _TENSOR.search(name)
        if not match or match[2] not in _NAMES:
            raise InputError(
                f"{name!r} is no LoRA weight of a llama layer", hint="only its seven linear layers can be converted"
            )
        layer, module, side = match[1], match[2], match[3]
        array = weights[name]
        if side == "B" and module in ("self_attn.q_proj", "self_attn.k_proj"):
            array = permuted(array, heads if module == "self_attn.q_proj" else key_heads)
        yield f"blk.{layer}.{_NAMES[module]}.weight.lora_{side.lower()}", array


def convert(folder: Path, base: Path, out: Path, kind: str = "q8_0") -> None:
    """Write a GGUF LoRA.

    Args:
        folder: PEFT adapter: `adapter_config.json` and `adapter_model.safetensors`.
        base: GGUF of the base model, or its Hugging Face folder: either knows the numbers of heads.
        out: File to write.
        kind: `q8_0` (smaller) or `f16`.

    Raises:
        InputError: the folder holds no adapter, or the base is no llama model.
    """
    import gguf
    import numpy as np
    from safetensors.numpy import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "adapter_model.safetensors")
    except (OSError, ValueError) as error:
        raise InputError(f"no PEFT adapter in this folder: {error}", path=folder) from error
    heads, key_heads = _heads(gguf, base)
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]))
    for name, array in tensors(weights, heads, key_heads):
        if kind == "q8_0" and array.shape[-1] % _BLOCK == 0:
            packed = gguf.quants.quantize(array.astype(np.float32), gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(name, array.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _heads(gguf: Any, base: Path) -> tuple[int, int]:
    """Attention heads and key-value heads from the base's metadata: of the GGUF, or of a folder's config.json."""
    try:
        if base.is_dir():
            config = json.loads((base / "config.json").read_text(encoding="utf-8"))
            heads = int(config["num_attention_heads"])
            return heads, int(config.get("num_key_value_heads") or heads)
        fields = gguf.GGUFReader(base).fields
        return tuple(int(fields[f"llama.attention.{key}"].contents()) for key in ("head_count", "head_count_kv"))  # type: ignore[return-value]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"not a llama model: {error}", path=base) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Convert from the command line."""
    parser = argparse.ArgumentParser(description="Convert a PEFT adapter to a GGUF LoRA.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", type=Path, required=True, help="GGUF of the base model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--type", choices=("q8_0", "f16"), default="q8_0")
    args = parser.parse_args(argv)
    convert(args.folder, args.base, args.out, args.type)
    return 0


if __name__ == "__main__":
    sys.exit(main())
