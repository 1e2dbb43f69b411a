"""Writes a small LoRA adapter in GGUF format, for tests that switch adapters; no library needed.

The layout is that of GGUF version 3: header, metadata, tensor table, then tensor data aligned to 32 bytes
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md); the names are those llama.cpp reads adapters by.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

_STRING, _FLOAT32 = 8, 6
_F32 = 0
_ALIGNMENT = 32
_WIDTH = 576  # of SmolLM2-135M: the attention output of each block maps 576 values to 576


def write_lora(path: Path, *, seed: int, strength: float = 1.0, blocks: int = 30) -> Path:
    """Write a rank-1 adapter of random values that changes what the model says; returns `path`."""
    values = random.Random(seed)  # noqa: S311 - repeatable, not secret
    tensors: list[tuple[str, tuple[int, int], bytes]] = []
    for block in range(blocks):
        name = f"blk.{block}.attn_output.weight"
        for suffix, shape in (("lora_a", (_WIDTH, 1)), ("lora_b", (1, _WIDTH))):
            data = struct.pack(f"<{_WIDTH}f", *(values.gauss(0, strength * _WIDTH**-0.5) for _ in range(_WIDTH)))
            tensors.append((f"{name}.{suffix}", shape, data))
    metadata = [
        _string("general.architecture") + struct.pack("<I", _STRING) + _string("llama"),
        _string("general.type") + struct.pack("<I", _STRING) + _string("adapter"),
        _string("adapter.type") + struct.pack("<I", _STRING) + _string("lora"),
        _string("adapter.lora.alpha") + struct.pack("<If", _FLOAT32, 1.0),
    ]
    table, body = b"", b""
    for name, shape, data in tensors:
        table += _string(name) + struct.pack("<IQQIQ", len(shape), *shape, _F32, len(body))
        body += data + bytes(-len(data) % _ALIGNMENT)
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + b"".join(metadata) + table
    path.write_bytes(header + bytes(-len(header) % _ALIGNMENT) + body)
    return path


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
