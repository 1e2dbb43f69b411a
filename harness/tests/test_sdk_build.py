"""Profiles built from SDK source and an overlay: nothing invented, the same bytes again; and compared."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.checks import check_answer
from harness.checks.answer_file import Answer
from harness.errors import InputError
from harness.sdk.build import build_profile
from harness.sdk.card import signature
from harness.sdk.diff import broken_answers, diff_profiles
from harness.sdk.overlay import load_overlay
from harness.sdk.profile import dump_profile, find_profile, load_profile, shipped_profiles
from harness.sdk.source import open_source
from harness.tests.conftest import Ended
from harness.tests.dog import SDK, SPEC, build, checkout, wheel

Gonogo = Callable[..., Ended]


def test_a_profile_is_built_with_ranges_sources_and_places(tmp_path: Path) -> None:
    """Signature from the source, range from the overlay, both in the JSON, with file, line and hash."""
    profile = build(tmp_path)
    move = profile.by_path["dog.Move"]
    assert move.params
    assert move.sdk
    assert (move.params[0].min, move.params[0].max, move.params[0].unit) == (-1.0, 1.0, "m/s")
    assert (move.sdk.symbol, move.sdk.file) == ("Dog.Move", "dog/client.py")
    assert profile.by_path["dog.Flip"].tier == "deny"
    known = [(k.client, k.name, k.signature) for k in profile.known]
    assert [name for *name, _ in known] == [["dog", "Sit"], ["dog", "battery"], ["dog", "Bark"]]
    assert known[1][2] == "battery", "a property is no call"
    assert profile.sources[0].files == {"dog/client.py": hashlib.sha256(SDK.encode()).hexdigest()}
    facts = tmp_path / "facts.json"  # a committed signature file in place of the wheel
    facts.write_text(json.dumps(asdict(open_source(SPEC, wheel(tmp_path), pinned=False))))
    for source in (checkout(tmp_path), facts):
        assert dump_profile(build_profile(tmp_path / "dog.toml", {"sdk": source})) == dump_profile(profile)
    (tmp_path / "dog.json").write_text(dump_profile(profile))
    assert load_profile(tmp_path / "dog.json").digest == profile.digest


MOVE, MIN, VX, TURN = 'path = "dog.Move"', "min = -1.0", 'name = "vx", type = "float"', 'name = "turn", type = "bool"'
DEFAULT_OF_TURN = "the default of turn is True here and False in the source"
NO_OVERLAY = "is not an overlay: call[dog.Move].param[vx]: "
REFUSED = [
    (MOVE, 'path = "dog.Mvoe"', "has no Dog.Mvoe"),
    (MOVE, 'path = "cat.Move"', "'cat' is not under [clients]"),
    (MOVE, 'path = "dog.battery"', "dog.toml:20: call 'dog.battery': Dog.battery is a property"),
    (VX, 'name = "speed", type = "float"', "has no parameter 'speed'"),
    (VX, 'name = "vx", type = "int"', "vx is int here and float in the source"),
    (VX, 'name = "vx", type = "flaot"', f"dog.toml:23: {NO_OVERLAY}vx: un"),
    (VX, 'name = "vy", type = "float"', "also requires vx"),
    (VX, f'{VX}, enum = ["a"]', "vx: 'a' of its enumeration is no float"),
    (VX, f'{VX}, range_from = "docstring"', "docstring gives vx no range, or several: ''"),
    (MIN, "mn = -1.0", f"dog.toml:23: {NO_OVERLAY}unknown key 'mn'"),
    (MIN, "min = 2.0", "min 2.0 is above max 1.0"),
    (MIN, f"{MIN}, documented = [-0.5, 0.5]", "leaves the documented"),
    (MIN, 'min = "-1.0"', "call[dog.Move].param[vx].min"),
    (MIN, "min = nan", "call[dog.Move].param[vx].min"),
    (MIN, f"{MIN}, required = false", "'required' follows from the default"),
    (MIN, f"{MIN}, pattern = '('", "vx: pattern:"),
    (MIN, f"{MIN}, default = 3.0", "the default 3.0 is not allowed"),
    (MIN, f"{MIN}, default = 0.5", "dog.toml:20: call 'dog.Move': vx has a default here and none in"),
    ('unit = "m/s", source = "page"', 'unit = "m/s"', "needs its source"),
    ('unit = "m/s", source = "page"', 'unit = "m/s", source = "book"', "'book' is not under [references]"),
    ('dangerous"\nsource = "page"', 'dangerous"\nsource = "book"', "'book' is not under [references]"),
    ('summary = "walk"', 'summary = "walk"\ntier = "guarded"', "needs its reason"),
    ('sdk_param = "timeout_sec"', 'sdk_param = "timeout"', "has no parameter 'timeout'"),
    ('sdk = "sdk:<module>.spin"', 'sdk = "sdk:Dog.Spin"', "has no Dog.Spin"),
    ('name = "s",', 'name = "s", kwargs = true,', "call 'turn': kwargs opens an argument of a client's"),
    ('["dog.Flip"', '["dog.Flap"', "has no Dog.Flap"),
    ('["dog.Flip"', '["dog.Move"', "allowed and denied"),
    ('["dog.Flip"', '["cat.Flip"', "no client 'cat'"),
    (TURN, f"{TURN}, min = 0", "turn: bool has no range"),
    (TURN, f"{TURN}, default = true", DEFAULT_OF_TURN),
    ("list[float]", "list[flaot]", "pose: unknown type 'list[flaot]'"),
    ("list[float]", "list[int]", 'pose is list[int] here and "Optional[List[float]]" in the source'),
    ("[float, float, float]", "[float, float]", "at is tuple[float, float] here and Tuple[float, float, fl"),
    ("min = 10, max = 100", "min = 1, max = 100", "speed: the enforced range leaves the documented 10 to 250"),
    ('"speed", type = "int", min = 10, max = 100', '"radius", type = "int"', "no range, or several: '0~7 (f"),
    ('name = "wait"', 'name = "wait", kwargs = true, source = "page"', "the source has no **kwargs for 'wait'"),
    ("kwargs = true, ", "", "dog.toml:49: call 'arm.reach': the source has no parameter 'motion'"),
    ('true, source = "page"', "true", "motion: an argument of **kwargs needs its source"),
    ('files = ["dog/client.py"]', 'files = ["dog/other.py"]', "has no file 'dog/other.py'"),
    ('sha256 = "', 'sha256 = "0', "the overlay pins 0"),
    ('kind = "wheel"', 'kind = "wheeel"', "sources.sdk.kind: Input should be 'wheel' or 'signatures'"),
    ('dog = "sdk:Dog"', 'dog = "sdk:Cat"', "has no class 'Cat'"),
    ('dog = "sdk:Dog"', 'dog = "kit:Dog"', "no source 'kit'"),
    ('title = "A dog"', 'title = "A dog"\nextends = "dog.toml"', "extends itself"),
    ("[clients]", "[client]", "unknown key 'client'"),
    ('name = "dog"', "name = dog", "not valid TOML"),
    ('name = "dog"', "", "is not an overlay: name: missing"),
]


@pytest.mark.parametrize(("old", "new", "message"), REFUSED)
def test_the_build_refuses_what_the_source_does_not_bear_out(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each single mistake in the overlay is one error that names it."""
    with pytest.raises(InputError, match=re.escape(message)):
        build(tmp_path, old, new)


