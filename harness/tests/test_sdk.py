"""Reading SDK source and building profiles: nothing imported, nothing invented, the same bytes again."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import time
import zipfile
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
from harness.sdk.docstring import range_in, told_of
from harness.sdk.overlay import load_overlay
from harness.sdk.param_types import from_annotation
from harness.sdk.profile import Profile, dump_profile, find_profile, load_profile, shipped_profiles
from harness.sdk.signatures import Method, Parameter, read_signatures
from harness.sdk.source import SourceSpec, open_source
from harness.tests.conftest import Ended

Gonogo = Callable[..., Ended]

# Importing this would end the process and leave a mark: only reading it as text is safe.
SDK = '''
import does_not_exist
open("imported", "w").write("x")
raise SystemExit(3)

class Client:
    def SetTimeout(self, timeout: float): ...
    def _Call(self, api, parameter): ...

class Dog(Client):
    """A client."""
    def __init__(self, lease: bool = False): ...
    def Move(self, vx: float, vy: float = 0.0, *, flag: bool = True, **rest): ...
    def Sit(self): ...
    @property
    def battery(self) -> int: ...
    @battery.setter
    def battery(self, value: int): ...
    @staticmethod
    def Bark(times: int,
             /, volume: "Union[int,\\n   float]" = 3): ...
    async def Flip(self, *args): ...

class LocoClient(Client):
    def WaveHand(self, turn_flag: bool = False): ...
    def Move(self, vx: float, vy: float, vyaw: float, continous_move: bool = False, gait=None, scale: float = 1): ...

class Arm:
    def reach(self, pose: "Optional[List[float]]", speed=None, radius=None, wait: bool = False, **kwargs):
        """Go to a pose.

        :param pose: where to, each -0.5~0.5
            of the base
        :param speed: between 10 and 250, (unit: mm/s)
        :param radius: 0~7 (fine), 8~15 (coarse)
        :param kwargs: further
            :param motion: 0-2
        """
    def aim(self, at: Tuple[float, float, float], steps: tuple[int, ...] = (1,), /): ...
    def tell(self, what): ...

class Egg(Hen): ...
class Hen(Egg): ...

def spin(node, timeout_sec: float | None = None): ...
'''
OVERLAY = """
name = "dog"
title = "A dog"
firmware = "1"
[sources.sdk]
kind = "wheel"
name = "dog-sdk"
version = "1.0"
sha256 = "{sha256}"
origin = "here"
license = "MIT"
files = ["dog/client.py"]
[clients]
dog = "sdk:Dog"
loco = "sdk:LocoClient"
arm = "sdk:Arm"
[references]
page = "a page"
[[call]]
path = "dog.Move"
summary = "walk"
source = "page"
param = [{ name = "vx", type = "float", min = -1.0, max = 1.0, unit = "m/s", source = "page" }]
[[call]]
path = "turn"
summary = "turn"
sdk = "sdk:<module>.spin"
param = [
  { name = "seconds", sdk_param = "timeout_sec", type = "float", default = 1.0, min = 0.0, max = 9.0, source = "page" },
]
[[deny]]
paths = ["dog.Flip", "dog.SetTimeout", "loco.SetTimeout"]
reason = "dangerous"
source = "page"
[[call]]
path = "loco.WaveHand"
summary = "wave"
param = [{ name = "turn_flag", type = "bool" }]
[[call]]
path = "loco.Move"
summary = "run"
source = "page"
param = [
  { name = "vx", type = "float", min = -1.0, max = 1.0, source = "page" },
  { name = "vy", type = "float", min = -1.0, max = 1.0, source = "page" },
  { name = "vyaw", type = "float", min = -1.0, max = 1.0, source = "page" },
  { name = "continous_move", type = "bool", deny = [true], deny_reason = "ten days", source = "page" },
  { name = "gait", type = "int", min = 0, max = 3, source = "page" },
  { name = "scale", type = "float", min = 0.0, max = 2.0, source = "page" },
]
[[call]]
path = "arm.reach"
summary = "reach"
param = [
  { name = "pose", type = "list[float]", min_items = 3, max_items = 3, range_from = "docstring" },
  { name = "speed", type = "int", min = 10, max = 100, source = "page", range_from = "docstring" },
  { name = "wait", type = "bool" },
  { name = "motion", type = "int", kwargs = true, source = "page", range_from = "docstring" },
]
[[call]]
path = "arm.aim"
summary = "aim"
param = [
  { name = "at", type = "tuple[float, float, float]", min = -1, max = 1, source = "page" },
  { name = "steps", type = "tuple[int, ...]", max_items = 2 },
]
[[call]]
path = "arm.tell"
summary = "tell"
param = [{ name = "what", type = "any" }]
"""
SPEC = SourceSpec("wheel", "dog-sdk", "1.0", "here", "MIT", files=("dog/client.py",))


def wheel(folder: Path, source: str = SDK) -> Path:
    """A wheel with one module."""
    path = folder / "dog_sdk-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("dog/client.py"), source)
    return path


def checkout(folder: Path, source: str = SDK) -> Path:
    """A folder as git leaves it."""
    module = folder / "checkout" / "dog" / "client.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(source)
    return folder / "checkout"


def sdist(folder: Path) -> Path:
    """An sdist with the module below the usual folder."""
    path = folder / "dog_sdk-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(checkout(folder), "dog_sdk-1.0/src")
    return path


def build(folder: Path, old: str = "", new: str = "", source: str = SDK) -> Profile:
    """The profile of the overlay, `old` in it replaced by `new`, and of a wheel, which it pins."""
    assert old in OVERLAY
    made, path = wheel(folder, source), folder / "dog.toml"
    pin = hashlib.sha256(made.read_bytes()).hexdigest()
    path.write_text(OVERLAY.replace("{sha256}", pin).replace(old, new, 1))
    return build_profile(path, {"sdk": made})


@pytest.mark.parametrize("make", [wheel, sdist, checkout], ids=["wheel", "sdist", "folder"])
def test_wheel_sdist_and_folder_give_the_same_signatures(make: Callable[[Path], Path], tmp_path: Path) -> None:
    """Wherever the source lies, the same facts are read, and the module is not imported; a base's methods are found."""
    signatures = open_source(SPEC, make(tmp_path), pinned=False)
    (file,) = signatures.files
    assert (file.path, file.sha256) == ("dog/client.py", hashlib.sha256(SDK.encode()).hexdigest())
    assert list(file.classes["Dog"]) == ["__init__", "Move", "Sit", "battery", "Bark", "Flip"]
    assert not Path("imported").exists()
    assert signatures.find("Dog", "SetTimeout") == (file, file.classes["Client"]["SetTimeout"])
    assert signatures.find("Dog", "Nothing") is None
    assert signatures.find("Egg", "Sit") is None, "each is the other's base: the search ends"


