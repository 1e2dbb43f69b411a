"""`gonogo check` and `gonogo explain` as a user runs them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.checks.codes import known_codes
from harness.tests.conftest import Ended

Check = Callable[..., Ended]
GOOD = """["self.undock()", "self.wait(seconds=1.0)"]"""
BAD = """["self.undock()",\n "self.wait(1.0)", 'self.sport_client.Sitt()']"""
TWO = "\n".join(json.dumps({"id": name, "output": text}) for name, text in (("a", GOOD), ("b", BAD))) + "\n\n"


@pytest.fixture
def check(gonogo: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Check:
    """Checks an answer: from a file of the name given, or on stdin."""

    def run(answer: str, *options: str, name: str = "-") -> Ended:
        data = answer.encode("utf-8", "surrogateescape")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        (tmp_path / name).write_bytes(data)
        return gonogo("check", name, *options)

    return run


def test_silence_or_file_item_and_column(check: Check) -> None:
    """As a linter: `file:item:column CODE message`, from 1, and exit 1; nothing and 0 where nothing is wrong."""
    done = check(GOOD, name="answer.txt")
    assert (done.code, done.out) == (0, "")
    assert "1 answer, 0 findings" in done.err
    done = check(BAD, name="answer.txt")
    assert done.code == 1
    (line,) = done.out.splitlines()
    assert line.startswith("answer.txt:3:19 A304 there is no self.sport_client.Sitt")
    assert "Did you mean self.sport_client.Sit?" in line


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<think>{}? no.</think>\n", ""),
        ("Perhaps {}? no.\n</think>\n", ""),
        ("<|channel|>analysis<|message|>{}?<|end|><|start|>assistant<|channel|>final<|message|>", "<|return|>"),
    ],
)
def test_thoughts_are_left_out_where_asked_for(check: Check, before: str, after: str) -> None:
    """A draft among a model's thoughts is a second list, and the finding says how to leave it out."""
    answer = before.format(BAD) + GOOD + after
    done = check(answer)
    assert done.code == 1
    assert "F112" in done.out
    assert "--strip-reasoning" in done.out
    assert check(answer, "--strip-reasoning").code == 0
    assert "--strip-reasoning" not in check(f"{GOOD} or {GOOD}").out


def test_stdin_and_json(check: Check) -> None:
    """`-` reads stdin; --json gives flags and findings as one object an answer; bytes that are no text are named."""
    done = check(f"```\n{BAD}\n```", "--json")
    assert done.code == 1
    record = json.loads(done.out)
    assert (record["format_valid"], record["format_strict"]) == (True, False)
    assert [f["code"] for f in record["findings"]] == ["F101", "A304"]
    assert record["findings"][1]["span"] == [18, 22]
    assert "-:1:16 G413" in check("[\"self.say(text='\udcff\udcfe')\"]").out


def test_a_jsonl_of_answers(check: Check) -> None:
    """Each answer is named by its id; format findings are item 0."""
    answers = TWO + json.dumps({"id": "c", "output": "no"})
    done = check(answers, name="answers.jsonl")
    assert done.code == 1
    assert [line.split(" ")[0] for line in done.out.splitlines()] == ["answers.jsonl#b:3:19", "answers.jsonl#c:0:1"]
    assert "3 answers, 2 findings" in done.err
    assert check(answers, "--jsonl").out.count("#") == 2


@pytest.mark.parametrize(
    ("answer", "options", "message"),
    [
        ("{", ["--jsonl"], "-:1: not JSON"),
        ("[]", ["--jsonl"], "-:1: not a JSON object"),
        ('{"id": "a"}', ["--jsonl"], '-:1: needs "id" and "output"'),
        ('{"id": "a", "output": 3}', ["--jsonl"], '-:1: needs "id" and "output"'),
        ('{"id": "a", "output": ""}\nx', ["--jsonl"], "-:2: not JSON"),
        (GOOD, ["--profile", "go3"], "go2, go2-kilted, go2-legacy"),
        (GOOD, ["--allow-guarded", "sport_client.FrontFlip"], "sport_client.Damp"),
        (GOOD, ["--scene", "moon"], "home"),
        (GOOD, ["--scene", "home", "--sarif"], "no place for a trace"),
    ],
)
def test_a_mistake_is_the_users_error(check: Check, answer: str, options: list[str], message: str) -> None:
    """File, line and what there is instead; exit 2."""
    done = check(answer, *options)
    assert done.code == 2
    assert message in done.err


def test_a_file_that_is_not_there(gonogo: Check) -> None:
    """Named, exit 2."""
    done = gonogo("check", "no-such-file")
    assert done.code == 2
    assert "no-such-file: cannot be read" in done.err


@pytest.mark.parametrize(
    ("call", "option"),
    [("SwitchGait(t=1)", ["--profile", "go2-legacy"]), ("Damp()", ["--allow-guarded", "sport_client.Damp"])],
)
def test_profile_and_permission_change_the_verdict(check: Check, call: str, option: list[str]) -> None:
    """The legacy profile knows SwitchGait; a guarded call passes where it is permitted."""
    assert check(f'["self.sport_client.{call}"]').code == 1
    assert check(f'["self.sport_client.{call}"]', *option).code == 0


def test_sarif_points_at_the_place_in_the_file(check: Check) -> None:
    """Lines and columns of the SARIF region hold exactly the wrong name, escapes before it counted as written."""
    text = """Sure:\n["self.undock()",\n "self.say(text=\\"a\\", volume=3)"]"""
    done = check(text, "--sarif", name="answer.txt")
    assert done.code == 1
    log = json.loads(done.out)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [("F102", "warning"), ("A310", "error")]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {"F102", "A310"}
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "answer.txt"}
    region = place["region"]
    line = text.split("\n")[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "volume"


def test_sarif_of_a_jsonl_names_the_line(check: Check) -> None:
    """A result of a JSONL points at the answer's line and carries its id."""
    (result,) = json.loads(check(TWO, "--sarif", "--jsonl").out)["runs"][0]["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 2}
    assert location["logicalLocations"] == [{"name": "b"}]


def test_a_scene_adds_the_trace_and_its_broken_preconditions(check: Check) -> None:
    """A right answer shows what the robot did; a broken precondition is named with its state and exits 1."""
    go = "self.nav_publisher.publish(self.create_nav_goal(room='kitchen'))"
    done = check(f'["{go}", "self.wait_for_navigation()"]', "--scene", "home")
    assert done.code == 0
    assert "final state:" in done.out
    broken = """["self.wait_for_navigation()"]"""
    done = check(broken, "--simulate")
    assert done.code == 1
    assert "!! R504" in done.out
    record = json.loads(check(broken, "--scene", "home", "--json").out)
    assert [entry["code"] for entry in record["broken"]] == ["R504"]


def test_explain_prints_one_code_or_lists_all(gonogo: Check) -> None:
    """Codes and rules of the robot are found in any case; an unknown one is the user's error."""
    assert gonogo("explain", "a304").out.startswith("A304 unknown call [API]")
    rule = gonogo("explain", "r501").out
    assert rule.startswith("R501 posture does not allow it [running]\n\n")
    assert 'right:\n    ["self.sport_client.StandUp()",\n     "self' in rule
    listed = {line.split(" ")[0] for line in gonogo("explain").out.splitlines()}
    assert listed > known_codes().keys() | {"R501"}
    unknown = gonogo("explain", "X999")
    assert unknown.code == 2
    assert "no finding code" in unknown.err
