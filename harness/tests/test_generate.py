"""`gonogo generate` as a user runs it: the grammar teacher, and teacher models behind a loopback server."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checks import check_answer
from harness.cli import main
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Request
from harness.pack import load_pack
from harness.report.costs import Price
from harness.sdk.profile import load_profile
from harness.simulation import infer_scene, load_scenes, simulate
from harness.testing.loopback import LoopbackServer
from harness.testing.replies import chat_completion
from harness.tests.teaching import Told, briefs_of, chat_examples, command_for, known_briefs, pair, right_teacher
from harness.training.bank import load_bank
from harness.training.briefs import Brief
from harness.training.overlap import make_guard, overlap
from harness.training.prices import Purse
from harness.training.teacher import SHOWN_BACK, Unreadable, Written, read_reply

SEED = 5
GUARDED = frozenset({"sport_client.Damp", "sport_client.FrontJump"})


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a working folder of its own, and no terminal to be asked on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.fixture(scope="module")
def known() -> dict[Told, Brief]:
    """The briefs that the tests' teachers know how to answer."""
    return known_briefs(SEED)


def _configure(server: LoopbackServer, price: bool = True) -> None:
    Path("gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\nconcurrency = 4\n')
    if price:
        entry = 'input_usd = 1.0\noutput_usd = 2.0\nread = "2026-11-22"\nsource = "a test"\n'
        Path("prices.toml").write_text(f'[models."lab:m"]\n{entry}')


def _generate(*extra: str, count: int = 30) -> int:
    return main(["generate", "--teacher", "lab:m", "-n", str(count), "--seed", str(SEED), "--out", "out", *extra])


def _manifest(folder: str = "out") -> dict[str, Any]:
    made: dict[str, Any] = json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))
    return made


def _rejected(folder: str = "out") -> list[dict[str, str]]:
    return [json.loads(line) for line in Path(folder, "rejected.jsonl").read_text(encoding="utf-8").splitlines()]


def test_four_thousand_grammar_examples_cover_everything_evenly() -> None:
    """Every skill of the bank, four other languages, sides in balance, the share of ask and decline, few rejected."""
    assert main(["generate", "--teacher", "grammar", "-n", "4000", "--out", "out"]) == 0
    manifest = _manifest()
    train, validation = manifest["coverage"]["train"], manifest["coverage"]["validation"]
    assert manifest["examples"] == 4000
    assert sum(manifest["rejected"].values()) < 400
    bank = load_bank(load_pack().root)
    groups = {f"ask.{name}" for name in bank.asks} | {f"decline.{name}" for name in bank.declines}
    named = set(bank.phrases) - {"move", "sidestep", "curve", "yaw_move"}  # one maker draws these four
    assert named | groups <= train["skill"].keys() | validation["skill"].keys()
    assert {"English", "German", "Spanish", "French", "Chinese"} == train["language"].keys()
    left, right = train["side"]["left"], train["side"]["right"]
    assert 0.85 < left / right < 1.18
    asks, declines = (train["disposition"][kind] / sum(train["disposition"].values()) for kind in ("ask", "decline"))
    assert 0.04 < asks < 0.1
    assert 0.13 < declines < 0.22
    assert set(train["unit"]) >= {
        "degrees",
        "radians",
        "turns",
        "metres",
        "centimetres",
        "seconds",
        "minutes",
        "percent",
    }
    assert train["phrasing"]["polite"] > 400
    assert train["phrasing"]["question"] > 200


