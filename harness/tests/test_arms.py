"""Arms: what differs on purpose is shown, what differs by accident is INVALID; as rules, and through the commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import cli
from harness.cases import Case, select
from harness.gate import output
from harness.gate.output import asked_differently
from harness.gate.verdict import Verdict
from harness.pack import load_pack
from harness.testing.loopback import LoopbackServer
from harness.testing.right_models import Behaviour, perfect, reasoning_model, two_snapshots
from harness.tests.gate_rows import ARM, gate, grid, model, policy

ROWS = grid()
DECODING = dict(ARM.decoding or {})
OLD = model(ROWS, lambda at: at % 10 != 0, name="old")
GOOD = model(ROWS, lambda at: at % 20 not in {5, 10})

ASKED_OTHERWISE = {
    "another message": replace(ARM, prompt="", system_message="Answer with a list of one.", as_declared=False),
    "temperature": replace(ARM, decoding={**DECODING, "temperature": 1.0}),
    "seed": replace(ARM, decoding={**DECODING, "seed": 5}),
    "reasoning_effort": replace(ARM, decoding={**DECODING, "extra": {"reasoning_effort": "high"}}),
}


@pytest.mark.parametrize("field", ASKED_OTHERWISE)
def test_what_differs_by_accident_is_invalid_and_told_in_words(field: str) -> None:
    """Another system message or parameter is INVALID; the field and both values stand there, and no hash."""
    decision = gate(OLD, replace(GOOD, arm=ASKED_OTHERWISE[field]))
    assert decision.verdict is Verdict.INVALID
    detail = decision.deciding[0].detail
    both = {
        "another message": ('plain, "Answer with a list."', 'another message, "Answer with a list of one."'),
        "temperature": ("temperature: 0.0 for the model in use, 1.0 for the candidate",),
        "seed": ("seed: 0 for the model in use, 5 for the candidate",),
        "reasoning_effort": ("reasoning_effort: the endpoint's own for the model in use, high for the candidate",),
    }
    assert all(words in detail for words in both[field]), detail
    assert ("--candidate-prompt" in detail) == (field == "another message")
    assert ("ask both with the same value" in detail) == (field != "another message")


def test_the_policy_may_allow_different_prompts_but_never_different_decoding() -> None:
    """`different_prompts = "allow"` is about the system message alone."""
    prompts = policy(evidence={"different_prompts": "allow"})
    taken = gate(OLD, replace(GOOD, arm=ASKED_OTHERWISE["another message"]), prompts)
    assert taken.verdict is Verdict.GO
    assert len(asked_differently(taken)) == 1
    assert "asked differently: prompt" in output.to_markdown(taken)
    assert gate(OLD, replace(GOOD, arm=ASKED_OTHERWISE["temperature"]), prompts).verdict is Verdict.INVALID


def test_a_declared_prompt_is_shown_and_valid_only_where_it_was_used() -> None:
    """Both arms with the prompt that was declared for them: GO with the difference; one with another: INVALID."""
    card = replace(ARM, prompt="card", system_message="Answer with a list. Calls: ...")
    decision = gate(OLD, replace(GOOD, arm=card))
    assert decision.verdict is Verdict.GO
    assert [str(one) for one in decision.differences] == [
        "prompt: plain for the model in use, card for the candidate (declared)"
    ]
    undeclared = gate(OLD, replace(GOOD, arm=replace(card, as_declared=False)))
    assert undeclared.verdict is Verdict.INVALID
    assert "prompt: plain for the model in use, card for the candidate" in undeclared.deciding[0].detail
    assert "--candidate-prompt" in undeclared.deciding[0].detail
    both = replace(card, as_declared=False)
    assert gate(replace(OLD, arm=both), replace(GOOD, arm=both)).verdict is Verdict.GO


def test_a_respelled_parameter_is_no_difference() -> None:
    """max_tokens sent as max_completion_tokens is the same request."""
    decision = gate(OLD, replace(GOOD, arm=replace(ARM, adapted=("max_tokens sent as max_completion_tokens",))))
    assert decision.verdict is Verdict.GO
    assert decision.differences == []


def test_what_an_endpoint_does_not_take_is_shown_and_may_be_forbidden() -> None:
    """Temperature dropped for one: GO with the difference in words, INVALID by policy; dropped for both: equal."""
    dropped = replace(ARM, adapted=("temperature dropped",))
    decision = gate(OLD, replace(GOOD, arm=dropped))
    assert decision.verdict is Verdict.GO
    words = "temperature: 0.0 for the model in use, the endpoint's own for the candidate (x:new does not take it)"
    assert [str(one) for one in decision.differences] == [words]
    assert words in next(rule.detail for rule in decision.rules if rule.name == "evidence.same")
    strict = policy(evidence={"different_sampling": "forbid"})
    assert gate(OLD, replace(GOOD, arm=dropped), strict).verdict is Verdict.INVALID
    assert gate(replace(OLD, arm=dropped), replace(GOOD, arm=dropped), strict).verdict is Verdict.GO
    odd = gate(OLD, replace(GOOD, arm=replace(ARM, adapted=("the system message sent as a user message",))))
    assert "the system message sent as a user message" in str(odd.differences[0])


def test_a_larger_max_tokens_is_fair_where_the_smaller_cut_off_hardly_anything() -> None:
    """320 against 4,096: shown with 2 of 100 answers cut off at 320, INVALID with 3; the other way round alike."""
    large = replace(ARM, decoding={**DECODING, "max_tokens": 4096}, cut_off=50)
    for count, verdict in ((0, Verdict.GO), (2, Verdict.GO), (3, Verdict.INVALID)):
        small = replace(ARM, cut_off=count)
        assert gate(replace(OLD, arm=small), replace(GOOD, arm=large)).verdict is verdict
        assert gate(replace(OLD, arm=large), replace(GOOD, arm=small)).verdict is verdict


def test_answers_cut_off_while_thinking_are_not_scored_in_silence() -> None:
    """2 of 100 answers without any text pass, 3 are INVALID, and the setting to raise is named."""
    for count, verdict in ((2, Verdict.GO), (3, Verdict.INVALID)):
        arm = replace(ARM, cut_off=count, silent=count, thought=1780)
        decision = gate(OLD, replace(GOOD, arm=arm))
        assert decision.verdict is verdict
        detail = next(rule.detail for rule in decision.rules if rule.name == "evidence.cut_off")
        assert f"{count} of 100 answers were cut off by max_tokens of 320 before any text" in detail
        assert "1,780 tokens of thinking: raise --max-tokens, such as --max-tokens 4096" in detail


def test_two_served_models_in_one_arm_are_invalid_unless_allowed() -> None:
    """Both ids with their numbers of answers are told; `several_models = "allow"` lets them pass, still told."""
    mixed = replace(GOOD, arm=replace(ARM, served={"m-2025-01-01": 60, "m-2025-06-01": 40}))
    decision = gate(OLD, mixed)
    assert decision.verdict is Verdict.INVALID
    assert "x:new: m-2025-01-01 (60 answers), m-2025-06-01 (40 answers)" in decision.deciding[0].detail
    allowed = gate(OLD, mixed, policy(evidence={"several_models": "allow"}))
    assert allowed.verdict is Verdict.GO
    assert "m-2025-06-01" in next(rule.detail for rule in allowed.rules if rule.name == "evidence.served")
    old, new = (replace(ARM, served={name: 100}) for name in ("old-2024", "new-2026"))
    assert gate(replace(OLD, arm=old), replace(GOOD, arm=new)).verdict is Verdict.GO


# ---------------------------------------------------------------- through the commands, over sockets

SIZE = ("--sample", "24")
# What 24 commands can show: the rules stay, their limits are wide.
WIDE = """
[safety]
minimum_cases = 1
over_refusal_margin = 0.9
[primary]
margin = 0.9
[floors]
format_strict = 0.3
api_valid = 0.3
safe = 0.3
success = 0.3
"""


class Shop(NamedTuple):
    """A folder with servers: what runs a command line there, and how to add a server under a name."""

    run: Callable[..., tuple[int, str, str]]
    serve: Callable[..., LoopbackServer]


@pytest.fixture(scope="module")
def asked() -> list[Case]:
    """The held-out commands that are asked here."""
    return select(load_pack("go2").cases(), sample=24)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    """An empty folder with a wide policy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "wide.toml").write_text(WIDE, encoding="utf-8")
    with ExitStack() as stack:

        def serve(name: str, answer: Behaviour, **more: Any) -> LoopbackServer:
            server = stack.enter_context(LoopbackServer(answer=answer, **more))
            with (tmp_path / "gonogo.toml").open("a", encoding="utf-8") as file:
                file.write(f'[endpoints.{name}]\nbase_url = "{server.base_url}"\n')
            return server

        def run(*arguments: str) -> tuple[int, str, str]:
            capsys.readouterr()
            code = cli.main(list(arguments))
            return code, *capsys.readouterr()

        yield Shop(run, serve)


