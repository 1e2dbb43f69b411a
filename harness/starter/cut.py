"""A first project of one's own: a small pack, suites, a policy and a CI workflow, cut from a shipped pack.

The recorded answers are those of the shipped recordings to the chosen commands; nothing is made up.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cases import CASE_FIELDS, Case, cases_hash, select
from harness.config import load_settings
from harness.errors import InputError
from harness.files import read_json, read_jsonl, write_whole
from harness.pack import Pack
from harness.simulation.load import robot_file, robot_sources
from harness.starter.project import fill, fresh, project_names, write_around

COMMANDS = 15  # one of each category, as far as they go
_RECORDED = "recorded:"
_MANIFEST = ".manifest.json"
_WORDS = '\nwords = "words.toml"                     # by which what a robot says is judged'


def write_starter(source: Pack, folder: Path) -> None:
    """Write a project cut from a pack, which needs recordings of its default model and of BASE_MODEL."""
    settings = load_settings(source, directory=source.root)
    recordings = _recordings(source, settings.base_model)
    with fresh(folder):
        robot_file(source)  # what it lacks is said before anything is written
        cases = choose(source.cases())
        names = project_names(folder, settings, *(path.name for path in recordings)) | {
            "MODULE": source.robot.name if source.robot else "",
            "SOURCE": source.name,
            "WORDS": _WORDS if source.words else "",
            "PROFILE": source.profile.name,
            "CASES": str(len(cases)),
        }
        _write_pack(source, folder / "pack", cases, names, recordings)
        write_around(folder, names, readme="README.md")


def choose(cases: Sequence[Case]) -> list[Case]:
    """`COMMANDS` of one scene, the one that has most categories, even over these."""
    categories = Counter(scene for scene, _ in {(case.scene, case.category) for case in cases})
    scene = max(sorted(categories), key=lambda name: categories[name])
    return select([case for case in cases if case.scene == scene], sample=COMMANDS)


def _recordings(source: Pack, base_model: str) -> tuple[Path, Path]:
    """Recordings of the default model and of the base model."""
    base = base_model.partition(":")[2]
    default = source.default_model
    if not default.startswith(_RECORDED):
        raise InputError(
            f"the default_model of the pack {source.name!r} is no recording",
            path=source.root,
            hint="name a pack that ships recorded answers",
        )
    found = (source.root / default.removeprefix(_RECORDED), source.root / "recordings" / f"{base}.plain.jsonl")
    for path in found:
        if not path.is_file():
            raise InputError(
                "the pack lacks this recording", path=path, hint="`gonogo run MODEL --record FILE` makes one"
            )
    return found


def _write_pack(
    source: Pack, root: Path, cases: Sequence[Case], names: Mapping[str, str], recordings: Sequence[Path]
) -> None:
    fill("pack/gonogo.toml", root / "gonogo.toml", names)
    # What a case leaves out stays out; `"dangerous": false` is no such thing.
    records = [
        {name: value for name in CASE_FIELDS if (value := getattr(case, name)) or value is False} for case in cases
    ]
    write_whole(root / "heldout.jsonl", "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records))
    robot = robot_file(source)
    copies = {
        **{file: root / file.relative_to(robot.parents[robot.name == "__init__.py"]) for file in robot_sources(robot)},
        source.profile: root / "profiles" / source.profile.name,
        source.task_prompt: root / "prompts" / "task.md",
        source.system_prompt: root / "prompts" / "system.md",
        source.card_prompt: root / "prompts" / "card.md",
    }
    if source.scenes:
        copies[source.scenes / f"{cases[0].scene}.toml"] = root / "scenes" / f"{cases[0].scene}.toml"
    if source.words:
        copies[source.words] = root / "words.toml"
    for original, copy in copies.items():
        write_whole(copy, original.read_bytes())
    for recording in recordings:
        _cut_recording(recording, root / "recordings" / recording.name, cases)


def _cut_recording(original: Path, copy: Path, cases: Sequence[Case]) -> None:
    """The lines of these cases, and the manifest with what is true of them."""
    ids = {case.id for case in cases}
    records = (record for _, record in read_jsonl(original, "the recording", line_hint="restore the recording"))
    kept = [record for record in records if record.get("case_id", record.get("id")) in ids]
    body = "".join(json.dumps(record) + "\n" for record in kept).encode()
    write_whole(copy, body)
    manifest = original.with_name(original.name + _MANIFEST)
    if manifest.is_file():
        stated = read_json(manifest)
        hashes = {"recording_sha256": hashlib.sha256(body).hexdigest(), "cases_sha256": cases_hash(cases)}
        stated |= {"cases": len(ids), "cut_from": original.name, **hashes}
        write_whole(copy.with_name(copy.name + _MANIFEST), json.dumps(stated, indent=1) + "\n")
