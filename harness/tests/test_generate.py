"""`gonogo generate` as a user runs it, with teacher models behind a loopback server."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.pack import load_pack
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import chat_completion
from harness.tests.test_pack_teacher import Chat, chats
from harness.training.teacher import SHOWN_BACK

GO2 = load_pack().root
# Calls that a standing robot may make in any order, so that every brief over them has a right answer.
ANSWERS = {
    "wait": "self.wait(seconds={n}.0)",
    "say": "self.say(text='{word}')",
    "get_logger().info": "self.get_logger().info(message='{word}')",
    "capture_image": "self.capture_image()",
    "report_battery_level": "self.report_battery_level()",
    "sport_client.StopMove": "self.sport_client.StopMove()",
    "ask_operator": "self.ask_operator(question='Which {word}?')",
    "decline": "self.decline(reason='No {word}.')",
}
HELD_OUT = "Could you head over to the kitchen, please?"
Brief = tuple[str, ...]  # paths of the calls that it names


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a working folder with a pack of few calls, and no terminal to be asked on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    profile = json.loads((GO2 / "profiles" / "go2.json").read_text(encoding="utf-8"))
    profile["calls"] = [call for call in profile["calls"] if call["path"] in ANSWERS or call["tier"] == "deny"]
    Path("pack").mkdir()
    Path("pack/profile.json").write_text(json.dumps(profile), encoding="utf-8")
    text = (GO2 / "gonogo.toml").read_text(encoding="utf-8").replace("profiles/go2.json", "profile.json")
    text = re.sub(r'^teacher = .*$|^go2 = "adapter.*$', "", text, flags=re.MULTILINE)
    # Few held-out commands, so that the index of them is soon made.
    lines = (GO2 / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    few = [line for n, line in enumerate(lines) if n % 50 == 0 or HELD_OUT in line]
    Path("pack/heldout.jsonl").write_text("\n".join(few), encoding="utf-8")
    for name in ("robot", "scenes", "prompts"):
        shutil.copytree(GO2 / name, Path("pack", name))
    shutil.copy(GO2 / "words.toml", "pack")
    Path("pack/gonogo.toml").write_text(text, encoding="utf-8")


def _configure(server: LoopbackServer) -> None:
    """The endpoint `lab`, and a price file for its model."""
    Path("gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\nconcurrency = 4\n')
    Path("prices.toml").write_text(
        '[models."lab:m"]\ninput_usd = 1.0\noutput_usd = 2.0\nread = "2026-11-22"\nsource = "a test"\n'
    )


COMMAND = ["generate", "--teacher", "lab:m", "--pack", "pack", "--seed", "5"]


def _generate(*extra: str, count: int = 30) -> int:
    return main([*COMMAND, "-n", str(count), "--out", "out", *extra])


def _ask(answer: Any, *extra: str, count: int) -> tuple[int, LoopbackServer]:
    """A confirmed generation from a teacher that answers so: exit code, and the server as it was left."""
    with LoopbackServer(answer=answer) as server:
        _configure(server)
        return _generate("--yes", *extra, count=count), server


def _briefs(body: dict[str, Any]) -> list[Brief]:
    """The calls that each brief of a request names."""
    message = str(body["messages"][-1]["content"])
    found = re.findall(
        r"^Brief \d+: (?:uses (.*?)|.*the answer is (.*?)\(\.\.\.\) alone)\. Language", message, re.MULTILINE
    )
    return [tuple((uses or alone).split(", ")) for uses, alone in found]


def _pair(body: dict[str, Any], number: int, brief: Brief) -> Chat:
    """A command of made-up words, the same for the same request, and the answer that a brief wants."""
    rng = random.Random(f"{body['messages'][-1]['content']}{number}")  # noqa: S311  made-up words
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(4)]
    return " ".join(words), [ANSWERS[path].format(n=rng.randint(1, 60), word=words[0]) for path in brief]


def _line(number: int, command: str, answer: object) -> str:
    return json.dumps({"brief": number, "command": command, "answer": answer}, ensure_ascii=False)


Write = Callable[[int, Brief, str, list[str]], str]


def _teacher(write: Write = lambda number, _brief, command, answer: _line(number, command, answer)) -> Any:
    """Answers every brief; `write` makes the line for one, by default the right one."""

    def answer(body: dict[str, Any]) -> str:
        return "\n".join(write(n, brief, *_pair(body, n, brief)) for n, brief in enumerate(_briefs(body), start=1))

    return answer


def _kept() -> dict[str, list[str]]:
    return dict(chats("out/train.jsonl") + chats("out/validation.jsonl"))


def _manifest() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))
    return made


def _rejected() -> list[dict[str, str]]:
    return [json.loads(line) for line in Path("out/rejected.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_right_teacher_brings_every_example_that_was_wanted() -> None:
    """Over a real socket: the count is reached, all calls of the profile occur, tokens and cost are told."""
    code, server = _ask(_teacher(), "--prices", "prices.toml", count=60)
    assert code == 0
    asked = server.count()
    system = str(server.received[0].body["messages"][0]["content"])
    assert "self.capture_image()" in system
    assert "How a command is to be read" not in system, "this pack has no conventions"
    manifest = _manifest()
    assert len(_kept()) == 60
    assert (
        set(ANSWERS) <= manifest["coverage"]["train"]["call"].keys() | manifest["coverage"]["validation"]["call"].keys()
    )
    assert (manifest["prompt_tokens"], manifest["completion_tokens"]) == (10 * asked, 5 * asked)
    assert manifest["cost_usd"] == pytest.approx((10 * 1.0 + 5 * 2.0) * asked / 1e6)
    assert manifest["price_read"] == "2026-11-22"


FLAWS: dict[str, Write] = {
    "unreadable": lambda n, _brief, command, _answer: f'{{"brief": {n}, "command": "{command}", "answer": [}}\n',
    "missing": lambda *_: "Sure, here you are.",
    "api": lambda n, _brief, command, _answer: _line(n, command, ["self.fly_to(room='attic')"]),
    "syntax": lambda n, _brief, command, answer: _line(n, command, [answer[0] + ")"]),
    "safety": lambda n, _brief, command, _answer: _line(n, command, ["__import__('os').system('true')"]),
    "format": lambda n, _brief, command, _answer: _line(n, command, []),
    "spelling": lambda n, _brief, command, _answer: _line(n, command, ["self.wait(2.0)"]),
    "command": lambda n, _brief, command, answer: _line(n, f"\u202e{command}\x1b[2J", answer),
    "off_brief": lambda n, _brief, command, _answer: _line(
        n, command, ["self.sport_client.StopMove()", "self.wait(seconds=1.0)"]),
    "held_out": lambda n, _brief, _command, answer: _line(n, HELD_OUT, answer),
}  # fmt: skip


def test_a_flawed_pair_is_counted_by_its_reason_and_never_kept() -> None:
    """Each flaw, in a first try of two calls or more: told apart, kept aside, absent from the training file."""
    left, flawed = list(FLAWS), set[str]()

    def write(number: int, brief: Brief, command: str, answer: list[str]) -> str:
        if len(brief) == 1 or not left or {"sport_client.StopMove", "wait"} <= set(brief):
            return _line(number, command, answer)
        flawed.add(command)
        return FLAWS[left.pop()](number, brief, command, answer)

    assert _ask(_teacher(write), count=20)[0] == 0
    assert not left
    assert not _kept().keys() & (flawed | {HELD_OUT})
    # The brief of the line that cannot be read is missing, too.
    assert Counter(entry["reason"] for entry in _rejected()) == Counter([*FLAWS, "missing"])
    assert Counter(_manifest()["rejected"]) == Counter([*FLAWS, "missing"])


def test_a_truncated_reply_gives_its_whole_pairs_and_only_those() -> None:
    """What was cut off is counted as truncated; the pairs before it, the second as well as the first, are kept."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        text = _teacher()(body)
        return chat_completion("m", text[: text.rindex('"answer"') + 20], finish_reason="length")

    code, server = _ask(answer, count=20)
    assert code == 0
    assert _manifest()["rejected"]["truncated"] == server.count()
    assert not [entry for entry in _rejected() if entry["reason"] == "unreadable"]


