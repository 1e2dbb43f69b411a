"""The LoRA's loss and its conversion to GGUF, against a tiny real llama model; skipped without the `train` extra."""

from __future__ import annotations

import copy
import random
import warnings
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.training.lora import Recipe, batches, learning_rate
from harness.training.loss import Encoded, answer_loss

HIDDEN, HEADS, KEY_HEADS, RANK = 64, 4, 2, 4


def test_batches_hold_every_example_once() -> None:
    """An epoch is a reordering: nothing lost, nothing twice, no batch too large."""
    examples = [Encoded(tuple(range(n % 17 + 2)), 1 + n % 2) for n in range(101)]
    made = list(batches(examples, 8, random.Random(1)))  # noqa: S311 - a seeded order
    assert sorted((e for batch in made for e in batch), key=str) == sorted(examples, key=str)
    assert max(len(batch) for batch in made) == 8


def test_learning_rate_rises_and_falls() -> None:
    """The rate climbs to its peak and ends at a tenth of it."""
    recipe = Recipe(rate=1.0, warmup=0.1)
    rates = [learning_rate(step, 100, recipe) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


@pytest.fixture(scope="module")
def tiny() -> Any:
    """A llama model of two layers with a LoRA whose weights are random, in float32."""
    torch = pytest.importorskip("torch")
    transformers, peft = pytest.importorskip("transformers"), pytest.importorskip("peft")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=97, hidden_size=HIDDEN, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS, tie_word_embeddings=True, attn_implementation="eager",
    )  # fmt: skip
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    lora = peft.LoraConfig(r=RANK, lora_alpha=8, target_modules=targets, init_lora_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a property by its old name
        return peft.get_peft_model(transformers.LlamaForCausalLM(config), lora)


def test_loss_equals_the_plain_one(tiny: Any) -> None:
    """Sharing the prefix, padding and chunked logits change neither the loss nor its gradients."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(1)
    prefix = torch.randint(1, 97, (1, 7), generator=generator)
    batch = [
        Encoded(tuple(torch.randint(1, 97, (n,), generator=generator).tolist()), answer)
        for n, answer in ((9, 4), (13, 6), (5, 2))
    ]
    loss, count = answer_loss(tiny, prefix, batch)
    loss.backward()
    fast = {name: p.grad.clone() for name, p in tiny.named_parameters() if p.requires_grad}
    tiny.zero_grad()
    plain = torch.zeros(())
    for example in batch:
        ids = torch.cat([prefix, torch.tensor([example.ids])], dim=1)
        logits = tiny(input_ids=ids).logits[0, :-1]
        plain = plain + torch.nn.functional.cross_entropy(
            logits[-example.answer :], ids[0, -example.answer :], reduction="sum"
        )
    plain.backward()
    assert count == 12
    assert loss.item() == pytest.approx(plain.item(), rel=1e-4)
    for name, parameter in tiny.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(fast[name], parameter.grad, atol=1e-4), name
    tiny.zero_grad()


@pytest.mark.parametrize(("kind", "close"), [("float32", 1e-5), ("bfloat16", 4e-2)])
def test_the_product_in_one_step_is_the_plain_one(tiny: Any, kind: str, close: float) -> None:
    """Values and gradients equal those of PEFT's own layers, to the rounding of the base's type."""
    torch = pytest.importorskip("torch")
    from harness.training.lowrank import forward_in_one_step

    plain = copy.deepcopy(tiny)
    for name, weight in plain.named_parameters():
        if "lora_" not in name:
            weight.data = weight.data.to(getattr(torch, kind))
    fast = copy.deepcopy(plain)
    forward_in_one_step(fast)
    ids = torch.randint(1, 97, (2, 11), generator=torch.Generator().manual_seed(3))
    logits = [model(input_ids=ids).logits.float() for model in (plain, fast)]
    for model, scores in zip((plain, fast), logits, strict=True):
        model.zero_grad()
        torch.log_softmax(scores, dim=-1)[..., 5].mean().backward()
    assert (logits[0] - logits[1]).norm() <= close * logits[0].norm()
    others = dict(fast.named_parameters())
    for name, weight in plain.named_parameters():
        if weight.requires_grad:
            assert others[name].grad.dtype == torch.float32
            assert (weight.grad - others[name].grad).norm() <= 2 * close * weight.grad.norm(), name


def test_permutation_follows_the_rotation(tiny: Any) -> None:
    """With rows permuted, rotating neighbouring pairs gives the attention scores that rotating halves gave."""
    torch = pytest.importorskip("torch")
    from harness.training.gguf_adapter import permuted

    size = HIDDEN // HEADS
    projection = tiny.base_model.model.model.layers[0].self_attn.q_proj
    weight = projection.lora_B["default"].weight.detach() @ projection.lora_A["default"].weight.detach()
    angles = 0.7 * 10000.0 ** (-torch.arange(size // 2) / (size // 2))
    states = torch.randn(HIDDEN, generator=torch.Generator().manual_seed(2))
    halves = (weight @ states).reshape(HEADS, size)
    first, second = halves[:, : size // 2], halves[:, size // 2 :]
    turned = torch.cat(
        [first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()], dim=1
    )
    pairs = (permuted(weight, HEADS) @ states).reshape(HEADS, size // 2, 2)
    real, imaginary = pairs[..., 0], pairs[..., 1]
    paired = torch.stack(
        [real * angles.cos() - imaginary * angles.sin(), imaginary * angles.cos() + real * angles.sin()], dim=-1
    )
    assert torch.allclose(turned.reshape(HEADS, 2, -1).swapaxes(1, 2), paired, atol=1e-5)


def test_converted_file_holds_the_adapter(tiny: Any, tmp_path: Path) -> None:
    """The GGUF has both halves of all seven layers in each block, the scale, and query rows permuted."""
    gguf = pytest.importorskip("gguf")
    torch = pytest.importorskip("torch")
    from harness.training.gguf_adapter import convert, permuted

    tiny.save_pretrained(tmp_path / "peft")
    base = tmp_path / "base.gguf"
    writer = gguf.GGUFWriter(base, "llama")
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    convert(tmp_path / "peft", base, tmp_path / "go2.gguf", "f16")
    reader = gguf.GGUFReader(tmp_path / "go2.gguf")
    found = {tensor.name: tensor.data for tensor in reader.tensors}
    assert len(found) == 2 * 7 * 2
    assert reader.fields["adapter.lora.alpha"].contents() == 8.0
    weight = tiny.base_model.model.model.layers[1].self_attn.k_proj.lora_B["default"].weight.detach().numpy()
    stored = torch.tensor(found["blk.1.attn_k.weight.lora_b"].astype("float32"))
    assert torch.allclose(stored, torch.tensor(permuted(weight, KEY_HEADS)), atol=2e-3)


def test_foreign_folder_is_a_user_error(tmp_path: Path) -> None:
    """A folder without an adapter gives one message that names it."""
    pytest.importorskip("gguf")
    pytest.importorskip("safetensors")
    from harness.training.gguf_adapter import convert

    with pytest.raises(InputError, match="no PEFT adapter"):
        convert(tmp_path, tmp_path / "base.gguf", tmp_path / "out.gguf")
