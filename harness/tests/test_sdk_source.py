"""Reading SDK source: nothing imported, nothing guessed, and no source too deep for the parser."""

from __future__ import annotations

import hashlib
import tarfile
import time
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.sdk.docstring import range_in, told_of
from harness.sdk.param_types import from_annotation
from harness.sdk.signatures import Method, Parameter, read_signatures
from harness.sdk.source import open_source
from harness.tests.dog import SDK, SPEC, checkout, wheel


@pytest.mark.parametrize("kind", ["wheel", "sdist", "folder"])
def test_wheel_sdist_and_folder_give_the_same_signatures(kind: str, tmp_path: Path) -> None:
    """Wherever the source lies, the same facts are read, and the module is not imported; a base's methods are found."""
    path = wheel(tmp_path) if kind == "wheel" else checkout(tmp_path)
    if kind == "sdist":
        with tarfile.open(tmp_path / "dog_sdk-1.0.tar.gz", "w:gz") as archive:
            archive.add(path, "dog_sdk-1.0/src")
        path = tmp_path / "dog_sdk-1.0.tar.gz"
    signatures = open_source(SPEC, path, pinned=False)
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
    params = (
        Parameter("vx", "positional_or_keyword", "float", None),
        Parameter("vy", "positional_or_keyword", "float", "0.0"),
        Parameter("flag", "keyword_only", "bool", "True"),
        Parameter("rest", "var_keyword", None, None),
    )
    assert move == Method(SDK[: SDK.index("def Move")].count("\n") + 1, params)
    assert move.text("Move") == "Move(vx: float, vy: float = 0.0, flag: bool = True, **rest)"
    read = {name: method.params for kind in ("Dog", "<module>") for name, method in file.classes[kind].items()}
    assert [p.kind for p in read["Bark"]] == ["positional_only", "positional_or_keyword"]
    assert [[p.name for p in read[name]] for name in ("Flip", "spin")] == [["args"], ["node", "timeout_sec"]]
    assert file.bases["Dog"] == ("Client",)


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


# What stands first, what follows it over and over, what ends it, and what closes each.
HOSTILE = [
    ("x = ", "(", "1", ")"), ("x = ", "[", "1", "]"), ("x = ", "-", "1", ""), ("x = ", "not ", "1", ""),
    ("x = ", "1 + ", "1", ""), ("x = ", "a and ", "b", ""), ("x = a", ".b", "", ""), ("x = a", "()", "", ""),
    ("x = ", '"a" ', "", ""), ("x = ", "a if b else ", "c", ""), ("x = ", "lambda: ", "1", ""),
    ("if a: pass\n", "elif a: pass\n", "", ""), ("import a", ".a", "", ""), ("x = 1", ")", "", ""),
    ("#" * (1 << 20), "#", "", ""), ("".join(" " * i + "if a:\n" for i in range(400)) + " " * 400, "a", "", ""),
]  # fmt: skip


@pytest.mark.parametrize("times", [400, 20_000])
@pytest.mark.parametrize("parts", HOSTILE, ids=lambda parts: repr(parts[0][-4:] + parts[1]))
def test_source_nested_too_deep_is_an_error_before_libcst_sees_it(parts: tuple[str, ...], times: int) -> None:
    """The parser would end the process, or take minutes; an SDK has none of this."""
    first, repeated, last, closing = parts
    begun = time.process_time()
    with pytest.raises(InputError, match=r"dog/client\.py:.*(nested too deep|not Python source|1 MiB)"):
        read_signatures("dog/client.py", f"{first}{repeated * times}{last}{closing * times}\n".encode())
    assert time.process_time() - begun < 5