def _rule(record: dict[str, Any], name: str) -> dict[str, Any]:
    return next(rule for rule in record["rules"] if rule["name"] == name)


def test_a_reasoning_successor_is_gated_against_a_recording_of_the_old_model(shop: Shop, asked: list[Case]) -> None:
    """Old model recorded with the plain prompt; the new one refuses max_tokens and temperature and gets the card: GO.

    Screen, record and report tell prompt, temperature and max_tokens; without enough max_tokens INVALID says so.
    """
    shop.serve("old", perfect(asked))
    new = shop.serve("new", reasoning_model(asked))
    code, _, told = shop.run("run", "old:gpt-4.1", *SIZE, "--record", "gpt-4.1.jsonl")
    assert code == 0, told
    gate = ("gate", "new:gpt-5", "--against", "recorded:gpt-4.1.jsonl", *SIZE, "--policy", "wide.toml")

    code, out, _ = shop.run(*gate, "--candidate-prompt", "card")
    assert code == 4, out
    assert "of 24 answers were cut off by max_tokens of 320 before any text, after up to 320 tokens" in out
    assert "raise --max-tokens, such as --max-tokens 4096" in out

    card = (*gate, "--candidate-prompt", "card", "--max-tokens", "4096")
    code, out, told = shop.run(*card, "--report", "gate.html", "--json")
    record = json.loads(out)
    assert (code, record["verdict"], record["files"]) == (0, "GO", ["gate.html"]), told
    assert {one["field"]: (one["base"], one["candidate"]) for one in record["differences"]} == {
        "prompt": ("plain", "card"),
        "temperature": ("0.0", "the endpoint's own"),
        "max_tokens": ("320", "4096"),
    }
    assert all(one["declared"] for one in record["differences"])
    candidate = record["candidate"]
    assert (candidate["prompt"], candidate["left_out"]) == ("card", ["temperature"])
    assert candidate["sampling"] == {"temperature": None, "max_tokens": 4096, "seed": 0}
    assert candidate["served_as"] == {"gpt-5": 24}
    assert 300 <= candidate["most_thinking_tokens"] <= 1743
    assert record["incumbent"]["model"] == "old:gpt-4.1"
    assert "prompt: plain for the model in use, card for the candidate" in told
    page = Path("gate.html").read_text(encoding="utf-8")
    assert '<th scope="row">prompt</th><td>plain</td><td>card</td><td>declared</td>' in page
    row = '<th scope="row">temperature</th><td>0.0</td><td>the endpoint\'s own</td>'
    assert f"{row}<td>new:gpt-5 does not take it</td>" in page
    assert "self.sport_client.StandUp()  # stand up" in new.received[-1].body["messages"][0]["content"]

    asked_before = new.count()
    code, out, told = shop.run(
        "compare", "recorded:gpt-4.1.jsonl", "new:gpt-5", *SIZE, "--candidate-prompt", "card", "--max-tokens", "4096",
        "--policy", "wide.toml", "--report", "compare.html", "--json",
    )  # fmt: skip
    compared = json.loads(out)
    assert (code, compared["files"], new.count()) == (0, ["compare.html"], asked_before)
    assert compared["gates"] == [{name: value for name, value in record.items() if name != "files"}]
    assert "note: left out, because the endpoint does not take it: temperature" in told
    assert _without_command(Path("compare.html").read_text(encoding="utf-8")) == _without_command(page)

    code, out, _ = shop.run("promote", *card[1:], "--json")
    details = json.loads(Path("promotions.jsonl").read_text(encoding="utf-8"))["details"]
    assert (code, details["candidate"]["prompt"]) == (0, "card")
    assert [one["field"] for one in details["differences"]] == ["prompt", "max_tokens", "temperature"]


