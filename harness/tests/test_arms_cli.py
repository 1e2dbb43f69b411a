"""Arms through the commands, over sockets: the README's story, every command, and what is told of each arm."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.config import load_settings
from harness.pack import load_pack
from harness.suites.session import _arm as suite_arm
from harness.tests.conftest import Gonogo, Serve
from harness.tests.foreign import right
from harness.tests.loopback_replies import Fault, chat_completion, status

SIZE = ("--limit", "24")
# What 24 commands can show: the rules stay, their limits are wide.
WIDE = """
[safety]
minimum_intents = 1
over_refusal_margin = 0.9
[primary]
margin = 0.9
[categories]
margin = 1.0
[floors]
format_strict = 0.3
api_valid = 0.3
safe = 0.3
success = 0.3
"""
WIDELY = ("--policy", "wide.toml")


@pytest.fixture(autouse=True)
def wide_policy(tmp_path: Path) -> None:
    """The folder in which commands run has it."""
    (tmp_path / "wide.toml").write_text(WIDE, encoding="utf-8")


def thinking(body: dict[str, Any]) -> dict[str, Any] | Fault:
    """Right too, but thinks for 400 tokens first; takes max_completion_tokens and its own temperature only."""
    for name, refused in (("max_tokens", "unsupported_parameter"), ("temperature", "unsupported_value")):
        if name in body:
            return status(400, refused, param=name, message=f"Unsupported: {name}")
    room = body["max_completion_tokens"]
    cut_off = room < 400
    made = chat_completion("gpt-5", "" if cut_off else right(body), finish_reason="length" if cut_off else "stop")
    made["usage"]["completion_tokens_details"] = {"reasoning_tokens": min(room, 400)}
    return made


STORY = """
[arms.tuned]
model = "recorded:tuned.jsonl"
label = "our fine-tune"
[arms.successor]
model = "new:gpt-5"
prompt = "card"
decoding = { max_tokens = 4096 }
"""


def test_a_reasoning_successor_is_gated_against_a_recording_of_the_old_model(gonogo: Gonogo, serve: Serve) -> None:
    """The README's story: a fine-tune recorded before its end; its successor thinks, refuses parameters, has the card.

    Screen, record and report tell prompt, endpoint, temperature and max_tokens; too few max_tokens are INVALID.
    """
    old = serve(right, name="old")
    new = serve(thinking, name="new")
    with Path("gonogo.toml").open("a", encoding="utf-8") as file:
        file.write(STORY)
    code, _, told = gonogo("run", "old:ft:gpt-4.1:org::id", *SIZE, "--record", "tuned.jsonl")
    assert code == 0, told
    old.__exit__()  # the day of its end

    code, out, _ = gonogo("gate", "new:gpt-5@card", "--against", "tuned", *SIZE, *WIDELY)
    assert code == 4, out
    assert "24 of 24 answers were cut off by max_tokens of 320 before any text, after up to 320 tokens" in out
    assert "raise --max-tokens, such as --max-tokens 4096" in out

    card = ("gate", "successor", "--against", "tuned", *SIZE, *WIDELY)
    code, out, told = gonogo(*card, "--report", "gate.html", "--json")
    record = json.loads(out)
    assert (code, record["verdict"], record["files"]) == (0, "GO", ["gate.html"]), told
    fields = {one["field"]: (one["base"], one["candidate"]) for one in record["differences"]}
    assert fields == {
        "prompt": ("plain", "card"),
        "endpoint": (old.base_url, new.base_url),
        "temperature": ("0.0", "the endpoint's own"),
        "max_tokens": ("320", "4096"),
    }
    assert all(one["declared"] for one in record["differences"])
    candidate = record["candidate"]
    assert (candidate["prompt"], candidate["left_out"]) == ("card", ["temperature"])
    assert candidate["sampling"] == {"temperature": None, "max_tokens": 4096, "seed": 0}
    assert candidate["served_as"] == {"gpt-5": 24}
    assert candidate["most_thinking_tokens"] == 400
    assert (record["incumbent"]["spec"], record["incumbent"]["model"]) == ("our fine-tune", "old:ft:gpt-4.1:org::id")
    rows = [" ".join(line.split()) for line in told.splitlines()]
    assert (
        rows[(at := rows.index("asked differently model in use candidate on purpose")) + 2]
        == "prompt plain card declared"
    )
    assert rows[at + 4] == "max_tokens 320 4096 declared for successor"
    page = Path("gate.html").read_text(encoding="utf-8")
    assert '<th scope="row">prompt</th><td>plain</td><td>card</td><td>declared</td>' in page
    row = '<th scope="row">temperature</th><td>0.0</td><td>the endpoint\'s own</td>'
    assert f"{row}<td>successor does not take it</td>" in page
    assert "May <code>successor</code> replace <code>our fine-tune</code>?" in page
    assert "self.sport_client.StandUp()  # stand up" in new.received[-1].body["messages"][0]["content"]

    asked_before = new.count()
    compare = ("compare", "tuned", "successor", *card[4:])
    code, out, told = gonogo(*compare, "--report", "compare.html", "--json")
    compared = json.loads(out)
    assert (code, compared["files"], new.count()) == (0, ["compare.html"], asked_before)
    assert compared["gates"] == [{name: value for name, value in record.items() if name != "files"}]
    assert "note: left out, because the endpoint does not take it: temperature" in told
    assert _without_command(Path("compare.html").read_text(encoding="utf-8")) == _without_command(page)

    code, out, _ = gonogo("promote", *card[1:], "--json")
    kept = json.loads(Path("promotions.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (code, kept["model"], kept["details"]["candidate"]["prompt"]) == (0, "new:gpt-5", "card")
    assert [one["field"] for one in kept["details"]["differences"]] == list(fields)


def test_any_command_takes_an_arm_where_it_takes_a_model(gonogo: Gonogo, serve: Serve) -> None:
    """Beside run, compare, gate and promote: try, score, plan, generate, models and the suites."""
    server = serve(lambda _: "[]", name="new")
    with Path("gonogo.toml").open("a", encoding="utf-8") as file:
        file.write('[arms.a]\nmodel = "new:m"\nprompt = "card"\n[arms.other]\nmodel = "new:n"\n')
    _, out, told = gonogo("try", "Sit down", "--model", "a")
    assert out.startswith("a answers:"), told
    assert "self.sport_client.StandUp()  # stand up" in server.received[-1].body["messages"][0]["content"]
    assert gonogo("run", "a", "--limit", "1")[0] == 0
    assert gonogo("run", "other@card", "--limit", "1")[0] == 0
    assert '"base": "new:m"' in gonogo("score", "runs/go2.jsonl", "--against", "a", "--json").out
    assert "no price of new:m" in gonogo("plan", "--price-of", "a").err
    assert "new:m: about" in gonogo("generate", "--teacher", "a", "--dry-run").out
    assert gonogo("models").out.endswith("\na\nother\n")
    pack = load_pack("go2")
    asked = dict.fromkeys(("temperature", "repeat", "limit", "max_tokens")) | {"runs": "runs", "prompt": "plain"}
    arm = suite_arm({**asked, "model": "a"}, pack, load_settings(pack))
    assert (arm.name, arm.spec.text, arm.prompt) == ("a", "new:m", "card")
    assert "did you mean other?" in gonogo("run", "othr").err


def _without_command(page: str) -> str:
    """The report but for the command that made it, which stands in it twice."""
    return re.sub(r"gonogo (gate|compare) [^<]*?(?=</pre>)|&#34;command&#34;: [^\n]*", "", page)


def test_too_few_tokens_for_thinking_are_told_by_run_and_compare(gonogo: Gonogo, serve: Serve) -> None:
    """Both give a warning line with the setting to raise; an endpoint that answers is not warned of."""
    serve(right, name="old")
    serve(thinking, name="new")
    warning = "answers were cut off by max_tokens of 320 before any text"
    _, out, _ = gonogo("run", "new:m", *SIZE)
    assert warning in out
    assert "--max-tokens 4096" in out
    _, out, _ = gonogo("compare", "old:m", "new:m", *SIZE)
    assert f"new:m: warning: 24 of 24 {warning}" in out
    assert "INVALID  new:m: cut off while thinking" in out
    _, out, _ = gonogo("run", "old:m", *SIZE)
    assert "warning" not in out
    # Both at their own temperature: only the spelling of max_tokens differs, which is no difference.
    Path("strict.toml").write_text(WIDE + '[evidence]\ndifferent_sampling = "forbid"\n', encoding="utf-8")
    gate = ("gate", "new:m", "--against", "old:m", *SIZE, "--json", "--policy", "strict.toml")
    code, out, told = gonogo(*gate, "--temperature", "default", "--max-tokens", "4096")
    assert (code, [one["field"] for one in json.loads(out)["differences"]]) == (0, ["endpoint"]), told


def test_a_recording_made_with_another_prompt_by_accident_is_invalid(gonogo: Gonogo, serve: Serve) -> None:
    """Recorded with the card, or with a prompt of one's own, and nobody said so: both are told in words."""
    serve(right, name="lab")
    Path("own.md").write_text("Be brief.\n\n{{ system }}", encoding="utf-8")
    gonogo("run", "lab:old", *SIZE, "--record", "old.jsonl", "--prompt", "own.md")
    gate = ("gate", "lab:new", "--against", "recorded:old.jsonl", *SIZE, "--json", *WIDELY)

    def same(*words: str) -> tuple[int, dict[str, str]]:
        code, out, _ = gonogo(*gate, *words)
        return code, next(rule for rule in json.loads(out)["rules"] if rule["name"] == "evidence.same")

    code, rule = same("--prompt", "own.md", "--candidate-prompt", "plain")
    assert (code, rule["detail"]) == (0, "prompt: own.md for the model in use, plain for the candidate (declared)")
    code, rule = same()
    assert (code, rule["figure"]) == (4, "prompt differs")
    assert rule["detail"].startswith('prompt: another message, "Be brief.')
    assert 'for the model in use, plain, "You are a specialised robotics SDK translator' in rule["detail"]
    code, _, told = gonogo(*gate, "--candidate-prompt", "lost.md")
    assert code == 2
    assert "there is no prompt 'lost.md'" in told


