"""`gonogo finetune --provider local`: real training runs on a tiny model; skipped without the extra `train`."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import InputError
from harness.tests.tiny_model import make_tiny_model
from harness.training import local_run
from harness.training.local_data import Chat, ChatFormat, encode_all, read_chats

SETTINGS = ("--epochs", "6", "--rank", "4", "--batch", "4", "--checkpoint-every", "3", "--rate", "0.01")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny llama model."""
    for package in local_run.NEEDED:
        pytest.importorskip(package)
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with training files."""
    monkeypatch.chdir(tmp_path)
    Path("train.jsonl").write_text("".join(_line(n) for n in range(20)), encoding="utf-8")
    Path("valid.jsonl").write_text("".join(_line(n) for n in range(30, 34)), encoding="utf-8")


def _line(number: int, system: str = "You translate.") -> str:
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": f"wait {number} s"},
        {"role": "assistant", "content": f'["self.wait(seconds={number}.0)"]'},
    ]
    return json.dumps({"messages": messages}) + "\n"


def _command(base: Path, out: str, *extra: str) -> list[str]:
    files = ["finetune", "train.jsonl", "--provider", "local", "--validation", "valid.jsonl", "--device", "cpu"]
    return [*files, "--base", str(base), "--out", out, *SETTINGS, *extra]


def _card(out: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(Path(out, "card.json").read_text(encoding="utf-8"))
    return card


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_learns_and_leaves_adapter_and_card(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both losses fall; the GGUF has both halves of all seven layers; the card has base, data, settings and curve."""
    assert main(_command(tiny, "out")) == 0
    card = _card("out")
    curve = card["curve"]
    assert [point["step"] for point in curve] == list(range(1, 31))
    assert curve[-1]["train_loss"] < curve[0]["train_loss"] - 0.3
    measured = [point["valid_loss"] for point in curve if "valid_loss" in point]
    assert len(measured) == 10
    assert measured[-1] < measured[0] - 0.3
    assert card["train"] == {"sha256": _digest(Path("train.jsonl")), "examples": 20}
    assert card["validation"]["sha256"] == _digest(Path("valid.jsonl"))
    assert card["adapter_sha256"] == _digest(Path("out/adapter.gguf"))
    assert card["settings"]["rank"] == 4
    assert card["settings"]["seed"] == 1
    gguf = pytest.importorskip("gguf")
    assert len(gguf.GGUFReader("out/adapter.gguf").tensors) == 2 * 7 * 2
    told = capsys.readouterr()
    assert "step 30 of 30" in told.err
    assert "left" in told.err
    assert "out/adapter.gguf" in told.out
    assert card["adapter_sha256"] in Path("out/CARD.md").read_text(encoding="utf-8")


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tiny: Path) -> None:
    """On a CPU two runs end in the same adapter; the seed decides which."""
    for out, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert main(_command(tiny, out, "--seed", seed)) == 0
    assert _digest(Path("a/adapter.gguf")) == _digest(Path("b/adapter.gguf"))
    assert _card("a")["curve"] == _card("b")["curve"]
    assert _digest(Path("a/adapter.gguf")) != _digest(Path("c/adapter.gguf"))


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(tiny: Path) -> None:
    """SIGKILL in the middle, the same command again: from the checkpoint to the bytes of a whole run."""
    assert main(_command(tiny, "whole")) == 0
    command = [sys.executable, "-m", "harness", *_command(tiny, "killed")]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not Path("killed/checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not Path("killed/card.json").exists(), "it was killed too late to prove anything"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "step 1 of" not in done.stderr, "it began anew"
    assert _digest(Path("killed/adapter.gguf")) == _digest(Path("whole/adapter.gguf"))
    assert _card("killed")["curve"] == _card("whole")["curve"]


def test_a_run_can_continue_from_an_ended_one(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It begins with the loss the other ended with, names it in its card, and a LoRA of another shape is refused."""
    assert main(_command(tiny, "first")) == 0
    assert main(_command(tiny, "second", "--continue-from", "first", "--rate", "0.0001")) == 0
    first, second = _card("first"), _card("second")
    assert second["curve"][0]["train_loss"] < first["curve"][0]["train_loss"] - 0.3
    assert second["continues"]["adapter_sha256"] == first["adapter_sha256"]
    assert first["adapter_sha256"] in Path("second/CARD.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(_command(tiny, "third", "--continue-from", "first", "--rank", "8")) == 2
    assert "does not fit" in capsys.readouterr().err
    assert main(_command(tiny, "third", "--continue-from", "nowhere")) == 2
    assert "nowhere/card.json" in capsys.readouterr().err
    Path("first/checkpoint.pt").unlink()
    assert main(_command(tiny, "third", "--continue-from", "first")) == 2
    assert "delete" not in capsys.readouterr().err


def test_a_folder_with_another_run_is_not_mixed_up(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other examples into the same folder: refused before anything is trained; a broken checkpoint is named."""
    assert main(_command(tiny, "out")) == 0
    before = _digest(Path("out/checkpoint.pt"))
    Path("train.jsonl").write_text("".join(_line(n) for n in range(40, 60)), encoding="utf-8")
    assert main(_command(tiny, "out")) == 2
    assert "choose another --out" in capsys.readouterr().err
    assert _digest(Path("out/checkpoint.pt")) == before
    Path("out/checkpoint.pt").write_bytes(b"PK nonsense")
    assert main(_command(tiny, "out")) == 2
    assert "delete it to start anew" in capsys.readouterr().err


def test_only_the_answer_is_learned(tiny: Path) -> None:
    """The learned ids of an example are the answer and the end of the turn, nothing of the command."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    form = ChatFormat("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>")
    (encoded,) = encode_all(tokenizer, [Chat("wait", "['self.stop()']")], form)
    assert tokenizer.decode(encoded.ids[-encoded.answer :]) == "['self.stop()']<|im_end|>"
    assert tokenizer.decode(encoded.ids[: -encoded.answer]) == "wait<|im_end|>\n<|im_start|>assistant\n"


def test_without_the_extra_one_message_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing package is named with the way to install it; nothing was fetched or written before."""
    monkeypatch.setattr(local_run, "NEEDED", ("a_package_that_nobody_has",))
    assert main(["finetune", "train.jsonl", "--provider", "local", "--out", "out"]) == 2
    told = capsys.readouterr().err
    assert "a_package_that_nobody_has" in told
    assert "gonogo[train]" in told
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (_line(3, system="Another."), "train.jsonl:13: another system message"),
        (json.dumps({"messages": json.loads(_line(1))["messages"][1:]}) + "\n", "train.jsonl:13: local training takes"),
        ("{}\n", "train.jsonl:13: `messages` must be a list"),
    ],
)
def test_lines_that_cannot_be_trained_on_are_named(line: str, told: str) -> None:
    """One system message, one exchange a line: what differs is told with its line."""
    Path("train.jsonl").write_text("".join(_line(n) for n in range(12)) + line, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_chats(Path("train.jsonl"), fewest=10)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--epochs", "0"], "--epochs 0"),
        (["--rate", "2"], "--rate 2.0"),
        (["--resume", "ftjob-1"], "--resume and --cancel are for hosted jobs"),
        (["--validation", "train.jsonl", "--epochs", "-1"], "--epochs -1"),
    ],
)
def test_mistakes_are_told_with_what_to_do(extra: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad numbers and arguments of the other provider end with exit code 2 and one message."""
    assert main(["finetune", "train.jsonl", "--provider", "local", *extra]) == 2
    assert told in capsys.readouterr().err


def test_a_base_that_cannot_be_converted_is_refused_before_training(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another architecture, or no model at all: told at once."""
    assert tiny.is_dir()
    other = tmp_path / "gemma"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "gemma3"}')
    assert main(_command(other, "out")) == 2
    assert "'gemma3'" in capsys.readouterr().err
    assert main(_command(tmp_path / "nowhere", "out")) == 2
    assert "neither a GGUF nor a Hugging Face model folder" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1800)  # training takes a minute on an idle machine, many on a busy one
def test_an_adapter_of_the_embedded_model_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    """A few steps on the embedded base, converted: `local:` serves it, and it answers as trained, unlike the base."""
    for package in (*local_run.NEEDED, "xllamacpp"):
        pytest.importorskip(package)
    Path("train.jsonl").write_text("".join(_line(n) for n in range(1, 17)), encoding="utf-8")
    command = ["finetune", "train.jsonl", "--provider", "local", "--out", "out", "--device", "cpu"]
    assert main([*command, "--batch", "4", "--epochs", "6", "--rate", "0.005"]) == 0
    spec = "local:smollm2-135m+out/adapter.gguf"
    assert capsys.readouterr().out.splitlines()[-1] == f"try it: gonogo compare local:smollm2-135m {spec}"
    answers = {}
    for model in ("local:smollm2-135m", spec):
        code = main(["try", "wait 7 s", "--model", model, "--max-tokens", "32", "--json"])
        assert code in (0, 1)
        answers[model] = json.loads(capsys.readouterr().out)["output"]
    assert answers[spec].startswith('["self.wait(seconds=')
    assert not answers["local:smollm2-135m"].startswith('["self.wait(')