def test_an_argument_that_is_optional_in_the_sdk_is_optional_with_its_default(tmp_path: Path) -> None:
    """What the overlay leaves open is the SDK's: `Wave()` is right and means `turn=False`.

    A default that the overlay denies would do just that when left out: such an argument stays required.
    """
    profile = build(tmp_path)
    calls = [profile.by_path["loco.Wave"], profile.by_path["loco.Move"]]
    assert {p.name: (p.required, p.default) for call in calls for p in call.params or ()} == {
        "turn": (False, False),
        "vx": (True, None),
        "vy": (True, None),
        "endless": (False, False),
        "gait": (False, None),  # leaving it out is not the same as any int
        "scale": (False, 1.0),
    }
    denied = build(tmp_path, source=SDK.replace("endless: bool = False", "endless: bool = True"))
    for of, arguments, codes in (
        (profile, "0.3, 0.0", []),
        (profile, "0.3", ["A308"]),
        (profile, "0.3, 0.0, True", ["G403"]),
        (denied, "0.3, 0.0", ["A308"]),
        (denied, "0.3, 0.0, False", []),
    ):
        checked = check_answer(f'["self.loco.Wave()", "self.loco.Move({arguments})"]', of)
        assert [finding.code for finding in checked.findings] == codes


def test_lists_further_keywords_and_docstring_ranges_are_checked_and_told(tmp_path: Path) -> None:
    """A list's items are checked each; what the overlay leaves out keeps its place; the card shows what is checked."""
    profile = build(tmp_path)
    reach, aim = (profile.by_path[path] for path in ("arm.reach", "arm.aim"))
    assert [(p.min, p.max, p.documented, p.passing, p.required) for p in reach.params or ()] == [
        (-0.5, 0.5, None, "either", True),
        (10, 100, (10, 250), "either", False),
        (None, None, None, "name", False),  # `radius` stands before it
        (0, 2, None, "name", False),
    ]
    assert signature(reach, profile) == (
        "self.arm.reach(pose: list[float] of 3 -0.5..0.5, speed: int 10..100 (optional), *, wait: bool = False, "
        "motion: int 0..2 (optional))"
    )
    assert signature(aim, profile).endswith(
        "(at: tuple[float, float, float] -1..1, steps: tuple[int, ...] of 0..2 (optional), /)"
    )
    for command, codes in {
        "reach([0.1, -0.5, 0], 50, wait=True, motion=2)": [],
        "reach(pose=[])": ["A321"],
        "reach([0.1, 0.2, 0.6])": ["A314"],
        "reach([0.1, True, '0'])": ["A312", "A312"],
        "reach([0.1, 0.2, 1e999])": ["A313"],
        "reach([0.1, 0.2, 0.1 + 0.1])": ["G410"],
        "reach((0.1, 0.2, 0.3))": ["A312"],
        "reach([0.1, 0.2, 0.3], 50, 0)": ["A309"],
        "reach([0.1, 0.2, 0.3], motion=3)": ["A314"],
        "aim((1, 0, -1.0), (1, 2))": [],
        "aim((1, 0), (1, 2, 3))": ["A321", "A321"],
        "aim((1, 0, 2))": ["A314"],
        "aim([1, 0, 1])": ["A312"],
        "aim(at=(1, 0, 1))": ["A310"],
        "tell(-1)": [],
        "tell('all')": [],
        "tell(1e999)": ["A313"],
        "tell('a\u202eb')": ["G413"],
        "tell([1])": ["A312"],
    }.items():
        checked = check_answer(json.dumps([f"self.arm.{command}"]), profile)
        assert [finding.code for finding in checked.findings] == codes, command
        assert (checked.calls is not None) == (codes == []), command
    (tmp_path / "dog.json").write_text(dump_profile(profile))
    assert load_profile(tmp_path / "dog.json").by_path["arm.reach"] == reach


