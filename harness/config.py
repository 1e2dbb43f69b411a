"""Settings: the pack's defaults, overridden by a gonogo.toml of the user's; keys from the environment or .env."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.files import read_toml
from harness.models.endpoint_settings import EndpointSettings, read_endpoints
from harness.pack import Pack

CONFIG_FILE = "gonogo.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configurable, in one place; the fields' meaning is told in datasets/go2/gonogo.toml.

    Attributes:
        base_model: BASE_MODEL.
        candidate_model: CANDIDATE_MODEL.
        data_model: DATA_MODEL, the teacher.
        temperature: TEMPERATURE of the teacher, 0 to 2.
        number_of_examples: NUMBER_OF_EXAMPLES to generate.
        decoding_temperature: Of the models under test.
        max_tokens: Completion tokens at most.
        seed: Sampling seed sent with each request.
        samples: Answers per case and model.
        endpoints: Name -> server.
    """

    base_model: str
    candidate_model: str
    data_model: str
    temperature: float
    number_of_examples: int
    decoding_temperature: float
    max_tokens: int
    seed: int
    samples: int
    endpoints: Mapping[str, EndpointSettings]
    _environment: Mapping[str, str] = field(repr=False)  # holds keys: never shown

    def secret(self, name: str) -> str | None:
        """Value of an environment variable, or of the same name in .env; None where neither has one."""
        return self._environment.get(name) or None


# Config key -> (section, field, type, lowest, highest)
_KEYS: dict[str, tuple[str, str, type, float | None, float | None]] = {
    "BASE_MODEL": ("settings", "base_model", str, None, None),
    "CANDIDATE_MODEL": ("settings", "candidate_model", str, None, None),
    "DATA_MODEL": ("settings", "data_model", str, None, None),
    "TEMPERATURE": ("settings", "temperature", float, 0, 2),
    "NUMBER_OF_EXAMPLES": ("settings", "number_of_examples", int, 1, None),
    "temperature": ("decoding", "decoding_temperature", float, 0, 2),
    "max_tokens": ("decoding", "max_tokens", int, 1, None),
    "seed": ("decoding", "seed", int, 0, None),
    "samples": ("decoding", "samples", int, 1, None),
}


def load_settings(pack: Pack, config: Path | None = None, directory: Path | None = None) -> Settings:
    """Merge the pack's defaults, the user's gonogo.toml and the environment.

    Args:
        pack: Its file gives the defaults.
        config: The user's file; by default `gonogo.toml` in `directory`, if there is one.
        directory: Where the user works; by default the current one. Its `.env` is read too.

    Raises:
        InputError: unknown key, wrong type or value out of range, with the file it is in.
    """
    directory = directory or Path.cwd()
    if config is not None and not config.is_file():
        raise InputError("there is no such configuration file", path=config, hint="check --config")
    values = _read_values(pack.raw, pack.root / CONFIG_FILE)
    endpoints = read_endpoints(pack.raw, pack.root / CONFIG_FILE)
    own = config or directory / CONFIG_FILE
    if own.is_file() and own.resolve() != (pack.root / CONFIG_FILE).resolve():
        raw = read_toml(own)
        unknown = set(raw) - {"settings", "decoding", "endpoints", "pack"}
        if unknown:
            raise InputError(
                f"unknown section [{min(unknown)}]",
                path=own,
                hint="sections are [settings], [decoding] and [endpoints.NAME]",
            )
        values |= _read_values(raw, own)
        endpoints |= read_endpoints(raw, own)
    missing = sorted(key for key, (_, name, *_) in _KEYS.items() if name not in values)
    if missing:
        raise InputError(
            f"the setting {missing[0]} is missing",
            path=pack.root / CONFIG_FILE,
            hint="add it to the pack file",
        )
    return Settings(**values, endpoints=endpoints, _environment=_environment(directory))


def _environment(directory: Path) -> dict[str, str]:
    path = directory / ".env"
    from_file: dict[str, str | None] = {}
    if path.is_file():
        from dotenv import dotenv_values

        from_file = dotenv_values(path)
    return {name: value for name, value in from_file.items() if value} | dict(os.environ)


def _read_values(raw: Mapping[str, Any], path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for section in ("settings", "decoding"):
        table = raw.get(section, {})
        known = sorted(key for key, entry in _KEYS.items() if entry[0] == section)
        if not isinstance(table, dict):
            raise InputError(f"[{section}] must be a table", path=path, hint=f"with the keys {', '.join(known)}")
        for key, value in table.items():
            if key not in known:
                raise InputError(
                    f"unknown key {key!r} in [{section}]", path=path, hint=f"known keys: {', '.join(known)}"
                )
            values[_KEYS[key][1]] = _typed(key, value, path)
    return values


def _typed(key: str, value: Any, path: Path) -> Any:
    _, _, kind, low, high = _KEYS[key]
    number = kind in (int, float)
    fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
    if fits and number:
        fits = (low is None or low <= value) and (high is None or value <= high)
    if not fits:
        bounds = f" from {low} up" if number and high is None else f" from {low} to {high}" if number else ""
        raise InputError(f"{key} = {value!r} is not usable", path=path, hint=f"{key} is a {kind.__name__}{bounds}")
    return float(value) if kind is float else value
