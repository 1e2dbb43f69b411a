"""`gonogo finetune --provider local`: a LoRA of an open model, from chat lines to a GGUF adapter that llama.cpp serves.

Everything that decides the result is in the run's fingerprint: base, examples, order (by seed), schedule, versions.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import gguf
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

from harness.errors import InputError
from harness.files import open_file, read_json, write_whole
from harness.models.specs import EMBEDDED_MODEL
from harness.models.weights import ensure_weights
from harness.training import EXTRA
from harness.training.chatfile import ChatFile, read_pair
from harness.training.console import lock, show, tell
from harness.training.gguf import read_adapter, write_adapter
from harness.training.lora import Checkpoint, Recipe, add_lora, train_lora, trained_weights
from harness.training.loss import Encoded

_MARK = "\u2402gonogo\u2403"  # stands for a text in a chat template; occurs in none


def run_local(args: argparse.Namespace) -> int:
    """Run one command line; 0 when adapter and card are written."""
    train, validation = read_pair(args.train, args.validation)
    system = train.examples[0].messages[0].content
    taught, held = exchanges(train, system), exchanges(validation, system) if validation else []
    base, device = args.base or ensure_weights(), _device(args.device)
    dtype = _dtype(device)
    named = ("rank", "rate", "epochs", "batch", "seed", "threads", "checkpoint_every")
    recipe = Recipe(alpha=args.alpha or 2 * args.rank, **{name: getattr(args, name) for name in named})
    card: dict[str, Any] = {
        "base": base.name if args.base else EMBEDDED_MODEL,
        "base_sha256": hash_model(base),
        "system_message": system,
        "train": train.summary(),
        "validation": validation and validation.summary(),
        "settings": asdict(recipe) | {"dtype": str(dtype).removeprefix("torch.")},
        "versions": {name: importlib.metadata.version(name) for name in EXTRA},
    }
    if args.continue_from:
        card["continues"] = _ended_run(args.continue_from)
    card["fingerprint"] = hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()
    folder = args.out or Path("adapters") / card["fingerprint"][:12]
    with lock(folder / "training"):
        tell(f"{len(train.examples)} examples on {device}, into {folder}")
        model, tokenizer = load_base(base, dtype)
        prefix, encode = encoder(tokenizer, system, base)
        learned, measured = ([encode(*exchange) for exchange in part] for part in (taught, held))
        lora = add_lora(model, recipe).to(device)
        checkpoint = Checkpoint(folder / "checkpoint.pt", card["fingerprint"], device)
        heads = (model.config.num_attention_heads, model.config.num_key_value_heads)
        if args.continue_from and not checkpoint.path.exists():
            _begin_with(lora, args.continue_from, recipe, heads)
        card["curve"], card["seconds"] = train_lora(lora, prefix, learned, measured, recipe, checkpoint)
        lora.save_pretrained(folder / "peft", save_embedding_layers=False)
        weights = {name: weight.detach().cpu().numpy() for name, weight in trained_weights(lora).items()}
        adapter = folder / "adapter.gguf"
        write_adapter(weights, recipe.alpha, heads, adapter)
        card |= {"device": device, "adapter_sha256": hash_model(adapter)}
        write_whole(folder / "card.json", json.dumps(card, indent=1) + "\n")
    show(f"adapter: {adapter}\ncard: {folder / 'card.json'}")
    if not args.base:
        show(f"try it: gonogo compare local:{EMBEDDED_MODEL} local:{EMBEDDED_MODEL}+{adapter}")
    return 0


def exchanges(file: ChatFile, system: str) -> list[tuple[str, str]]:
    """Commands and answers; all examples share the system message, which training computes once a batch."""
    read = []
    for line, example in enumerate(file.examples, start=1):
        said = [message.content for message in example.messages]
        if [message.role for message in example.messages] != ["system", "user", "assistant"]:
            told = "local training takes one exchange a line: system, user, assistant"
            raise InputError(told, path=file.path, line=line)
        if said[0] != system:
            raise InputError("another system message than the first", path=file.path, line=line)
        read.append((said[1], said[2]))
    return read


def load_base(base: Path, dtype: Any) -> tuple[Any, Any]:
    """The base model as `dtype`, of a GGUF (dequantised) or a Hugging Face folder, and its tokenizer."""
    logging.disable_progress_bar()  # thousands of characters in a log
    where: dict[str, Any] = {"pretrained_model_name_or_path": str(base), "local_files_only": True}
    # Eager attention is a fifth faster here than "sdpa", whose CPU kernel is slow for short rows.
    how: dict[str, Any] = {"dtype": dtype, "attn_implementation": "eager"}
    if base.is_file():
        where = {"pretrained_model_name_or_path": str(base.parent), "gguf_file": base.name}
        how["quantization_config"] = GgufConfig(dequantize=True)
    # transformers parses a GGUF three times and builds gguf's table of names for each module: 12 of 17 s of CPU.
    read, named = functools.cache(gguf.GGUFReader), functools.cache(gguf.get_tensor_name_map)
    try:
        with mock.patch.multiple(gguf, GGUFReader=read, get_tensor_name_map=named):
            model = AutoModelForCausalLM.from_pretrained(**where, **how)
            tokenizer = AutoTokenizer.from_pretrained(**where)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the base model cannot be loaded: {str(error)[:300]}", path=base) from None
    if model.config.model_type != "llama":
        raise InputError(f"a model of type {model.config.model_type!r}: only `llama` ones can be converted", path=base)
    return model, tokenizer


def encoder(tokenizer: Any, system: str, base: Path) -> tuple[list[int], Callable[[str, str], Encoded]]:
    """Token ids of what all examples begin with, and the function from command and answer to what follows."""
    asked = [{"role": "system", "content": system}, {"role": "user", "content": _MARK}]
    answered = [*asked, {"role": "assistant", "content": _MARK}]
    if not tokenizer.chat_template:
        raise InputError("the model has no chat template", path=base, hint="choose one that was tuned for chat")
    prompt = str(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True))
    whole = str(tokenizer.apply_chat_template(answered, tokenize=False))
    before, found, between = prompt.partition(_MARK)
    after = whole.rpartition(_MARK)[2].rstrip()
    if not found or system not in before or not whole.startswith(prompt) or not after:
        raise InputError("the model's chat template cannot be used: it changes what is said", path=base)

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def encode(command: str, answer: str) -> Encoded:
        learned = ids(answer + after)  # the end of the turn is learned too
        return Encoded((*ids(command + between), *learned), len(learned))

    return ids(before), encode


def _ended_run(adapter: Path) -> dict[str, Any]:
    """The card of the run whose adapter another goes on from, without its curve: the adapter's whole descent."""
    path = adapter.parent / "card.json"
    hint = "name the adapter.gguf of a run that has ended, its card.json beside it"
    card = read_json(path, hint=hint)
    if not isinstance(card, dict) or "adapter_sha256" not in card:
        raise InputError("it is no card of a run", path=path, hint=hint)
    if card["adapter_sha256"] != hash_model(adapter):
        raise InputError(f"it is of another file than {adapter.name}", path=path)
    return {name: value for name, value in card.items() if name != "curve"}