TOP = """
extends = "dog.toml"
name = "pup"
title = "A pup"
drop = ["turn"]
drop_deny = ["dog.Flip"]
replace_references.call.page = "leaf"
[references]
leaf = "a later page"
[[call]]
path = "dog.Sit"
summary = "sit"
"""


def test_an_overlay_extends_another(tmp_path: Path) -> None:
    """Calls are added, dropped and given other references; a mistake is named in the file and line that has it."""
    build(tmp_path)
    path = tmp_path / "pup.toml"
    path.write_text(TOP)
    profile = build_profile(path, {"sdk": checkout(tmp_path)})
    assert (profile.name, profile.title, profile.firmware) == ("pup", "A pup", "1")
    dog = {call.path: call.source for call in profile.calls if not call.path.startswith(("loco.", "arm."))}
    assert dog == {"dog.Move": "leaf", "dog.Sit": "", "dog.SetTimeout": "page"}
    assert profile.overlays.keys() == {"dog.toml", "pup.toml"}
    for old, new, message in (
        ('["turn"]', '["run"]', "pup.toml: is not an overlay: drops 'run', which the base has not"),
        ('["dog.Flip"]', '["dog.Move"]', "drops 'dog.Move', which the base has not"),
        ('leaf = "', 'lead = "', "source 'leaf' is not under [references]"),
        ("summary", "sumary", "pup.toml:10: is not an overlay: call[dog.Sit].summary: Field required"),
        ('"dog.toml"', '"cat.toml"', "cat.toml: cannot be read"),
    ):
        path.write_text(TOP.replace(old, new, 1))
        with pytest.raises(InputError, match=re.escape(message)):
            load_overlay(path)


def test_a_source_that_changed_or_is_missing_is_named(tmp_path: Path) -> None:
    """Another wheel than the pinned one is refused; a folder of another version gives another profile."""
    built, path = build(tmp_path), tmp_path / "dog.toml"
    changed = build_profile(path, {"sdk": checkout(tmp_path, SDK.replace("def Sit(self)", "def Roll(self)"))})
    assert changed.digest != built.digest
    assert [(c.kind, c.path) for c in diff_profiles(built, changed)] == [("removed", "dog.Sit"), ("added", "dog.Roll")]
    for given, message in (
        ({"sdk": wheel(tmp_path, SDK + "\n")}, "the overlay pins"),
        ({}, "--source sdk=PATH, or download it with --fetch"),
        ({"sdkk": tmp_path}, "no source named sdkk"),
    ):
        with pytest.raises(InputError, match=message):
            build_profile(path, given)