def test_only_accepted_examples_are_shown_back_and_few_of_them() -> None:
    """No request holds more than the bound of examples, nor one that was rejected."""

    def answer(body: dict[str, Any]) -> str:
        poison = _line(1, f"poison {len(body['messages'][-1]['content'])}", ["self.fly()"])
        return "\n".join([*_teacher()(body).splitlines()[1:], poison])

    code, server = _ask(answer, count=60)
    assert code == 0
    prompts = [str(request.body["messages"][-1]["content"]) for request in server.received]
    shown = [[json.loads(line) for line in prompt.splitlines() if line.startswith("{")] for prompt in prompts]
    assert max(len(examples) for examples in shown) == SHOWN_BACK
    assert {example["command"] for examples in shown for example in examples} <= _kept().keys()


def test_briefs_that_a_teacher_fails_at_first_are_dealt_again() -> None:
    """Coverage is that of what is kept: a teacher that first fails at every picture still brings pictures."""
    failed: set[str] = set()

    def write(number: int, brief: Brief, command: str, answer: list[str]) -> str:
        fails = "capture_image" in brief and len(failed) < 12
        failed.update({command} if fails else ())
        return _line(number, command, ["self.fly()"] if fails else answer)

    assert _ask(_teacher(write), "--validation", "0", count=60)[0] == 0
    assert len(failed) == 12
    assert _manifest()["coverage"]["train"]["call"]["capture_image"] >= 12


