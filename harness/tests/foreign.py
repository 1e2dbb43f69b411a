"""For tests with other people's servers: the go2 pack's right answers, and a gonogo.toml that names a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.pack import load_pack


@cache
def references() -> Mapping[str, str]:
    """Command -> the first right answer of the go2 pack."""
    return {case.command: json.dumps(list(case.references[0])) for case in load_pack("go2").cases()}


def right(body: dict[str, Any]) -> str:
    """What a perfect model answers."""
    return references()[str(body["messages"][-1]["content"])]


def endpoint(folder: Path, base_url: str, extra: str = "", name: str = "m1") -> None:
    """Write a gonogo.toml that names one endpoint."""
    (folder / "gonogo.toml").write_text(f'[endpoints.{name}]\nbase_url = "{base_url}"\n{extra}', encoding="utf-8")
