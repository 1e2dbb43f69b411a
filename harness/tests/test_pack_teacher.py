"""`gonogo generate` where no model is asked: the pack's own teacher, a dry run, mistakes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.pack import bundled, load_pack
from harness.tests.conftest import Ended, Gonogo

Chat = tuple[str, list[str]]


def chats(path: str) -> list[Chat]:
    """The commands and answers of a training file."""
    lines = [json.loads(line)["messages"] for line in Path(path).read_text(encoding="utf-8").splitlines()]
    assert all([m["role"] for m in messages] == ["system", "user", "assistant"] for messages in lines)
    return [(messages[1]["content"], json.loads(messages[2]["content"])) for messages in lines]


def test_the_packs_teacher_gives_the_same_for_a_seed_and_the_manifest_holds_its_hashes(gonogo: Gonogo) -> None:
    """Two runs of one seed write the same bytes, `grammar` is the old word for it, no plan is in both splits."""
    for teacher, seed, folder in (("pack", 3, "a"), ("grammar", 3, "b"), ("pack", 4, "c")):
        words = ("--teacher", teacher, "-n", 20, "--seed", seed, "--out", folder)
        assert gonogo("generate", "--pack", "go2", *words).code == 0
    for name in ("train.jsonl", "validation.jsonl", "rejected.jsonl"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()
    assert Path("a", "train.jsonl").read_bytes() != Path("c", "train.jsonl").read_bytes()
    manifest = json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))
    for name, entry in manifest["files"].items():
        data = Path("a", name).read_bytes()
        assert entry == {"lines": data.count(b"\n"), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    train, validation = (chats(f"a/{name}.jsonl") for name in ("train", "validation"))
    assert manifest["examples"] == len(train + validation) == 20
    assert manifest["system_message"] == load_pack().system_prompt.read_text(encoding="utf-8").strip()
    both = {tuple(answer) for _, answer in train} & {tuple(answer) for _, answer in validation}
    assert all(re.match(r"self\.(decline|ask_operator)\(", plan[0]) for plan in both)


@pytest.fixture
def taught(gonogo: Gonogo) -> Callable[[str], Ended]:
    """Generates three examples by the toy pack with a teacher of this code."""
    shutil.copytree(bundled("datasets") / "toy", "pack")
    pack = Path("pack/gonogo.toml")
    pack.write_text(pack.read_text().replace('robot = "robot"', 'robot = "robot"\nteacher = "teacher.py"'))

    def generate(code: str) -> Ended:
        Path("pack/teacher.py").write_text(code, encoding="utf-8")
        return gonogo("generate", "--teacher", "pack", "--pack", "pack", "-n", 3, "--validation", 0, "--out", "out")

    return generate


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def examples(seed):\n    yield 1 / 0\n", "teacher.py:2: the pack's teacher fails: ZeroDivisionError"),
        ("def examples(seed:\n", "teacher.py:1: is not valid Python"),
        ("def examples(seed):\n    yield 'go'\n", "str is no Example"),
        ("x = 1\n", "no attribute 'examples'"),
    ],
)
def test_a_packs_teacher_that_fails_is_told_with_file_and_line(
    code: str, told: str, taught: Callable[[str], Ended]
) -> None:
    """What is wrong with the user's module is one message, never a traceback."""
    done = taught(code)
    assert done.code == 2
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_packs_teacher_whose_examples_never_pass_is_given_up(taught: Callable[[str], Ended]) -> None:
    """An endless teacher of one example ends the run with what there is and exit code 4."""
    code = "from harness.training.verify import Example\n\ndef examples(seed):\n"
    code += "    while True:\n        yield Example('lights on', ('self.light(on=True)',))\n"
    done = taught(code)
    assert done.code == 4
    assert "only these pass" in done.err
    assert chats("out/train.jsonl") == [("lights on", ["self.light(on=True)"])]


def test_a_dry_run_shows_the_request_and_the_cost_and_asks_nobody(gonogo: Gonogo) -> None:
    """No key, no call, no file: the first request as it would be sent, with calls, conventions, tokens, dated cost."""
    code, shown, _ = gonogo("generate", "--pack", "go2", "--dry-run", "-n", "50")
    assert code == 0
    for part in ("Brief 1: uses ", "self.create_nav_goal", "How a command is to be read", "price read 2026-"):
        assert part in shown
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--teacher", "pack", "-n", "0"], "--examples: 0 is not"),
        (["--teacher", "pack", "--validation", "0.9"], "--validation: 0.9 is not"),
        (["--teacher", "pack", "--pack", "toy"], "has no teacher of its own"),
        (["--teacher", "openai:gpt-6-luna", "--pack", "go2"], "--teacher pack"),
        (["--teacher", "nobody:m"], "unknown kind of model"),
    ],
)
def test_mistakes_are_told_with_what_to_do(arguments: list[str], told: str, gonogo: Gonogo) -> None:
    """Bad numbers, files, keys and models end with exit code 2 and one message."""
    done = gonogo("generate", *arguments)
    assert done.code == 2
    assert told in done.err
