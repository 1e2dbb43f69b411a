"""`gonogo finetune --provider local`: real training runs on a tiny model; skipped without the extra `train`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from harness.cli import finetune, main
from harness.tests.tiny_model import make_tiny_model
from harness.training import EXTRA

SETTINGS = "--epochs 6 --rank 4 --alpha 12 --batch 4 --checkpoint-every 3 --rate 0.01"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny llama model."""
    for package in EXTRA:
        pytest.importorskip(package)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with training files."""
    monkeypatch.chdir(tmp_path)
    _write_examples()


def _write_examples() -> None:
    Path("train.jsonl").write_text("".join(_line(n) for n in range(20)), encoding="utf-8")
    Path("valid.jsonl").write_text("".join(_line(n) for n in range(30, 34)), encoding="utf-8")


@pytest.fixture(scope="module")
def ended(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a run that has ended, not to be changed, and what it wrote to the screen."""
    folder, screen = tmp_path_factory.mktemp("ended"), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        _write_examples()
        assert main(_command(tiny, "out")) == 0
    return folder / "out", screen.getvalue()


def _line(number: int, system: str = "You translate.") -> str:
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": f"wait {number} s"},
        {"role": "assistant", "content": f'["self.wait(seconds={number}.0)"]'},
    ]
    return json.dumps({"messages": messages}) + "\n"


def _command(base: Path, out: str, *extra: str) -> list[str]:
    files = ["finetune", "train.jsonl", "--provider", "local", "--validation", "valid.jsonl", "--device", "cpu"]
    return [*files, "--base", str(base), "--out", out, *SETTINGS.split(), *extra]