def test_parameters_are_read_as_declared() -> None:
    """Kinds, annotations, defaults and lines; `self` is left out, a static method keeps its first."""
    file = read_signatures("dog/client.py", SDK.encode())
    move = file.classes["Dog"]["Move"]
    assert move == Method(
        SDK[: SDK.index("def Move")].count("\n") + 1,
        (
            Parameter("vx", "positional_or_keyword", "float", None),
            Parameter("vy", "positional_or_keyword", "float", "0.0"),
            Parameter("flag", "keyword_only", "bool", "True"),
            Parameter("rest", "var_keyword", None, None),
        ),
    )
    assert move.text("Move") == "Move(vx: float, vy: float = 0.0, flag: bool = True, **rest)"
    params = {name: method.params for kind in ("Dog", "<module>") for name, method in file.classes[kind].items()}
    assert [p.kind for p in params["Bark"]] == ["positional_only", "positional_or_keyword"]
    assert [[p.name for p in params[name]] for name in ("Flip", "spin")] == [["args"], ["node", "timeout_sec"]]
    assert file.bases["Dog"] == ("Client",)


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('path = "dog.Move"', 'path = "dog.Mvoe"', "has no Dog.Mvoe"),
        ('path = "dog.Move"', 'path = "cat.Move"', "'cat' is not under [clients]"),
        ('name = "vx"', 'name = "speed"', "has no parameter 'speed'"),
        ('name = "vx", type = "float"', 'name = "vx", type = "int"', "vx is int here and float in the source"),
        ('name = "vx"', 'name = "vy"', "also requires vx"),
        ('sdk_param = "timeout_sec"', 'sdk_param = "timeout"', "has no parameter 'timeout'"),
        ('sdk = "sdk:<module>.spin"', 'sdk = "sdk:Dog.Spin"', "has no Dog.Spin"),
        ('paths = ["dog.Flip"', 'paths = ["dog.Flap"', "has no Dog.Flap"),
        ('paths = ["dog.Flip"', 'paths = ["dog.Move"', "allowed and denied"),
        ('paths = ["dog.Flip"', 'paths = ["cat.Flip"', "no client 'cat'"),
        ("min = -1.0", "mn = -1.0", "dog.toml:23: is not an overlay: call[dog.Move].param[vx]: unknown key 'mn'"),
        ("min = -1.0", "min = 2.0", "min 2.0 is above max 1.0"),
        ("min = -1.0", "min = -1.0, documented = [-0.5, 0.5]", "leaves the documented"),
        ('unit = "m/s", source = "page"', 'unit = "m/s"', "needs its source"),
        ('unit = "m/s", source = "page"', 'unit = "m/s", source = "book"', "'book' is not under [references]"),
        ('dangerous"\nsource = "page"', 'dangerous"\nsource = "book"', "'book' is not under [references]"),
        ('summary = "walk"', 'summary = "walk"\ntier = "guarded"', "needs its reason"),
        ('files = ["dog/client.py"]', 'files = ["dog/other.py"]', "has no file 'dog/other.py'"),
        ('sha256 = "', 'sha256 = "0', "the overlay pins 0"),
        (
            'type = "float", min',
            'type = "flaot", min',
            "dog.toml:23: is not an overlay: call[dog.Move].param[vx]: vx: un",
        ),
        ("list[float]", "list[flaot]", "pose: unknown type 'list[flaot]'"),
        ("list[float]", "list[int]", 'pose is list[int] here and "Optional[List[float]]" in the source'),
        (
            "tuple[float, float, float]",
            "tuple[float, float]",
            "at is tuple[float, float] here and Tuple[float, float, fl",
        ),
        ('type = "bool"', 'type = "bool", min = 0', "turn_flag: bool has no range"),
        ('type = "float", min', 'type = "float", enum = ["a"], min', "vx: 'a' of its enumeration is no float"),
        ('path = "dog.Move"', 'path = "dog.battery"', "dog.toml:20: call 'dog.battery': Dog.battery is a property"),
        ("kwargs = true, ", "", "dog.toml:52: call 'arm.reach': the source has no parameter 'motion'"),
        ('name = "wait"', 'name = "wait", kwargs = true, source = "page"', "the source has no **kwargs for 'wait'"),
        ('true, source = "page"', "true", "motion: an argument of **kwargs needs its source"),
        (
            'name = "seconds",',
            'name = "seconds", kwargs = true,',
            "call 'turn': kwargs opens an argument of a client's",
        ),
        ("min = 10, max = 100", "min = 1, max = 100", "speed: the enforced range leaves the documented 10 to 250"),
        (
            'name = "speed", type = "int", min = 10, max = 100',
            'name = "radius", type = "int"',
            "no range, or several: '0~7 (f",
        ),
        (
            '"vx", type = "float"',
            '"vx", type = "float", range_from = "docstring"',
            "docstring gives vx no range, or several: ''",
        ),
        ('kind = "wheel"', 'kind = "wheeel"', "sources.sdk.kind: Input should be 'wheel' or 'signatures'"),
        ("min = -1.0", 'min = "-1.0"', "call[dog.Move].param[vx].min"),
        ("min = -1.0", "min = nan", "call[dog.Move].param[vx].min"),
        ("min = -1.0", "min = -1.0, required = false", "'required' follows from the default"),
        ("min = -1.0", "min = -1.0, pattern = '('", "vx: pattern:"),
        ("min = -1.0", "min = -1.0, default = 3.0", "the default 3.0 is not allowed"),
        ("min = -1.0", "min = -1.0, default = 0.5", "dog.toml:20: call 'dog.Move': vx has a default here and none in"),
        (
            'type = "bool"',
            'type = "bool", default = true',
            "the default of turn_flag is True here and False in the source",
        ),
        ('dog = "sdk:Dog"', 'dog = "sdk:Cat"', "has no class 'Cat'"),
        ('dog = "sdk:Dog"', 'dog = "kit:Dog"', "no source 'kit'"),
        ('title = "A dog"', 'title = "A dog"\nextends = "dog.toml"', "extends itself"),
        ("[clients]", "[client]", "unknown key 'client'"),
        ('name = "dog"', "name = dog", "not valid TOML"),
        ('name = "dog"', "", "is not an overlay: name: missing"),
    ],
)
def test_the_build_refuses_what_the_source_does_not_bear_out(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each single mistake in the overlay is one error that names it."""
    with pytest.raises(InputError, match=re.escape(message)):
        build(tmp_path, old, new)


def test_an_argument_that_is_optional_in_the_sdk_is_optional_with_its_default(tmp_path: Path) -> None:
    """What the overlay leaves open is the SDK's: `WaveHand()` is right and means `turn_flag=False`.

    A default that the overlay denies would do just that when left out: such an argument stays required.
    """
    profile = build(tmp_path)
    calls = [profile.by_path["loco.WaveHand"], profile.by_path["loco.Move"]]
    assert {p.name: (p.required, p.default) for call in calls for p in call.params or ()} == {
        "turn_flag": (False, False),
        "vx": (True, None),
        "vy": (True, None),
        "vyaw": (True, None),
        "continous_move": (False, False),
        "gait": (False, None),  # leaving it out is not the same as any int
        "scale": (False, 1.0),
    }
    denied = build(tmp_path, source=SDK.replace("continous_move: bool = False", "continous_move: bool = True"))
    for of, arguments, codes in (
        (profile, "0.3, 0.0, 0.0", []),
        (profile, "0.3, 0.0", ["A308"]),
        (profile, "0.3, 0.0, 0.0, True", ["G403"]),
        (denied, "0.3, 0.0, 0.0", ["A308"]),
        (denied, "0.3, 0.0, 0.0, False", []),
    ):
        checked = check_answer(f'["self.loco.WaveHand()", "self.loco.Move({arguments})"]', of)
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
        "arm.reach([0.1, -0.5, 0], 50, wait=True, motion=2)": [],
        "arm.reach(pose=[])": ["A321"],
        "arm.reach([0.1, 0.2, 0.6])": ["A314"],
        "arm.reach([0.1, True, '0'])": ["A312", "A312"],
        "arm.reach([0.1, 0.2, 1e999])": ["A313"],
        "arm.reach([0.1, 0.2, 0.1 + 0.1])": ["G410"],
        "arm.reach((0.1, 0.2, 0.3))": ["A312"],
        "arm.reach([0.1, 0.2, 0.3], 50, 0)": ["A309"],
        "arm.reach([0.1, 0.2, 0.3], motion=3)": ["A314"],
        "arm.aim((1, 0, -1.0), (1, 2))": [],
        "arm.aim((1, 0), (1, 2, 3))": ["A321", "A321"],
        "arm.aim((1, 0, 2))": ["A314"],
        "arm.aim([1, 0, 1])": ["A312"],
        "arm.aim(at=(1, 0, 1))": ["A310"],
        "arm.tell(-1)": [],
        "arm.tell('all')": [],
        "arm.tell(1e999)": ["A313"],
        "arm.tell('a\u202eb')": ["G413"],
        "arm.tell([1])": ["A312"],
    }.items():
        checked = check_answer(json.dumps([f"self.{command}"]), profile)
        assert [finding.code for finding in checked.findings] == codes, command
        assert (checked.calls is not None) == (codes == []), command
    (tmp_path / "dog.json").write_text(dump_profile(profile))
    assert load_profile(tmp_path / "dog.json").by_path["arm.reach"] == reach


@pytest.mark.parametrize(
    ("annotation", "meant"),
    [
        ("Optional[typing.List[float]]", "list[float]"),
        ("'float | None'", "float"),
        ("Union[int, float]", "float"),
        ("Sequence[int]", "list[int]"),
        ("Tuple[float, float]", "tuple[float, float]"),
        ("tuple[int, ...]", "tuple[int, ...]"),
        ('Literal["low", "high"]', "str"),
        ("Annotated[int, Range(1, 8)]", "int"),
        *((other, "") for other in ("tuple[int, str]", "list[list[int]]", "Pose", "int | str", "list", "(" * 99, None)),
    ],
)
def test_annotations_of_sdk_source_are_understood_or_left_open(annotation: str | None, meant: str) -> None:
    """However the source spells a type; what no profile knows is not guessed."""
    assert from_annotation(annotation) == meant


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("20-500", (20, 500)),
        ("-500-500", (-500, 500)),
        ("-100~100 (left/right)", (-100, 100)),
        ("gripper speed between 15 and 225, default is 100", (15, 225)),
        ("in the range of 0.1-1.5. See 7", (0.1, 1.5)),
        ("servo id(1~7)", (1, 7)),
        ("range: [-1, 1]", (-1, 1)),
        *((text, None) for text in ("0~7, 8~15", "[0, 0, -1] say", "0 and 700/1000", "1 or 2", "DH-50-140", "9-2", "")),
    ],
)
def test_a_range_is_read_from_prose_only_where_it_is_one(told: str, found: tuple[float, float] | None) -> None:
    """As djitellopy and the xArm SDK write them; two ranges, a vector or a product's name are none."""
    for doc in (f"Go.\n\nArgs:\n    x (int): {told}\n    y: 1-2", f"Go.\n:param int x: {told}\n:param y: 1-2\n"):
        assert told_of(doc, "x") == told
    assert range_in(told) == found


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["turn"]', '["run"]', "pup.toml: is not an overlay: drops 'run', which the base has not"),
        ('["dog.Flip"]', '["dog.Move"]', "drops 'dog.Move', which the base has not"),
        ('leaf = "', 'lead = "', "source 'leaf' is not under [references]"),
        ("summary", "sumary", "pup.toml:10: is not an overlay: call[dog.Sit].summary: Field required"),
        ('"dog.toml"', '"cat.toml"', "cat.toml: cannot be read"),
    ],
)
def test_an_overlay_extends_another(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Calls are added, dropped and given other references; a mistake is named in the file and line that has it."""
    build(tmp_path)
    path = tmp_path / "pup.toml"
    path.write_text(TOP)
    profile = build_profile(path, {"sdk": checkout(tmp_path)})
    assert (profile.name, profile.title, profile.firmware) == ("pup", "A pup", "1")
    dog = {call.path: call.source for call in profile.calls if not call.path.startswith(("loco.", "arm."))}
    assert dog == {"dog.Move": "leaf", "dog.Sit": "", "dog.SetTimeout": "page"}
    assert profile.overlays.keys() == {"dog.toml", "pup.toml"}
    path.write_text(TOP.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)):
        build_profile(path, {"sdk": checkout(tmp_path)})


HOSTILE: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "x = " + "(" * n + "1" + ")" * n,
    "lists": lambda n: "x = " + "[" * n + "1" + "]" * n,
    "signs": lambda n: "x = " + "-" * n + "1",
    "not": lambda n: "x = " + "not " * n + "1",
    "sums": lambda n: "x = " + "1 + " * n + "1",
    "and": lambda n: "x = " + "a and " * n + "b",
    "attributes": lambda n: "x = a" + ".b" * n,
    "calls": lambda n: "x = a" + "()" * n,
    "strings": lambda n: "x = " + '"a" ' * n,
    "choices": lambda n: "x = " + "a if b else " * n + "c",
    "lambdas": lambda n: "x = " + "lambda: " * n + "1",
    "elif": lambda n: "if a: pass\n" + "elif a: pass\n" * n,
    "blocks": lambda n: "".join(" " * i + "if a:\n" for i in range(min(n, 900))) + " " * 900 + "pass",
    "import": lambda n: "import a" + ".a" * n,
    "closed": lambda n: "x = 1" + ")" * n,
    "a mebibyte": lambda n: "#" * ((1 << 20) + n),
}


@pytest.mark.parametrize("times", [400, 20_000])
@pytest.mark.parametrize("kind", HOSTILE)
def test_source_nested_too_deep_is_an_error_before_libcst_sees_it(kind: str, times: int) -> None:
    """The parser would end the process, or take minutes; an SDK has none of this."""
    begun = time.process_time()
    with pytest.raises(InputError, match=r"dog/client\.py:.*(nested too deep|not Python source|1 MiB)"):
        read_signatures("dog/client.py", HOSTILE[kind](times).encode() + b"\n")
    assert time.process_time() - begun < 5


def test_a_source_that_changed_or_is_missing_is_named(tmp_path: Path) -> None:
    """Another wheel than the pinned one is refused; a folder of another version gives another profile."""
    built, path = build(tmp_path), tmp_path / "dog.toml"
    with pytest.raises(InputError, match="the overlay pins"):
        build_profile(path, {"sdk": wheel(tmp_path, SDK + "\n")})
    changed = build_profile(path, {"sdk": checkout(tmp_path, SDK.replace("def Sit(self)", "def Roll(self)"))})
    assert changed.digest != built.digest
    assert [(c.kind, c.path) for c in diff_profiles(built, changed)] == [("removed", "dog.Sit"), ("added", "dog.Roll")]
    with pytest.raises(InputError, match="--source sdk=PATH, or download it with --fetch"):
        build_profile(path, {})
    with pytest.raises(InputError, match="no source named sdkk"):
        build_profile(path, {"sdkk": tmp_path})


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
    assert gonogo(*arguments).code == 0
    assert gonogo(*arguments, "--check").code == 0
    written = tmp_path / "dog.json"
    written.write_text(written.read_text().replace("walk", "trot"))
    assert gonogo(*arguments, "--check").code == 1
    assert gonogo("sdk", "build", "dog.toml", "--source", "sdk").code == 2


def test_sdk_list_shows_signature_unit_range_tier_and_source(gonogo: Gonogo) -> None:
    """One call in full; the whole list; JSON; a name that is only in the SDK is explained."""
    out = gonogo("sdk", "list", "Move").out
    ranges = ("self.sport_client.Move(", "m/s", "-0.6..1", "documented -2.5..3.8")
    for part in (*ranges, "tier: allow", "sport_client.py:132", "support.unitree.com"):
        assert part in out
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
