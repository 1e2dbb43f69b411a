"""`gonogo init --sdk`: a pack begun from an SDK that nobody has described yet, without running a line of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.checks import check_answer
from harness.pack import load_pack
from harness.sdk.profile import load_profile
from harness.simulation import load_robot
from harness.starter import write_own
from harness.tests.conftest import Ended

Gonogo = Callable[..., Ended]
WHEEL = "arm_sdk-2.1-py3-none-any.whl"

ARM = '''
import does_not_exist
raise SystemExit(3)
from .base import Base

class Helper:
    def one(self): ...

class ArmClient(Base):
    """What drives it."""
    def __init__(self, port): ...
    def _hidden(self): ...
    @property
    def pose(self): ...
    def go(self, x: float, y: "Optional[float]" = None, *, speed: int = 10, robot=None):
        """Go "there" \\\\ now. And wait.

        Args:
            x: -0.5 to 0.5, in metres
        """
    def path(self, points: List[float], /, loop: bool = False, done: Callable = None, **kwargs): ...
    async def asked(self, text: str, how="soft", many=3): ...
    def watch(self, callback: Callable): ...
'''
BASE = """
class Base:
    def stop(self): ...
    def go(self, x): ...
"""


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A wheel of two modules."""
    path = tmp_path / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("arm/client.py", ARM)
        archive.writestr("arm/base.py", BASE)
        archive.writestr("arm/notes.py", "this is no Python (")
        archive.writestr("arm_sdk-2.1.dist-info/METADATA", "Name: arm-sdk\nVersion: 2.1\nLicense: MIT\n\nLicense: no\n")
    return path


def test_a_pack_from_an_sdk_is_fit_to_judge_by_at_once(
    sdk: Path, gonogo: Gonogo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class with the most methods, inherited ones too, properties not; checks, simulation and gate run on it."""
    made = gonogo("init", "my arm", "--sdk", sdk)
    assert made.code == 0, made.err
    assert made.out.startswith("ArmClient of arm-sdk 2.1: 5 calls; --class takes another: Base, Helper")
    monkeypatch.chdir("my arm")
    checked = gonogo("data", "check")
    assert (checked.code, checked.err) == (0, "pack: my-arm (pack; its Python code runs as yours)\n")
    assert "0 problems in 3 cases" in checked.out
    profile = load_profile("pack/profiles/my-arm.json")
    assert [call.path for call in profile.calls] == [
        *(f"arm.{name}" for name in ("go", "path", "asked", "watch", "stop")), "ask", "decline",
    ]  # fmt: skip
    (source,) = profile.sources
    assert (source.name, source.version, source.license) == ("arm-sdk", "2.1", "MIT")
    right = ("go(0.5, speed=3)", "path([1, 2.5], loop=True)", "asked('x')", "stop()")
    assert check_answer(json.dumps([f"self.arm.{call}" for call in right]), profile).findings == ()
    assert {"go", "path", "asked_called", "watch", "stop"} < load_robot(load_pack("pack")).events.keys()
    recorded = "recorded:pack/recordings/references.jsonl"
    gate = gonogo("gate", recorded, "--against", recorded)
    assert gate.code == 3, "three commands decide nothing"
    built = gonogo("sdk", "build", "pack/profiles/my-arm.toml", "--check")
    assert built.code == 0, "the project holds all that the profile is made of"
    assert gonogo("sdk", "build", "pack/profiles/my-arm.toml", "--check", "--source", f"sdk={sdk}").code == 0


def test_what_the_source_leaves_open_is_asked_and_nothing_is_made_up(sdk: Path, tmp_path: Path) -> None:
    """Types, units and ranges are questions, the docstring's range an offer; what no command can hold is said."""
    _, profile = write_own(sdk, tmp_path / "mine", "ArmClient")
    overlay = (tmp_path / "mine/pack/profiles/mine.toml").read_text(encoding="utf-8")
    for line in (
        'summary = "Go \\"there\\" \\\\ now"',
        '#? unit = "", min = , max = , source = "manual", or range_from = "docstring" for what it says',
        "# docstring: -0.5 to 0.5, in metres",
        'type = "any"  #? the source gives none, and None as the default',
        'type = "float"  #? the source gives none, and 3 as the default',
        "# left out: done: Callable = None",
        "#? which arguments are in it? Name them with kwargs = true: **kwargs",
        'type = "any"  #? the source says Callable, which no command can hold',
        "# Properties, which are read and not called: pose",
    ):
        assert f"\n{line}\n" in overlay, line
    assert "min = -0.5" not in overlay
    assert all(p.min is p.max is None and p.unit == "" for call in profile.calls for p in call.params or ())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sdk", WHEEL, "--class", "Arm"), "has no class 'Arm'\n  It has ArmClient (5 methods), B"),
        (("--sdk", "nowhere.whl"), "is no wheel, sdist, folder or signature file"),
        (("--sdk", "empty"), "has no class with a public method\n  It has none."),
        (("--class", "Arm"), "--class is of an SDK"),
        (("--sdk", "empty", "--from", "toy"), "not allowed with argument"),
    ],
)
@pytest.mark.usefixtures("sdk")
def test_an_sdk_that_cannot_be_used_is_said_and_nothing_is_written(
    gonogo: Gonogo, arguments: tuple[str, ...], said: str
) -> None:
    """No such class, no such file, no class at all; the user's mistake is one message."""
    Path("empty").mkdir()
    done = gonogo("init", "mine", *arguments)
    assert done.code == 2
    assert said in done.err
    assert not Path("mine").exists()
