"""The folder of one robot and task: where its prompts, profile, scenes, cases and adapters are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cases import Case, load_cases
from harness.errors import InputError
from harness.files import read_toml

PACK_FILE = "gonogo.toml"
PROMPTS = ("plain", "card")


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack, paths resolved.

    Attributes:
        robot: The robot module: a Python file or a package without its suffix. It is code of the user's own.
        scenes: Folder of the scenes; None where the pack has none.
        adapters: Adapter name -> GGUF file, served as `local:smollm2-135m+<name>`.
        default_model: Spec of the model that `pytest suites/` judges where none is named; the path of a recording is
            relative to the pack. Empty where the pack names none.
        teacher: The Python module that makes training examples for the pack; None where it has none.
        raw: The parsed pack file; its [settings] and [decoding] are the defaults of `harness.config`.
    """

    name: str
    robot: Path
    root: Path
    heldout: tuple[Path, ...]
    scenes: Path | None
    profile: Path
    task_prompt: Path
    system_prompt: Path
    card_prompt: Path
    adapters: Mapping[str, Path]
    default_model: str
    teacher: Path | None
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
    section = raw.get("pack")
    if not isinstance(section, dict):
        raise InputError("the [pack] section is missing", path=path, hint="see datasets/go2/gonogo.toml")
    keys = {
        "name": str,
        "robot": str,
        "heldout": list,
        "scenes": str,
        "profile": str,
        "task_prompt": str,
        "system_prompt": str,
        "card_prompt": str,
        "adapters": dict,
        "default_model": str,
        "teacher": str,
    }
    optional = {"scenes": "", "adapters": {}, "default_model": "", "teacher": ""}
    for key, kind in keys.items():
        if not isinstance(section.get(key, optional.get(key)), kind):
            raise InputError(
                f"[pack] needs {key!r} as a {kind.__name__}", path=path, hint="see datasets/go2/gonogo.toml"
            )
    return Pack(
        name=section["name"],
        robot=root / section["robot"],
        root=root,
        heldout=tuple(root / str(entry) for entry in section["heldout"]),
        scenes=root / section["scenes"] if section.get("scenes") else None,
        profile=root / section["profile"],
        task_prompt=root / section["task_prompt"],
        system_prompt=root / section["system_prompt"],
        card_prompt=root / section["card_prompt"],
        adapters={name: root / str(entry) for name, entry in section.get("adapters", {}).items()},
        default_model=section.get("default_model", ""),
        teacher=root / section["teacher"] if section.get("teacher") else None,
        raw=raw,
    )


Messages = tuple[dict[str, str], ...]


def system_message(pack: Pack, prompt: str = "plain") -> str:
    """The system message that models are asked with.

    Args:
        pack: Whose prompts to use.
        prompt: `plain` for the task alone, `card` for the task with every allowed call, so that a model that was
            never fine-tuned can be compared fairly; or a file of one's own, in which `{{ system }}` and `{{ card }}`
            stand for the two.

    Raises:
        InputError: neither a prompt of the pack nor a file, or a file that cannot be read.
    """
    if prompt not in PROMPTS and not Path(prompt).is_file():
        raise InputError(f"there is no prompt {prompt!r}", hint=f"{', '.join(PROMPTS)}, or a text file")
    system = _read_prompt(pack.system_prompt)
    if prompt == "plain":
        return system
    text = _read_prompt(pack.card_prompt if prompt == "card" else Path(prompt)).replace("{{ system }}", system)
    if "{{ card }}" not in text:
        return text
    from harness.sdk.card import card
    from harness.sdk.profile import load_profile

    return text.replace("{{ card }}", card(load_profile(pack.profile)))


def _read_prompt(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"cannot read the prompt: {error.strerror}", path=path, hint="restore it") from error
    except UnicodeDecodeError:
        raise InputError("the prompt is not UTF-8 text", path=path, hint="save it as UTF-8") from None


def messages(system: str, command: str) -> Messages:
    """System message and command as chat messages, the same for every model of a comparison."""
    return ({"role": "system", "content": system}, {"role": "user", "content": command})