def test_diff_of_the_shipped_profiles_and_the_answers_it_breaks(gonogo: Gonogo) -> None:
    """The removals of 2025-07-30 show; only the answer that used them breaks, is named with its line, and exits 1."""
    legacy, current = find_profile("go2-legacy"), find_profile("go2")
    changes = {change.path: change for change in diff_profiles(legacy, current)}
    removed = {path.rpartition(".")[2] for path, change in changes.items() if change.kind == "removed"}
    assert removed >= {
        "SwitchGait", "Trigger", "BodyHeight", "FootRaiseHeight", "TrajectoryFollow", "ContinuousGait", "Wallow",
        "WiggleHips", "GetState", "GetFootRaiseHeight", "GetSpeedLevel", "EconomicGait", "WalkStair",
    }  # fmt: skip
    assert changes["sport_client.FreeWalk"].details == ("argument flag removed",)
    assert diff_profiles(current, find_profile("go2")) == []
    answers = [
        Answer('["self.undock()"]', "fine"),
        Answer('["self.sport_client.FreeWalk(flag=True)"]', "breaks"),
        Answer('["self.nothing()"]', "broken before"),
        Answer('["self.sport_client.Damp()"]', "guarded in both"),
    ]
    assert [answer.id for answer, _ in broken_answers(legacy, current, answers)] == ["breaks"]
    lines = "".join(json.dumps({"id": answer.id, "output": answer.text}) + "\n" for answer in answers)
    Path("answers.jsonl").write_text(lines)
    plain = gonogo("sdk", "diff", "go2-legacy", "go2")
    assert plain.code == 0
    assert "removed  self.sport_client.SwitchGait" in plain.out
    broken = gonogo("sdk", "diff", "go2-legacy", "go2", "--answers", "answers.jsonl")
    assert broken.code == 1
    assert "breaks   answers.jsonl:2 breaks item 1: A310" in broken.out
    record = json.loads(gonogo("sdk", "diff", "go2-legacy", "go2", "--answers", "answers.jsonl", "--json").out)
    assert [entry["id"] for entry in record["broken"]] == ["breaks"]


def test_sdk_build_writes_checks_and_notices_a_change(tmp_path: Path, gonogo: Gonogo) -> None:
    """`build` writes the file, `--check` passes on it and exits 1 once a byte differs."""
    build(tmp_path)
    arguments = ("sdk", "build", "dog.toml", "--source", "sdk=dog_sdk-1.0-py3-none-any.whl")
    assert [gonogo(*arguments, *check).code for check in ((), ("--check",))] == [0, 0]
    written = tmp_path / "dog.json"
    written.write_text(written.read_text().replace("walk", "trot"))
    assert gonogo(*arguments, "--check").code == 1
    assert gonogo("sdk", "build", "dog.toml", "--source", "sdk").code == 2


def test_sdk_list_shows_signature_unit_range_tier_and_source(gonogo: Gonogo) -> None:
    """One call in full; the whole list; JSON; a name that is only in the SDK is explained."""
    out = gonogo("sdk", "list", "Move").out
    ranges = ("self.sport_client.Move(", "m/s", "-0.6..1", "documented -2.5..3.8")
    assert all(part in out for part in (*ranges, "tier: allow", "sport_client.py:132", "support.unitree.com"))
    everything = gonogo("sdk", "list").out
    assert "deny    self.sport_client.FrontFlip()" in everything
    assert "guarded self.sport_client.Damp()" in everything
    assert json.loads(gonogo("sdk", "list", "spin", "--json").out)[0]["params"][0]["unit"] == "rad"
    unknown = gonogo("sdk", "list", "SwitchGait")
    assert unknown.code == 2
    assert "removed from the SDK on 2025-07-30" in unknown.err


@pytest.mark.slow
def test_the_committed_profiles_are_what_the_pinned_wheels_give(tmp_path: Path) -> None:
    """Downloads the pinned wheels and rebuilds: byte for byte the committed files."""
    paths = [path.with_suffix(".toml") for name, path in shipped_profiles().items() if name.startswith("go2")]
    assert len(paths) == 3
    for path in paths:
        sources = load_overlay(path)[0].sources.items()
        fetched = {name: next(tmp_path.glob(f"*-{spec.version}-*.whl"), None) for name, spec in sources}
        given = {name: found for name, found in fetched.items() if found}  # by the build before
        profile = build_profile(path, given, fetch_into=tmp_path)
        assert dump_profile(profile) == path.with_suffix(".json").read_text(encoding="utf-8")
