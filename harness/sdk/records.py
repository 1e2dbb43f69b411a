"""Records as JSON and TOML hold them: read strictly by pydantic, written without the fields that hold their default.

The records are plain frozen dataclasses, for speed where they are used; each carries `STRICT`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError


def read_json(path: Path, what: str, schema: str) -> dict[str, Any]:
    """The object of a JSON file of ours, its `schema` checked and taken out.

    Raises:
        InputError: the file cannot be read, is not JSON, or is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "Profiles are made by `gonogo sdk build`."
        raise InputError(f"cannot be read: {error.strerror}", path=path, hint=hint) from error
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error.msg}", path=path, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not {what}: {error}", path=path) from error
    found = data.pop("schema", None) if isinstance(data, dict) else None
    if found != schema:
        raise InputError(f"is not {what}: schema is {found!r}, expected {schema!r}", path=path)
    return data  # type: ignore[no-any-return]  # an object, or its schema were not found


def lean(value: Any) -> Any:  # one of our records, a tuple of them, or a JSON scalar
    """A record as its JSON object, without the fields that hold their default."""
    if is_dataclass(value):
        held = ((f, getattr(value, f.name)) for f in fields(value))
        return {f.name: lean(item) for f, item in held if not _is_default(f, item)}
    if isinstance(value, tuple):
        return [lean(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _is_default(of: Field[Any], value: object) -> bool:
    if of.default_factory is not MISSING:
        return bool(value == of.default_factory())
    # `is` for bools and None, so that a default of 0 or 0.0 is not taken for False.
    return of.default is not MISSING and value == of.default and type(value) is type(of.default)
