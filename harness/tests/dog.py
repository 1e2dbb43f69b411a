"""An SDK that nobody can import, the overlay that describes it, and the profile built of both."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from harness.sdk.build import build_profile
from harness.sdk.profile import Profile
from harness.sdk.source import SourceSpec

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

class Loco(Client):
    def Wave(self, turn: bool = False): ...
    def Move(self, vx: float, vy: float, endless: bool = False, gait=None, scale: float = 1): ...

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
loco = "sdk:Loco"
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
param = [{ name = "s", sdk_param = "timeout_sec", type = "float", default = 1.0, min = 0.0, max = 9, source = "page" }]
[[deny]]
paths = ["dog.Flip", "dog.SetTimeout", "loco.SetTimeout"]
reason = "dangerous"
source = "page"
[[call]]
path = "loco.Wave"
summary = "wave"
param = [{ name = "turn", type = "bool" }]
[[call]]
path = "loco.Move"
summary = "run"
source = "page"
param = [
  { name = "vx", type = "float", min = -1.0, max = 1.0, source = "page" },
  { name = "vy", type = "float", min = -1.0, max = 1.0, source = "page" },
  { name = "endless", type = "bool", deny = [true], deny_reason = "ten days", source = "page" },
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


def build(folder: Path, old: str = "", new: str = "", source: str = SDK) -> Profile:
    """The profile of the overlay, `old` in it replaced by `new`, and of a wheel, which it pins."""
    assert old in OVERLAY
    made, path = wheel(folder, source), folder / "dog.toml"
    pin = hashlib.sha256(made.read_bytes()).hexdigest()
    path.write_text(OVERLAY.replace("{sha256}", pin).replace(old, new, 1))
    return build_profile(path, {"sdk": made})
