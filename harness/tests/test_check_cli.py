"""`gonogo check` and `gonogo explain` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOOD = """["self.undock()", "self.wait(seconds=1.0)"]"""
BAD = """["self.undock()",\n "self.wait(1.0)", 'self.sport_client.Sitt()']"""


def gonogo(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """One run of the command."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments], input=stdin, capture_output=True, text=True, check=False
    )


def test_a_clean_answer_exits_0_and_prints_nothing(tmp_path: Path) -> None:
    """As a linter: silence on stdout, the count on stderr."""
    file = tmp_path / "answer.txt"
    file.write_text(GOOD)
    done = gonogo("check", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 answer, 0 findings" in done.stderr


def test_findings_name_file_item_and_column_and_exit_1(tmp_path: Path) -> None:
    """`file:item:column CODE message`, items and columns from 1."""
    file = tmp_path / "answer.txt"
    file.write_text(BAD)
    done = gonogo("check", str(file))
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{file}:3:19 A304 there is no self.sport_client.Sitt")
    assert "Did you mean self.sport_client.Sit?" in line


def test_stdin_and_json() -> None:
    """`-` reads stdin; --json gives flags and findings as one object an answer."""
    done = gonogo("check", "-", "--json", stdin=f"```\n{BAD}\n```")
    assert done.returncode == 1
    record = json.loads(done.stdout)
    assert record["format_valid"]
    assert not record["format_strict"]
    assert [f["code"] for f in record["findings"]] == ["F101", "A304"]
    assert record["findings"][1]["span"] == [18, 22]


def test_a_jsonl_of_answers(tmp_path: Path) -> None:
    """Each answer is named by its id; format findings are item 0."""
    file = tmp_path / "answers.jsonl"
    rows = [{"id": "a", "output": GOOD}, {"id": "b", "output": "no"}, {"id": "c", "output": BAD}]
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    done = gonogo("check", str(file))
    assert done.returncode == 1
    assert [line.split(" ")[0].removeprefix(str(file)) for line in done.stdout.splitlines()] == ["#b:0:1", "#c:3:19"]
    assert "3 answers, 2 findings" in done.stderr
    assert gonogo("check", "-", "--jsonl", stdin=file.read_text()).stdout.count("#") == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", ":1: not JSON"),
        ("[]", ":1: not a JSON object"),
        ('{"id": "a"}', ':1: needs "id" and "output"'),
        ('{"id": "a", "output": 3}', ':1: needs "id" and "output"'),
        ('{"id": "a", "output": ""}\nx', ":2: not JSON"),
    ],
)
def test_a_broken_jsonl_is_the_users_error(tmp_path: Path, content: str, message: str) -> None:
    """File, line and what to do; exit 2, no traceback."""
    file = tmp_path / "answers.jsonl"
    file.write_text(content)
    done = gonogo("check", str(file))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_files_profiles_and_calls_are_the_users_error() -> None:
    """Each says what there is instead."""
    assert "cannot be read" in gonogo("check", "no-such-file").stderr
    unknown = gonogo("check", "-", "--profile", "go3", stdin=GOOD)
    assert unknown.returncode == 2
    assert "go2, go2-legacy" in unknown.stderr
    guarded = gonogo("check", "-", "--allow-guarded", "sport_client.FrontFlip", stdin=GOOD)
    assert guarded.returncode == 2
    assert "sport_client.Damp" in guarded.stderr


def test_profile_and_permission_change_the_verdict() -> None:
    """The legacy profile knows SwitchGait; a guarded call passes where it is permitted."""
    gait = """["self.sport_client.SwitchGait(t=1)"]"""
    assert gonogo("check", "-", stdin=gait).returncode == 1
    assert gonogo("check", "-", "--profile", "go2-legacy", stdin=gait).returncode == 0
    damp = """["self.sport_client.Damp()"]"""
    assert gonogo("check", "-", stdin=damp).returncode == 1
    assert gonogo("check", "-", "--allow-guarded", "sport_client.Damp", stdin=damp).returncode == 0


def test_sarif_points_at_the_place_in_the_file(tmp_path: Path) -> None:
    """Lines and columns of the SARIF region hold exactly the wrong name, escapes before it counted as written."""
    file = tmp_path / "answer.txt"
    text = """Sure:\n["self.undock()",\n "self.say(text=\\"a\\", volume=3)"]"""
    file.write_text(text)
    done = gonogo("check", str(file), "--sarif")
    assert done.returncode == 1
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    run = log["runs"][0]
    results = run["results"]
    assert [r["ruleId"] for r in results] == ["F102", "A310"]
    assert [r["level"] for r in results] == ["warning", "error"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {"F102", "A310"}
    region = results[1]["locations"][0]["physicalLocation"]["region"]
    assert _text_of(region, text) == "volume"


def test_sarif_of_a_jsonl_names_the_line(tmp_path: Path) -> None:
    """A result of a JSONL points at the answer's line and carries its id."""
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(json.dumps({"id": i, "output": t}) for i, t in (("a", GOOD), ("b", BAD))))
    (result,) = json.loads(gonogo("check", str(file), "--sarif").stdout)["runs"][0]["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 2}
    assert location["logicalLocations"] == [{"name": "b"}]


def _text_of(region: dict[str, Any], text: str) -> str:
    line: str = text.split("\n")[region["startLine"] - 1]
    return line[region["startColumn"] - 1 : region["endColumn"] - 1]


def test_a_scene_adds_the_trace_and_its_broken_preconditions() -> None:
    """A right answer shows what the robot did; a broken precondition is named with its state and exits 1."""
    good = """["self.nav_publisher.publish(self.create_nav_goal(room='kitchen'))", "self.wait_for_navigation()"]"""
    done = gonogo("check", "-", "--scene", "home", stdin=good)
    assert done.returncode == 0
    assert "final state:" in done.stdout
    broken = """["self.wait_for_navigation()"]"""
    done = gonogo("check", "-", "--scene", "home", stdin=broken)
    assert done.returncode == 1
    assert "!! R504" in done.stdout
    record = json.loads(gonogo("check", "-", "--scene", "home", "--json", stdin=broken).stdout)
    assert [entry["code"] for entry in record["broken"]] == ["R504"]
    unknown = gonogo("check", "-", "--scene", "moon", stdin=good)
    assert unknown.returncode == 2
    assert "home" in unknown.stderr
    assert gonogo("check", "-", "--scene", "home", "--sarif", stdin=good).returncode == 2


def test_explain_prints_one_code_or_lists_all() -> None:
    """Codes are found in any case; an unknown one is the user's error."""
    assert gonogo("explain", "a304").stdout.startswith("A304 unknown call [API]")
    listed = gonogo("explain").stdout.splitlines()
    assert any(line.startswith("G401 ") for line in listed)
    unknown = gonogo("explain", "X999")
    assert unknown.returncode == 2
    assert "no finding code" in unknown.stderr