def _begin_with(lora: Any, path: Path, recipe: Recipe, heads: tuple[int, int]) -> None:
    """Put an adapter's weights in place; of a larger rank the rest begins untrained, and so adds nothing at first."""
    weights = trained_weights(lora)
    found = read_adapter(path, weights, heads)
    if found.keys() != weights.keys() or any(min(array.shape) > recipe.rank for array in found.values()):
        raise InputError("its LoRA does not fit: another base, or a larger one than --rank", path=path)
    with torch.no_grad():
        for name, array in found.items():
            rows, columns = array.shape
            b = ".lora_B." in name
            scale = recipe.rank / recipe.alpha if b else 1.0
            weights[name][:rows, :columns] = torch.from_numpy(array * scale)


def _device(wanted: str) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("torch sees no GPU here", hint="--device cpu, or a CUDA build of torch")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _dtype(device: str) -> Any:
    """bfloat16 where the hardware multiplies it: a CPU without such instructions is five times slower in it."""
    known = torch.cpu.get_capabilities()
    cpu = any(known.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))  # the last of ARM
    return torch.bfloat16 if device == "cuda" or cpu else torch.float32


def hash_model(path: Path) -> str:
    """sha256 of a file, or of a folder's model files with their names."""
    try:
        if path.is_dir():
            kinds = (".json", ".safetensors", ".model", ".jinja")
            files = [file for file in sorted(path.iterdir()) if file.is_file() and file.suffix in kinds]
            return hashlib.sha256("".join(f"{file.name}\0{hash_model(file)}\n" for file in files).encode()).hexdigest()
        with open_file(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"no GGUF and no model folder: {error.strerror}", path=path, hint="check --base") from None
