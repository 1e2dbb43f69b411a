"""The folder of one robot and task: where its prompts, profile, scenes, cases and adapters are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints

from harness.cases import Case, Name, load_cases
from harness.errors import InputError
from harness.files import STRICT, read_toml, read_whole, validated

PACK_FILE = "gonogo.toml"
PROMPTS = ("plain", "card")
NOT_SIMULATED = (
    "Nothing is simulated, for the pack has no robot module: right are the calls of a reference, with its arguments, "
    "in its order. Whether the robot could carry them out is not judged."
)


@dataclass(frozen=True, kw_only=True)
class PackSection:
    """`[pack]` of a pack file; paths are relative to it.

    Attributes:
        name: What results call it, and the journal's file.
        robot: The robot module: a Python file or a package without its suffix. It is code of the user's own. None
            where nothing is simulated and answers are held against the references' calls.
        asks: Where there is no robot module, the path of the call that asks the operator.
        declines: The same of the call that declines.
        heldout: Files of cases.
        scenes: Folder of the scenes; None where the pack has none.
        profile: The allowed calls, as `gonogo sdk build` compiles them.
        task_prompt: What the model is for: the brief of a teacher that writes training examples.
        system_prompt: The system message of `--prompt plain`.
        card_prompt: The system message of `--prompt card`.
        adapters: Adapter name -> GGUF file, served as `local:smollm2-135m+<name>`.
        default_model: Spec of the model that `pytest suites/` judges where none is named; the path of a recording is
            relative to the pack. Empty where the pack names none.
        words: Tables of words by which what a robot says is judged; None where the pack has none.
        teacher: The Python module that makes training examples for the pack; None where it has none.
    """

    __pydantic_config__ = STRICT

    name: Annotated[str, StringConstraints(pattern=r"^\w[\w.+-]{0,99}$")]
    heldout: tuple[Path, ...]
    profile: Path
    task_prompt: Path
    system_prompt: Path
    card_prompt: Path
    robot: Path | None = None
    asks: str = ""
    declines: str = ""
    scenes: Path | None = None
    adapters: Mapping[Name, Path] = field(default_factory=dict)
    default_model: str = ""
    teacher: Path | None = None
    words: Path | None = None

    def __post_init__(self) -> None:
        """ValueError where the robot module and the pack file would both say which calls ask and decline."""
        if self.robot is not None and (self.asks or self.declines):
            raise ValueError("'asks' and 'declines' are the robot module's to say: leave them out here")


@dataclass(frozen=True, kw_only=True)
class _PackFile:
    """A pack file; `harness.config` reads the rest of it as the settings' defaults."""

    __pydantic_config__ = STRICT

    pack: PackSection
    settings: Mapping[str, Any] = field(default_factory=dict)
    decoding: Mapping[str, Any] = field(default_factory=dict)
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    arms: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pack(PackSection):
    """One pack: its section with the paths resolved, where it is, and the parsed file."""

    root: Path
    raw: Mapping[str, Any] = field(repr=False)

    def cases(self) -> list[Case]:
        """All held-out cases, file after file.

        Raises:
            InputError: as `load_cases`, or an id that two files share.
        """
        cases: list[Case] = []
        origin: dict[str, Path] = {}
        for path in self.heldout:
            for case in load_cases(path):
                if case.id in origin:
                    raise InputError(
                        f"the id {case.id!r} is already used in {origin[case.id]}",
                        path=path,
                        line=case.line,
                        hint="give each case an id of its own",
                    )
                origin[case.id] = path
                cases.append(case)
        return cases


def bundled(name: str) -> Path:
    """Where top-level data (`datasets`, `suites`, `reports/templates`) is: inside a wheel, or in the checkout."""
    package = Path(__file__).resolve().parent
    packaged = package / "_bundled" / name
    return packaged if packaged.exists() else package.parent / name


