"""Finds the class that drives a robot in an SDK nobody has described yet: a wheel, an sdist or a folder.

Nothing is imported. Classes are counted by their lines first, so that only the files that matter are parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import InputError
from harness.sdk.signatures import MAX_MEMBER, Method, Signatures, SourceFile, read_signatures
from harness.sdk.source import file_sha256, members

_LINE = re.compile(r"(?:class\s+(\w+)|(?:[ ]{2,4}|\t)(?:async\s+)?def\s+([A-Za-z]\w*))", re.ASCII)
_STATED = re.compile(r"(Name|Version|License|License-Expression): (.+)")


@dataclass(frozen=True, slots=True)
class Found:
    """The class, and what was read of it."""

    class_name: str
    signatures: Signatures  # of the class and its bases, as far as the SDK holds them
    others: tuple[str, ...]  # further classes by how many public methods they have, the most first
    sha256: str  # of the wheel or sdist; empty for a folder

    def methods(self) -> dict[str, Method]:
        """Public methods and properties, in source order; inherited ones behind."""
        found: dict[str, Method] = {}
        for file in self.signatures.files:
            for methods in file.classes.values():
                found = {**{name: one for name, one in methods.items() if not name.startswith("_")}, **found}
        own = self.signatures.methods(self.class_name)
        return own | {name: method for name, method in found.items() if name not in own}


def find_class(path: Path, wanted: str = "") -> Found:
    """Read a class of a wheel, sdist or folder; the one with the most public methods where none is `wanted`."""
    stated = {"Name": _plain(path.resolve().name.partition("-")[0]), "Version": "unversioned", "License": "see the SDK"}
    texts: dict[str, bytes] = {}
    with members(path) as (names, open_member):
        for name in sorted(names):
            if name.endswith((".py", "/METADATA", "/PKG-INFO")) and (stream := open_member(name)):
                with stream:
                    texts[name] = stream.read(MAX_MEMBER + 1)
    for name in [name for name in texts if not name.endswith(".py")]:
        head = texts.pop(name).decode("utf-8", errors="replace").partition("\n\n")[0]
        stated |= {key.partition("-")[0]: _plain(value) for key, value in _STATED.findall(head)}
    counted = _counted(texts)
    ranked = sorted(counted, key=lambda one: (-counted[one], one[0].count("/"), one))
    chosen = next((one for one in ranked if wanted in ("", one[1]) and counted[one]), None)
    if chosen is None:
        shown = ", ".join(f"{name} ({counted[file, name]} methods)" for file, name in ranked[:8])
        what = f"class {wanted!r}" if wanted else "class with a public method"
        raise InputError(f"has no {what}", path=path, hint=f"It has {shown or 'none'}.")
    files = _with_bases(*chosen, texts, counted)
    origin = _plain(path.name if path.is_file() else f"the folder {path.resolve().name}")
    signatures = Signatures(stated["Name"], stated["Version"], origin, stated["License"], files)
    others = tuple(dict.fromkeys(name for _, name in ranked if name != chosen[1]))
    return Found(chosen[1], signatures, others, file_sha256(path) if path.is_file() else "")


def _plain(text: str) -> str:
    """A name or version as it can stand in any file."""
    return re.sub(r"[^\w .,+()/-]+", "_", text.strip())[:80]


def _counted(texts: Mapping[str, bytes]) -> dict[tuple[str, str], int]:
    """(file, class) -> its public methods, by the lines that begin them."""
    counted: dict[tuple[str, str], int] = {}
    for file, data in texts.items():
        within = ("", "")
        for line in data.decode("utf-8", errors="replace").split("\n"):
            if found := _LINE.match(line):
                if found[1]:
                    within = (file, found[1])
                    counted.setdefault(within, 0)
                elif within in counted:
                    counted[within] += 1
            elif line[:1].isalpha():
                within = ("", "")
    return counted


def _with_bases(
    file: str, class_name: str, texts: Mapping[str, bytes], counted: Mapping[tuple[str, str], int]
) -> tuple[SourceFile, ...]:
    """The class's file and those of its bases, each with these classes alone."""
    read: dict[str, SourceFile] = {}
    kept: dict[str, set[str]] = {}
    waiting = [(file, class_name)]
    for at, name in waiting:  # grows while bases are found
        if name in kept.get(at, ()):
            continue
        kept.setdefault(at, set()).add(name)
        read[at] = read.get(at) or read_signatures(at, texts[at])
        bases = [base.rpartition(".")[2] for base in read[at].bases.get(name, ())]
        places = [next((one for one in counted if one == (at, base) or one[1] == base), None) for base in bases]
        waiting += [place for place in places if place is not None]
    return tuple(
        replace(
            one,
            classes={name: one.classes[name] for name in one.classes if name in kept[at]},
            bases={name: one.bases[name] for name in one.bases if name in kept[at]},
        )
        for at, one in read.items()
    )