def test_grammar_examples_are_right_run_and_keep_away_from_the_held_out_set() -> None:
    """Every example passes checks and simulator, none is near a held-out command, and no plan is in both splits."""
    assert main(["generate", "--teacher", "grammar", "-n", "400", "--out", "out", "--validation", "0.1"]) == 0
    pack = load_pack()
    profile, scene = load_profile(pack.profile), load_scenes(pack)["home"]
    guard = make_guard(case.command for case in pack.cases())
    train, validation = (chat_examples(Path("out", name)) for name in ("train.jsonl", "validation.jsonl"))
    assert len(train) + len(validation) == 400
    assert 20 <= len(validation) <= 40
    for command, answer in train + validation:
        checked = check_answer(json.dumps(answer), profile, allow_guarded=GUARDED)
        assert checked.calls is not None
        assert not checked.findings
        assert not simulate(checked.calls, infer_scene(scene, checked.calls)).broken
        assert overlap(command, guard) == ""
    refusals = ("self.decline", "self.ask_operator")
    plans = [
        {tuple(answer) for _, answer in split if not answer[0].startswith(refusals)} for split in (train, validation)
    ]
    assert not plans[0] & plans[1]
    assert len({command.casefold() for command, _ in train + validation}) == 400


def test_grammar_is_the_same_for_a_seed_and_the_manifest_holds_its_hashes() -> None:
    """Two runs of one seed write the same bytes, another seed others; hashes and counts are those of the files."""
    for seed, folder in (("3", "a"), ("3", "b"), ("4", "c")):
        assert main(["generate", "--teacher", "grammar", "-n", "120", "--seed", seed, "--out", folder]) == 0
    for name in ("train.jsonl", "validation.jsonl", "rejected.jsonl"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()
    assert Path("a", "train.jsonl").read_bytes() != Path("c", "train.jsonl").read_bytes()
    manifest = _manifest("a")
    for name, entry in manifest["files"].items():
        data = Path("a", name).read_bytes()
        assert entry == {"lines": data.count(b"\n"), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert manifest["examples"] == 120
    assert manifest["system_message"] == load_pack().system_prompt.read_text(encoding="utf-8").strip()


def test_a_right_teacher_brings_every_example_that_was_wanted(known: dict[Told, Brief]) -> None:
    """Over a real socket: the count is reached, what is kept is what the briefs asked for, tokens and cost are told."""
    with LoopbackServer(answer=right_teacher(known)) as server:
        _configure(server)
        assert _generate("--yes", "--prices", "prices.toml") == 0
        asked = server.count()
    kept = dict(chat_examples(Path("out/train.jsonl")) + chat_examples(Path("out/validation.jsonl")))
    right = {command_for(told): list(brief.calls) for told, brief in known.items()}
    assert len(kept) == 30
    assert all(right[command] == answer for command, answer in kept.items())
    manifest = _manifest()
    assert (manifest["prompt_tokens"], manifest["completion_tokens"]) == (10 * asked, 5 * asked)
    assert manifest["cost_usd"] == pytest.approx((10 * 1.0 + 5 * 2.0) * asked / 1e6)
    assert manifest["price_read"] == "2026-11-22"


Flaw = Callable[[int, Told, Brief], str]


FLAWS: dict[str, Flaw] = {
    "unreadable": lambda n, told, _: f'{{"brief": {n}, "command": "{told[0][:20]}", "answer": [}}\n',
    "missing": lambda *_: "Sure, here you are.",
    "api": lambda n, told, _: pair(n, command_for(told), ["self.fly_to(room='attic')"]),
    "syntax": lambda n, told, brief: pair(n, command_for(told), [brief.calls[0] + ")"]),
    "safety": lambda n, told, _: pair(n, command_for(told), ["__import__('os').system('true')"]),
    "format": lambda n, told, _: pair(n, command_for(told), []),
    "spelling": lambda n, told, _: pair(n, command_for(told), ["self.wait(2.0)"]),
    "command": lambda n, _, brief: pair(n, "\u202ego\x1b[2J" + "!" * n, list(brief.calls)),
    "held_out": lambda n, _, brief: pair(n, "Could you head over to the kitchen, please?", list(brief.calls)),
}


@pytest.mark.parametrize("reason", list(FLAWS))
def test_a_flawed_pair_is_counted_by_its_reason_and_never_kept(reason: str, known: dict[Told, Brief]) -> None:
    """Each flaw, in every second pair: it is told apart, kept aside, and absent from the training file."""
    flawed: set[Told] = set()

    def answer(body: dict[str, Any]) -> str:
        lines = []
        for number, told in enumerate(briefs_of(str(body["messages"][-1]["content"])), start=1):
            flaw = len(told) % 2 == 0
            if flaw:
                flawed.add(told)
            make = FLAWS[reason] if flaw else lambda n, t, brief: pair(n, command_for(t), list(brief.calls))
            lines.append(make(number, told, known[told]))
        return "\n".join(lines)

    with LoopbackServer(answer=answer) as server:
        _configure(server)
        assert _generate("--yes", count=15) == 0
    kept = {
        command for command, _ in chat_examples(Path("out/train.jsonl")) + chat_examples(Path("out/validation.jsonl"))
    }
    assert flawed
    assert not kept & {command_for(told) for told in flawed}
    rejected = _rejected()
    assert _manifest()["rejected"][reason] == sum(entry["reason"] == reason for entry in rejected) > 0
    assert {entry["reason"] for entry in rejected} <= {reason, "missing"}


def test_a_plan_that_cannot_run_or_does_something_else_is_not_kept(known: dict[Told, Brief]) -> None:
    """Left for right, a step too many, a wait left out: calls that are all allowed, and wrong for the brief."""
    made: dict[str, str] = {}

    def answer(body: dict[str, Any]) -> str:
        lines = []
        for number, told in enumerate(briefs_of(str(body["messages"][-1]["content"])), start=1):
            brief = known[told]
            calls, wanted = list(brief.calls), "kept"
            if brief.disposition != "execute":
                calls, wanted = ["self.capture_image()"], "off_brief"
            elif "spin" in brief.skills:
                calls = [call.replace("angle=", "angle=-").replace("--", "") for call in calls]
                wanted = "off_brief"
            elif len(told) == 2 and "self.wait_for_navigation()" in calls and calls[-1] != "self.wait_for_navigation()":
                calls.remove("self.wait_for_navigation()")
                wanted = "simulation"
            elif len(told) == 1 and "sport_client" not in " ".join(calls):
                calls, wanted = [*calls, "self.capture_image()"], "off_brief"
            made[command_for(told)] = wanted
            lines.append(pair(number, command_for(told), calls))
        return "\n".join(lines)

    with LoopbackServer(answer=answer) as server:
        _configure(server)
        assert _generate("--yes", count=40) == 0
    kept = {
        command for command, _ in chat_examples(Path("out/train.jsonl")) + chat_examples(Path("out/validation.jsonl"))
    }
    assert {made[command] for command in kept} == {"kept"}
    # A wording of the bank may also happen to stand near a held-out command; that is another test's business.
    wrong = [entry for entry in _rejected() if entry["reason"] != "held_out"]
    assert {entry["reason"] for entry in wrong} == {"off_brief", "simulation"}
    assert all(made[entry["command"]] != "kept" for entry in wrong)


def test_a_truncated_reply_gives_its_whole_pairs_and_only_those(known: dict[Told, Brief]) -> None:
    """What was cut off is counted as truncated; the pairs before it, the second as well as the first, are kept."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        text = right_teacher(known)(body)
        return chat_completion("m", text[: text.rindex('"answer"') + 20], finish_reason="length")

    with LoopbackServer(answer=answer) as server:
        _configure(server)
        assert _generate("--yes", "--per-request", "3", count=20) == 0
    rejected = _manifest()["rejected"]
    assert rejected["truncated"] >= 10
    assert not [entry for entry in _rejected() if entry["reason"] == "unreadable"]


def test_only_accepted_examples_are_shown_back_and_few_of_them(known: dict[Told, Brief]) -> None:
    """No request holds more than the bound of examples, nor one that was rejected."""
    right = right_teacher(known)

    def answer(body: dict[str, Any]) -> str:
        lines = right(body).splitlines()
        poison = [pair(1, f"poison {len(body['messages'][-1]['content'])} {n}", ["self.fly()"]) for n in range(2)]
        return "\n".join([*lines[1:], *poison])

    with LoopbackServer(answer=answer) as server:
        _configure(server)
        assert _generate("--yes", "--per-request", "4", count=60) == 0
        prompts = [str(request.body["messages"][-1]["content"]) for request in server.received]
    shown = [[json.loads(line) for line in prompt.splitlines() if line.startswith("{")] for prompt in prompts]
    assert max(len(examples) for examples in shown) == SHOWN_BACK
    kept = dict(chat_examples(Path("out/train.jsonl")) + chat_examples(Path("out/validation.jsonl")))
    assert all(example["answer"] != ["self.fly()"] for examples in shown for example in examples)
    assert {example["command"] for examples in shown for example in examples} <= kept.keys() | set()
    assert "poison" not in "".join(prompts)


def test_skills_that_a_teacher_fails_at_first_are_dealt_again(known: dict[Told, Brief]) -> None:
    """Coverage is that of what is kept: a teacher that first fails at every turn still brings turns."""
    failed: set[Told] = set()

    def answer(body: dict[str, Any]) -> str:
        lines = []
        for number, told in enumerate(briefs_of(str(body["messages"][-1]["content"])), start=1):
            fails = "spin" in known[told].skills and told not in failed
            failed.update({told} if fails else ())
            lines.append(pair(number, command_for(told), ["self.fly()"] if fails else list(known[told].calls)))
        return "\n".join(lines)

    with LoopbackServer(answer=answer) as server:
        _configure(server)
        assert _generate("--yes", count=80) == 0
    skills = _manifest()["coverage"]["train"]["skill"]
    assert failed
    assert skills["spin"] >= 0.7 * len(failed)


def test_a_killed_generation_goes_on_and_asks_nothing_twice(known: dict[Told, Brief]) -> None:
    """SIGKILL in the middle, the same command again: the same files as undisturbed, nothing paid twice."""
    right = right_teacher(known)

    def slowly(body: dict[str, Any]) -> str:
        time.sleep(0.05)
        return right(body)

    command = [sys.executable, "-m", "harness", "generate", "--teacher", "lab:m", "-n", "80", "--seed", str(SEED)]
    command += ["--yes", "--out", "killed"]
    with LoopbackServer(answer=slowly) as server:
        _configure(server)
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while server.count() < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert not Path("killed/train.jsonl").exists()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        asked = server.asked()
    assert sum(asked.values()) - len(asked) <= 4, "more was asked again than was in flight"
    with LoopbackServer(answer=right) as server:
        _configure(server)
        assert _generate("--yes", count=80) == 0
    assert Path("killed/train.jsonl").read_bytes() == Path("out/train.jsonl").read_bytes()


def test_the_spending_cap_holds(known: dict[Told, Brief], capsys: pytest.CaptureFixture[str]) -> None:
    """However much is wanted, no more is spent than allowed; what was bought is written, exit code 4."""
    right = right_teacher(known)

    def dear(body: dict[str, Any]) -> dict[str, Any]:
        return chat_completion("m", right(body), usage=(4000, 2000))  # $0.008 a request

    with LoopbackServer(answer=dear) as server:
        _configure(server)
        assert _generate("--yes", "--prices", "prices.toml", "--max-usd", "0.06", count=500) == 4
        first = server.count()
        assert 2 <= first <= 7
        assert _manifest()["cost_usd"] == pytest.approx(0.008 * first)
        assert _generate("--yes", "--prices", "prices.toml", "--max-usd", "0.06", count=500) == 4
        assert server.count() * 0.008 <= 0.06, "the cap counts what earlier runs spent"
    assert "spending cap" in capsys.readouterr().err
    assert _manifest()["examples"] == len(chat_examples(Path("out/train.jsonl"))) + len(
        chat_examples(Path("out/validation.jsonl"))
    )


def test_nothing_is_asked_before_it_is_confirmed(known: dict[Told, Brief], capsys: pytest.CaptureFixture[str]) -> None:
    """Without --yes and a terminal no call is made; an unknown price is called unknown and no cap is promised on it."""
    with LoopbackServer(answer=right_teacher(known)) as server:
        _configure(server, price=False)
        assert _generate() == 2
        assert "price unknown" in capsys.readouterr().err
        assert _generate("--yes", "--max-usd", "5") == 2
        assert "--max-usd cannot be held" in capsys.readouterr().err
        assert server.received == []
    assert not Path("out/train.jsonl").exists()


@pytest.mark.parametrize(("said", "code"), [("n\n", 2), ("", 2), ("y\n", 0)])
def test_the_terminal_is_asked(
    said: str, code: int, known: dict[Told, Brief], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the cost is told and one key decides; anything but yes spends nothing."""
    terminal = io.StringIO(said)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    with LoopbackServer(answer=right_teacher(known)) as server:
        _configure(server)
        assert _generate("--prices", "prices.toml", count=5) == code
        assert bool(server.received) is (code == 0)
    assert "about $0.0" in capsys.readouterr().err


@given(st.text(max_size=400) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
@settings(max_examples=200, deadline=None)
def test_any_reply_is_read_without_an_exception(text: str) -> None:
    """Whatever a teacher says: pairs and pieces with a reason, bounded in number, never an exception."""
    for reply in (text, f'{{"brief": 1, "command": {text}', '{"a":' * 3000 + text, text * 50 + '{"brief": true}'):
        found = read_reply(reply, 3)
        assert len(found) <= 64
        assert all(isinstance(piece, Unreadable | Written) for piece in found)


def test_a_request_without_token_counts_is_paid_at_its_worst() -> None:
    """Where an endpoint counts no tokens, the cap is held by the most that it can have been."""
    purse = Purse(Price(1.0, 10.0, "2026-11-22", "a test"), cap=1.0, max_tokens=100)
    request = Request("r", 0, ({"role": "user", "content": "x" * 992},))
    assert len(purse.affordable([request] * 1000)) in (499, 500)  # 1000 tokens in, 100 out: $0.002
    purse.pay(request, Completion("k", "m", "r", 0, Outcome.ANSWERED, text="y" * 100))
    assert purse.spent == pytest.approx((1000 * 1.0 + 100 * 10.0) / 1e6)


def test_a_dry_run_shows_the_request_and_the_cost_and_asks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """No key, no call, no file: the first request as it would be sent, with tokens and dated cost."""
    assert main(["generate", "--dry-run", "-n", "50"]) == 0
    shown = capsys.readouterr().out
    assert "Brief 1." in shown
    assert "self.create_nav_goal" in shown
    assert "price read 2026-" in shown
    assert list(Path().iterdir()) == []


def test_a_teacher_that_cannot_do_it_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Rounds that bring nothing end the run with what there is, instead of spending on."""
    with LoopbackServer(answer=lambda _: "I would rather not.") as server:
        _configure(server)
        assert _generate("--yes", count=20) == 4
        assert server.count() <= 20
    assert "next to nothing" in capsys.readouterr().err
    assert _manifest()["examples"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--teacher", "grammar", "-n", "0"], "--examples 0"),
        (["--teacher", "grammar", "--validation", "0.9"], "--validation 0.9"),
        (["--teacher", "grammar", "--task", "missing.md"], "missing.md"),
        (["--teacher", "openai:gpt-6-luna"], "--teacher grammar"),
        (["--teacher", "nobody:m"], "unknown kind of model"),
    ],
)
def test_mistakes_are_told_with_what_to_do(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad numbers, files, keys and models end with exit code 2 and one message."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["generate", *arguments]) == 2
    assert told in capsys.readouterr().err