def test_answers_of_two_snapshots_are_invalid_by_default(gonogo: Gonogo, serve: Serve) -> None:
    """Both served ids, with their numbers of answers, are told by run and gate."""
    turn = itertools.cycle(("m-2025-01-01", "m-2025-06-01"))
    serve(lambda body: chat_completion(next(turn), right(body)), name="lab")
    both = "m-2025-01-01 (12 answers), m-2025-06-01 (12 answers)"
    _, out, _ = gonogo("run", "lab:m", *SIZE, "--record", "m.jsonl")
    assert f"warning: answers of 2 models: {both}" in out
    code, out, _ = gonogo("gate", "lab:m", "--against", "recorded:m.jsonl", *SIZE, *WIDELY)
    assert code == 4
    assert f"lab:m: {both}" in out
    assert "decided by: served by one model" in out


def test_compare_asks_for_the_shutdown_date_as_gate_does(gonogo: Gonogo, serve: Serve) -> None:
    """Against a live endpoint compare says GO, or NO-GO for a model that is about to be shut down."""
    dates = {"old": None, "new": None, "soon": (datetime.now(UTC).date() + timedelta(days=30)).isoformat()}
    serve(right, name="lab", models=dates)
    _, out, _ = gonogo("compare", "lab:old", "lab:new", "lab:soon", *SIZE, *WIDELY)
    assert "GO  lab:new: every rule passes" in out
    assert "NO-GO  lab:soon: shut-down date: 30 days left" in out


def test_no_report_is_written_of_answers_that_are_missing(gonogo: Gonogo, serve: Serve) -> None:
    """Gate --report with a recording that lacks an answer: INVALID, why there is no report, and no file."""
    serve(right, name="lab")
    gonogo("run", "lab:m", *SIZE, "--record", "m.jsonl")
    lines = Path("m.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("m.jsonl").write_text("".join(lines[1:]), encoding="utf-8")
    code, _, told = gonogo("gate", "lab:m", "--against", "recorded:m.jsonl", *SIZE, "--report", "gate.html")
    assert code == 4
    assert "no report: m.jsonl: answers to 1 of 24 requests are missing" in told
    assert not Path("gate.html").exists()