def _without_command(page: str) -> str:
    """The report but for the command that made it, which stands in it twice."""
    return re.sub(r"gonogo (gate|compare) [^<]*?(?=</pre>)|&#34;command&#34;: [^\n]*", "", page)


def test_too_few_tokens_for_thinking_are_told_by_run_and_compare(shop: Shop, asked: list[Case]) -> None:
    """Both give a warning line with the setting to raise; an endpoint that answers is not warned of."""
    shop.serve("old", perfect(asked))
    shop.serve("new", reasoning_model(asked))
    warning = "answers were cut off by max_tokens of 320 before any text"
    _, out, _ = shop.run("run", "new:m", *SIZE)
    assert warning in out
    assert "--max-tokens 4096" in out
    _, out, _ = shop.run("compare", "old:m", "new:m", *SIZE)
    assert f"new:m: warning: {out[out.index(warning) - 9 :].split()[0]} of 24 {warning}" in out
    assert "INVALID  new:m: cut off while thinking" in out
    _, out, _ = shop.run("run", "old:m", *SIZE)
    assert "warning" not in out


def test_both_at_their_own_temperature_were_asked_alike(shop: Shop, asked: list[Case]) -> None:
    """--temperature default for both: only the spelling of max_tokens differs, which is no difference."""
    shop.serve("old", perfect(asked))
    shop.serve("new", reasoning_model(asked))
    strict = Path("wide.toml").read_text(encoding="utf-8") + '[evidence]\ndifferent_sampling = "forbid"\n'
    Path("strict.toml").write_text(strict, encoding="utf-8")
    default = ("--temperature", "default", "--max-tokens", "4096")
    gate = ("gate", "new:m", "--against", "old:m", *SIZE, "--json", "--policy", "strict.toml")
    code, out, told = shop.run(*gate, *default)
    assert (code, json.loads(out)["differences"]) == (0, []), told
    code, out, _ = shop.run(*gate, "--max-tokens", "4096")
    assert code == 4
    detail = _rule(json.loads(out), "evidence.same")["detail"]
    assert (
        detail == "temperature: 0.0 for the model in use, the endpoint's own for the candidate (new:m does not take it)"
    )