def pack_here() -> str:
    """The pack that is meant where none is named: the one in this folder or in its `pack/`, else the shipped go2.

    Raises:
        InputError: a pack file that is no TOML.
    """
    return next((str(folder) for folder in (Path(), Path("pack")) if _holds_pack(folder)), "go2")


def _holds_pack(folder: Path) -> bool:
    # A gonogo.toml without [pack] is a user's settings.
    return (folder / PACK_FILE).is_file() and "pack" in read_toml(folder / PACK_FILE)


def load_pack(name_or_path: str | Path = "go2") -> Pack:
    """Find a pack by folder, or by name under the shipped `datasets/`, and read its pack file.

    Raises:
        InputError: no such pack, or a pack file that cannot be used.
    """
    root = Path(name_or_path)
    if not (root / PACK_FILE).is_file():
        root = bundled("datasets") / str(name_or_path)
    path = root / PACK_FILE
    if not path.is_file():
        shipped = sorted(p.parent.name for p in bundled("datasets").glob(f"*/{PACK_FILE}"))
        raise InputError(
            f"there is no pack {str(name_or_path)!r}",
            hint=f"name a folder that holds a {PACK_FILE}, or a shipped pack: {', '.join(shipped)}",
        )
    raw = read_toml(path)
    section = validated(_PackFile, raw, path, "a pack file").pack
    around = root.resolve().parent
    # A pack within another pack, as one of development commands, may name what that one holds.
    fence = around if _holds_pack(around) else root.resolve()

    def resolved(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(resolved, value))
        if isinstance(value, dict):
            return {name: resolved(entry) for name, entry in value.items()}
        if isinstance(value, Path) and not (root / value).resolve().is_relative_to(fence):
            line = next((n for n, text in enumerate(read_whole(path).split("\n"), start=1) if str(value) in text), None)
            hint = "a pack holds what it names"
            raise InputError(f"{str(value)!r} is outside the pack's folder", path=path, line=line, hint=hint)
        return root / value if isinstance(value, Path) else value

    return Pack(**{one.name: resolved(getattr(section, one.name)) for one in fields(section)}, root=root, raw=raw)


def system_message(pack: Pack, prompt: str = "plain") -> str:
    """The system message that models are asked with.

    Args:
        pack: Whose prompts to use.
        prompt: `plain` for the task alone, `card` for the task with every allowed call, so that a model that was
            never fine-tuned can be compared fairly; or a file of one's own. `{{ system }}` stands for the task,
            `{{ card }}` for the calls and `{{ rules }}` for the robot module's sentences on how they behave.

    Raises:
        InputError: neither a prompt of the pack nor a file, one that cannot be read, or a profile or robot module
            that cannot be used.
    """
    if prompt not in PROMPTS and not Path(prompt).is_file():
        raise InputError(f"there is no prompt {prompt!r}", hint=f"{', '.join(PROMPTS)}, or a text file")
    system = _read_prompt(pack.system_prompt)
    if prompt == "plain":
        return system
    text = _read_prompt(pack.card_prompt if prompt == "card" else Path(prompt)).replace("{{ system }}", system)
    if "{{ card }}" in text:
        from harness.sdk.card import card
        from harness.sdk.profile import load_profile

        text = text.replace("{{ card }}", card(load_profile(pack.profile)))
    if "{{ rules }}" in text:
        from harness.simulation import load_robot

        sentences = dict.fromkeys(rule.tell for rule in load_robot(pack).rules.values())
        # What the template says itself is not said twice.
        text = text.replace("{{ rules }}", "\n".join(f"- {one}" for one in sentences if one not in text))
    return text


def _read_prompt(path: Path) -> str:
    return read_whole(path, hint="it is the prompt: restore it").strip()


def messages(system: str, command: str) -> tuple[dict[str, str], ...]:
    """System message and command as chat messages, the same for every model of a comparison."""
    return ({"role": "system", "content": system}, {"role": "user", "content": command})