def _card(out: str | Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(Path(out, "card.json").read_text(encoding="utf-8"))
    return card


def _digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_run_learns_and_leaves_adapter_and_card(ended: tuple[Path, str]) -> None:
    """Both losses fall; the card has data, settings and curve; the rate rises to its peak and falls to a tenth."""
    folder, told = ended
    card = _card(folder)
    curve = card["curve"]
    assert [point["step"] for point in curve] == list(range(1, 31))
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] - 0.3
    measured = [point["valid_loss"] for point in curve if "valid_loss" in point]
    assert len(measured) == 10
    assert measured[-1] < measured[0] - 0.3
    assert (card["train"]["sha256"], card["train"]["examples"]) == (_digest("train.jsonl"), 20)
    assert card["validation"]["sha256"] == _digest("valid.jsonl")
    assert card["adapter_sha256"] == _digest(folder / "adapter.gguf")
    assert (card["settings"]["rank"], card["settings"]["alpha"], card["settings"]["seed"]) == (4, 12, 1)
    assert card["settings"]["dtype"] in {"float32", "bfloat16"}  # by the processor, so the card has it
    assert "step 30 of 30" in told
    assert "min left" in told
    assert "out/adapter.gguf" in told
    from harness.training.lora import rate_at

    rates = [rate_at(1.0, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 3)
    assert max(rates) == rates[3] == 1.0
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_the_adapter_file_holds_what_was_trained(ended: tuple[Path, str]) -> None:
    """Both halves of all seven layers, to the rounding of q8_0; query and key rows in llama.cpp's order."""
    gguf, safetensors = pytest.importorskip("gguf"), pytest.importorskip("safetensors.numpy")
    reader = gguf.GGUFReader(ended[0] / "adapter.gguf")
    found = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    assert reader.fields["adapter.lora.alpha"].contents() == 12.0
    trained = safetensors.load_file(ended[0] / "peft/adapter_model.safetensors")
    assert len(found) == len(trained) == 2 * 7 * 2
    layer = "base_model.model.model.layers.1.self_attn"
    down = found["blk.1.attn_v.weight.lora_a"]
    assert down == pytest.approx(trained[f"{layer}.v_proj.lora_A.weight"], abs=float(abs(down).max()) / 100)
    # Four query heads of 16 rows, two key heads: row 0 and row 8 of a head, its two halves, become neighbours.
    for name, heads in (("q", 4), ("k", 2)):
        rows = trained[f"{layer}.{name}_proj.lora_B.weight"]
        order = [16 * head + half + pair for head in range(heads) for pair in range(8) for half in (0, 8)]
        assert found[f"blk.1.attn_{name}.weight.lora_b"] == pytest.approx(rows[order], abs=float(abs(rows).max()) / 100)


def test_an_adapter_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full at the last tensor, the adapter of before is as it was, and nothing lies beside it."""
    gguf = pytest.importorskip("gguf")
    from harness.training.gguf import write_adapter

    weights = {"base.layers.0.mlp.up_proj.lora_A.weight": np.ones((1, 32), np.float32)}
    out = tmp_path / "adapter.gguf"
    write_adapter(weights, 1, (1, 1), out)
    before = out.read_bytes()
    monkeypatch.setattr(gguf.GGUFWriter, "write_tensors_to_file", Mock(side_effect=OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        write_adapter(weights, 2, (1, 1), out)
    assert out.read_bytes() == before
    assert list(tmp_path.glob("*adapter*")) == [out]


def test_the_fast_steps_are_the_plain_ones(tiny: Path) -> None:
    """What makes steps fast leaves PEFT's loss and gradients, to bfloat16's rounding; answers alone are learned."""
    torch = pytest.importorskip("torch")
    from peft.tuners.lora import Linear

    from harness.training import local, lora, loss

    model, tokenizer = local.load_base(tiny, torch.bfloat16)
    fast = lora.add_lora(model, lora.Recipe(4, 8, 1e-3, epochs=1, batch=2, seed=1, threads=1, checkpoint_every=1))
    for name, weight in lora.trained_weights(fast).items():
        if "lora_B" in name:  # which begins with zeros
            torch.nn.init.normal_(weight, std=0.05)
    prefix, encode = local.encoder(tokenizer, "You translate.", tiny)
    batch = [encode("wait", "['self.stop()']"), encode("wait for two seconds", "['self.wait(seconds=2.0)']")]
    assert tokenizer.decode(batch[0].ids[-batch[0].answer :]) == "['self.stop()']<|im_end|>"
    total, tokens = loss.answer_loss(fast, torch.tensor([prefix]), batch)
    total.backward()
    gradients = {name: weight.grad for name, weight in lora.trained_weights(fast).items()}
    fast.zero_grad()
    for layer in fast.modules():
        if isinstance(layer, Linear):
            layer.forward = Linear.forward.__get__(layer)
    plain = torch.zeros(())
    for example in batch:
        ids = torch.tensor([[*prefix, *example.ids]])
        logits = fast(input_ids=ids).logits[0, -example.answer - 1 : -1].float()
        plain = plain + torch.nn.functional.cross_entropy(logits, ids[0, -example.answer :], reduction="sum")
    plain.backward()
    assert tokens == sum(example.answer for example in batch)
    assert total.item() == pytest.approx(plain.item(), rel=1e-3)
    for name, weight in lora.trained_weights(fast).items():
        assert gradients[name].dtype == torch.float32
        assert (gradients[name] - weight.grad).norm() <= 0.05 * weight.grad.norm(), name


def test_a_step_in_parts_is_the_same_step(tiny: Path, ended: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With long examples computed one at a time a run has the losses of the whole one, to bfloat16's rounding."""
    from harness.training import lora

    monkeypatch.setattr(lora, "_AT_ONCE", 1)
    assert main(_command(tiny, "parts")) == 0
    whole, parts = ([point["train_loss"] for point in _card(run)["curve"]] for run in (ended[0], "parts"))
    assert parts == pytest.approx(whole, rel=0.02)


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(
    tiny: Path, ended: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL in the middle, the same command again: the bytes of a whole run; another seed gives others."""
    command = _command(tiny, "killed")
    discard = subprocess.DEVNULL
    running = subprocess.Popen([sys.executable, "-m", "harness", *command], stdout=discard, stderr=discard)
    deadline = time.monotonic() + 120
    while not Path("killed/checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not Path("killed/card.json").exists(), "it was killed too late to prove anything"
    assert main(command) == 0
    assert "step 1 of" not in capsys.readouterr().err, "it began anew"
    whole = ended[0]
    assert _digest("killed/adapter.gguf") == _digest(whole / "adapter.gguf")
    assert _card("killed")["curve"] == _card(whole)["curve"]
    assert main(_command(tiny, "other", "--seed", "8")) == 0
    assert _digest("other/adapter.gguf") != _digest(whole / "adapter.gguf")


def test_a_run_can_continue_from_an_ended_one(
    tiny: Path, ended: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It begins with the loss the other ended with, at a larger rank too, and names it; else it says why."""
    shutil.copytree(ended[0], "first")
    first, begin = _card("first"), ("--continue-from", "first/adapter.gguf")
    for folder, rank in (("second", ()), ("wider", ("--rank", "8"))):
        assert main(_command(tiny, folder, *begin, *rank, "--rate", "0.0001", "--epochs", "1")) == 0
        second = _card(folder)
        assert second["curve"][0]["train_loss"] < first["curve"][0]["train_loss"] - 0.3
        assert second["continues"]["adapter_sha256"] == first["adapter_sha256"]
    shutil.copytree("first", "other")
    Path("other/adapter.gguf").write_bytes(b"GGUF")
    for source, extra, told in (
        ("first/adapter.gguf", ("--rank", "2"), "does not fit"),
        ("nowhere/adapter.gguf", (), "nowhere/card.json"),
        ("other/adapter.gguf", (), "of another file"),
    ):
        capsys.readouterr()
        assert main(_command(tiny, "third", "--continue-from", source, *extra)) == 2
        assert told in capsys.readouterr().err


def test_a_folder_with_another_run_is_not_mixed_up(
    tiny: Path, ended: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Other examples into the same folder: refused before anything is trained; a broken checkpoint is named."""
    shutil.copytree(ended[0], "out")
    before = _digest("out/checkpoint.pt")
    Path("train.jsonl").write_text("".join(_line(n) for n in range(40, 60)), encoding="utf-8")
    assert main(_command(tiny, "out")) == 2
    assert "choose another --out" in capsys.readouterr().err
    assert _digest("out/checkpoint.pt") == before
    for broken in (b"", b"PK nonsense"):
        Path("out/checkpoint.pt").write_bytes(broken)
        assert main(_command(tiny, "out")) == 2
        assert "delete it to start anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (_line(3, system="Another."), "train.jsonl:21: another system message"),
        (json.dumps({"messages": json.loads(_line(1))["messages"][1:]}) + "\n", "train.jsonl:21: local training takes"),
        (_line(31), "valid.jsonl:2: this example is in train.jsonl too"),
    ],
)
def test_lines_that_cannot_be_trained_on_are_named(
    line: str, told: str, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One system message, one exchange a line, none of them measured too: what differs is told with its line."""
    with Path("train.jsonl").open("a", encoding="utf-8") as file:
        file.write(line)
    assert main(_command(tiny, "out")) == 2
    assert told in capsys.readouterr().err


def test_what_cannot_be_used_is_refused_before_training(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another architecture, no model at all, an option of the other provider, a missing package: told at once."""
    other = make_tiny_model(tmp_path / "other")
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}), encoding="utf-8")
    assert main(_command(other, "out")) == 2
    assert "a model of type 'mistral'" in capsys.readouterr().err
    assert main(_command(tmp_path / "nowhere", "out")) == 2
    assert "no GGUF and no model folder" in capsys.readouterr().err
    assert main(_command(tiny, "out", "--cancel", "ftjob-1")) == 2
    assert "--cancel is for hosted jobs" in capsys.readouterr().err
    monkeypatch.setattr(finetune, "EXTRA", ("a_package_that_nobody_has",))
    assert main(_command(tiny, "out")) == 2
    assert "needs a_package_that_nobody_has\n  pip install 'gonogo[train]'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1800)  # training takes a minute on an idle machine, many on a busy one
def test_an_adapter_of_the_embedded_model_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    """A few steps on the embedded base, converted: `local:` serves it, and it answers as trained, unlike the base."""
    for package in (*EXTRA, "xllamacpp"):
        pytest.importorskip(package)
    Path("train.jsonl").write_text("".join(_line(n) for n in range(1, 11)), encoding="utf-8")
    command = ["finetune", "train.jsonl", "--provider", "local", "--out", "out", "--device", "cpu"]
    assert main([*command, "--batch", "2", "--epochs", "3", "--rate", "0.004"]) == 0
    spec = "local:smollm2-135m+out/adapter.gguf"
    assert capsys.readouterr().out.splitlines()[-1] == f"try it: gonogo compare local:smollm2-135m {spec}"
    answers = {}
    for model in ("local:smollm2-135m", spec):
        code = main(["try", "wait 7 s", "--model", model, "--max-tokens", "8", "--json", "--pack", "toy"])
        assert code in (0, 1)
        answers[model] = json.loads(capsys.readouterr().out)["output"]
    assert answers[spec].startswith('["self.wait(seconds=')
    assert not answers["local:smollm2-135m"].startswith('["self.wait(')