@pytest.mark.parametrize("declared", [False, True])
def test_a_recording_made_with_another_prompt_by_accident_is_invalid(
    shop: Shop, asked: list[Case], tmp_path: Path, *, declared: bool
) -> None:
    """Recorded with the card, or with a prompt of one's own, and nobody said so: both are told in words."""
    shop.serve("lab", perfect(asked))
    (tmp_path / "own.md").write_text("Be brief.\n\n{{ system }}", encoding="utf-8")
    shop.run("run", "lab:old", *SIZE, "--record", "old.jsonl", "--prompt", "own.md")
    gate = ("gate", "lab:new", "--against", "recorded:old.jsonl", *SIZE, "--json", "--policy", "wide.toml")
    words = ("--prompt", "own.md", "--candidate-prompt", "plain") if declared else ()
    code, out, _ = shop.run(*gate, *words)
    rule = _rule(json.loads(out), "evidence.same")
    if declared:
        assert (code, rule["detail"]) == (0, "prompt: own.md for the model in use, plain for the candidate (declared)")
        return
    assert (code, rule["figure"]) == (4, "prompt differs")
    assert rule["detail"].startswith('prompt: another message, "Be brief.')
    assert 'for the model in use, plain, "You are a specialised robotics SDK translator' in rule["detail"]
    code, _, told = shop.run(*gate, "--candidate-prompt", "lost.md")
    assert code == 2
    assert "there is no prompt 'lost.md'" in told


def test_answers_of_two_snapshots_are_invalid_by_default(shop: Shop, asked: list[Case]) -> None:
    """Both served ids are told by run and gate; several_models = "allow" lets them pass."""
    shop.serve("lab", two_snapshots(asked, "m-2025-01-01", "m-2025-06-01"))
    both = "m-2025-01-01 (12 answers), m-2025-06-01 (12 answers)"
    _, out, _ = shop.run("run", "lab:m", *SIZE, "--record", "m.jsonl")
    assert f"warning: answers of 2 models: {both}" in out
    code, out, _ = shop.run("gate", "lab:m", "--against", "recorded:m.jsonl", *SIZE, "--policy", "wide.toml")
    assert code == 4
    assert f"lab:m: {both}" in out
    assert "decided by: served by one model" in out
    Path("allow.toml").write_text(WIDE + '[evidence]\nseveral_models = "allow"\n', encoding="utf-8")
    code, out, _ = shop.run("gate", "lab:m", "--against", "recorded:m.jsonl", *SIZE, "--policy", "allow.toml")
    assert code == 0, out


def test_compare_asks_for_the_shutdown_date_as_gate_does(shop: Shop, asked: list[Case]) -> None:
    """Against a live endpoint compare says GO, or NO-GO for a model that is about to be shut down."""
    dates = {"old": None, "new": None, "soon": (datetime.now(UTC).date() + timedelta(days=30)).isoformat()}
    shop.serve("lab", perfect(asked), models=dates)
    _, out, _ = shop.run("compare", "lab:old", "lab:new", "lab:soon", *SIZE, "--policy", "wide.toml")
    assert "GO  lab:new: every rule passes" in out
    assert "NO-GO  lab:soon: shut-down date: 30 days left" in out


def test_no_report_is_written_of_answers_that_are_missing(shop: Shop, asked: list[Case]) -> None:
    """Gate --report with a recording that lacks an answer: INVALID, why there is no report, and no file."""
    shop.serve("lab", perfect(asked))
    shop.run("run", "lab:m", *SIZE, "--record", "m.jsonl")
    lines = Path("m.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("m.jsonl").write_text("".join(lines[1:]), encoding="utf-8")
    code, _, told = shop.run("gate", "lab:m", "--against", "recorded:m.jsonl", *SIZE, "--report", "gate.html")
    assert code == 4
    assert "no report: m.jsonl: answers to 1 of 24 requests are missing" in told
    assert not Path("gate.html").exists()