def test_a_killed_generation_goes_on_and_asks_nothing_twice() -> None:
    """SIGKILL in the middle, the same command again: the same files as undisturbed, nothing paid twice."""

    def slowly(body: dict[str, Any]) -> str:
        time.sleep(0.05)
        return str(_teacher()(body))

    command = [*COMMAND, "-n", "50", "--yes", "--out", "killed"]
    discard = subprocess.DEVNULL
    with LoopbackServer(answer=slowly) as server:
        _configure(server)
        running = subprocess.Popen([sys.executable, "-m", "harness", *command], stdout=discard, stderr=discard)
        deadline = time.monotonic() + 60
        while server.count() < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert not Path("killed/train.jsonl").exists()
        assert main(command) == 0
        asked = server.asked()
    assert sum(asked.values()) - len(asked) <= 4, "more was asked again than was in flight"
    assert _ask(_teacher(), count=50)[0] == 0
    assert Path("killed/train.jsonl").read_bytes() == Path("out/train.jsonl").read_bytes()


def test_the_spending_cap_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """However much is wanted, no more is spent than allowed; what was bought is written, exit code 4."""

    def dear(body: dict[str, Any]) -> dict[str, Any]:
        return chat_completion("m", _teacher()(body), usage=(4000, 2000))  # $0.008 a request

    with LoopbackServer(answer=dear) as server:
        _configure(server)
        assert _generate("--yes", "--prices", "prices.toml", "--max-usd", "0.06", count=500) == 4
        first = server.count()
        assert 2 <= first <= 7
        assert _manifest()["cost_usd"] == pytest.approx(0.008 * first)
        assert _generate("--yes", "--prices", "prices.toml", "--max-usd", "0.06", count=500) == 4
        assert server.count() * 0.008 <= 0.06, "the cap counts what earlier runs spent"
    assert "spending cap" in capsys.readouterr().err
    assert _manifest()["examples"] == len(_kept())


@pytest.mark.parametrize(("said", "code"), [("n\n", 2), ("", 2), ("y\n", 0), (None, 2)])
def test_nothing_is_asked_before_it_is_confirmed(
    said: str | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cost is told; on a terminal one key decides, and anything but yes, or no terminal, spends nothing."""
    terminal = io.StringIO(said or "")
    monkeypatch.setattr(terminal, "isatty", lambda: said is not None, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    with LoopbackServer(answer=_teacher()) as server:
        _configure(server)
        assert _generate("--prices", "prices.toml", count=5) == code
        assert bool(server.received) == Path("out/train.jsonl").exists() == (code == 0)
    assert "about $0.0" in capsys.readouterr().err


def test_no_cap_is_promised_on_an_unknown_price(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown price is called unknown, and --max-usd is refused where it cannot be held."""
    with LoopbackServer(answer=_teacher()) as server:
        _configure(server)
        assert _generate() == 2
        assert "price unknown" in capsys.readouterr().err
        assert _generate("--yes", "--max-usd", "5") == 2
        assert "--max-usd cannot be held" in capsys.readouterr().err
        assert server.received == []


def test_a_teacher_that_cannot_do_it_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Rounds that bring nothing end the run with what there is, instead of spending on."""
    code, server = _ask(lambda _: "I would rather not.", count=20)
    assert (code, _manifest()["examples"]) == (4, 0)
    assert server.count() <= 20
    assert "next to nothing" in capsys.readouterr().err
