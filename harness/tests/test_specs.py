"""Model specs: what they mean, and what a user is told about one that means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.config import ArmSettings, Settings, load_settings
from harness.errors import InputError
from harness.models.connect import connect, connect_all
from harness.models.specs import ModelSpec, arm_of, parse_spec
from harness.pack import load_pack

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with two endpoints, one of which needs a key; no key of OpenAI's."""
    for name in ("OPENAI_API_KEY", "LAB_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "gonogo.toml").write_text(
        '[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "LAB_KEY"\n'
        '[endpoints.vllm]\nbase_url = "http://127.0.0.1:9/v1"\nconcurrency = 3\n',
        encoding="utf-8",
    )
    return load_settings(load_pack("go2"), directory=tmp_path)


@pytest.fixture
def adapters(tmp_path: Path) -> dict[str, Path]:
    """One adapter file."""
    path = tmp_path / "go2.gguf"
    path.write_bytes(b"first training")
    return {"go2": path}


def test_local_models(settings: Settings, adapters: dict[str, Path]) -> None:
    """The embedded model, with and without adapter, needs no key; a retrained adapter is another revision."""
    base = parse_spec("local:smollm2-135m", settings, adapters)
    tuned = parse_spec("local:smollm2-135m+go2", settings, adapters)
    assert (base.kind, base.model, base.adapter, base.revision) == ("local", "smollm2-135m", None, "")
    assert (tuned.model, tuned.adapter) == ("smollm2-135m+go2", adapters["go2"])
    adapters["go2"].write_bytes(b"second training")
    assert "" != tuned.revision != parse_spec("local:smollm2-135m+go2", settings, adapters).revision


def test_ids_keep_their_colons(settings: Settings) -> None:
    """All after the first colon is the model id; a name of gonogo.toml gives address and concurrency, without a key."""
    spec = parse_spec("openai:ft:gpt-4.1-mini-2025-04-14:org::id", _with_keys(settings))
    assert (spec.kind, spec.model) == ("openai", "ft:gpt-4.1-mini-2025-04-14:org::id")
    assert spec.base_url == "https://api.openai.com/v1"
    spec = parse_spec("vllm:meta/llama:8b", settings)
    assert (spec.kind, spec.model, spec.settings.concurrency) == ("endpoint", "meta/llama:8b", 3)
    with connect(spec, settings) as endpoint:
        assert endpoint.base_url == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("text", "model", "prompt", "label"),
    [
        ("lab:m", "lab:m", None, "lab:m"),
        ("lab:m@card", "lab:m", "card", "lab:m@card"),
        ("recorded:a/b.jsonl@plain", "recorded:a/b.jsonl", "plain", "recorded:a/b.jsonl@plain"),
        ("lab:m@my/own.md", "lab:m", "my/own.md", "lab:m@my/own.md"),
        ("lab:claude@20240620", "lab:claude@20240620", None, "lab:claude@20240620"),
        ("lab:claude@20240620@card", "lab:claude@20240620", "card", "lab:claude@20240620@card"),
        ("lab:@cf/meta/llama", "lab:@cf/meta/llama", None, "lab:@cf/meta/llama"),
        ("new", "vllm:m", "card", "new"),
        ("new@plain", "vllm:m", "plain", "new@plain"),
        ("old", "local:smollm2-135m", None, "as it was"),
        ("none", "none", None, "none"),
    ],
)
def test_a_model_an_arm_or_either_with_a_prompt(
    settings: Settings, text: str, model: str, prompt: str | None, label: str
) -> None:
    """MODEL@PROMPT is taken apart only where what follows is a prompt; an arm's name brings what its table says."""
    arms = {"new": ArmSettings("vllm:m", "card"), "old": ArmSettings("local:smollm2-135m", label="as it was")}
    arm = arm_of(text, replace(settings, arms=arms))
    assert (arm.model, arm.prompt, arm.label) == (model, prompt, label)


def test_recording(settings: Settings, tmp_path: Path) -> None:
    """A recording must be there when it is named, not first when it is read; nothing can be asked of it."""
    path = tmp_path / "old.jsonl"
    path.write_text("", encoding="utf-8")
    spec = parse_spec(f"recorded:{path}", settings)
    assert spec.path == path
    with pytest.raises(InputError, match="is a recording"), connect(spec):
        pass
    with pytest.raises(InputError, match="no such recording"):
        parse_spec(f"recorded:{tmp_path}/none.jsonl", settings)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("local:smolm2-135m", "did you mean local:smollm2-135m?"),
        ("local:smollm2-135m+g02", r"did you mean local:smollm2-135m\+go2?"),
        ("opnai:gpt-4.1", "did you mean openai:gpt-4.1?"),
        ("vlm:llama", "did you mean vllm:llama?"),
        ("gpt-4.1", r"known here: local:smollm2-135m, local:smollm2-135m\+go2, .*lab:<model id>, vllm:<model id>"),
        ("openai:", "known here"),
        ("", "known here"),
        ("zzz:x", "known here"),
    ],
)
def test_unknown_specs_name_the_nearest(text: str, nearest: str, settings: Settings, adapters: dict[str, Path]) -> None:
    """A slip is answered with what was probably meant, anything else with all that is known."""
    with pytest.raises(InputError, match=nearest):
        parse_spec(text, settings, adapters)


@pytest.mark.parametrize(("text", "variable"), [("openai:gpt-4.1", "OPENAI_API_KEY"), ("lab:m", "LAB_KEY")])
def test_a_missing_key_names_variable_and_file(text: str, variable: str, settings: Settings) -> None:
    """The message says which variable to set and that .env will do."""
    with pytest.raises(InputError, match=rf"{variable}(.|\n)*\.env"):
        parse_spec(text, settings)


@pytest.mark.parametrize("key", ["sk-\u043a\u043b\u044e\u0447", "sk-a b", "sk-a\nb"])
def test_a_key_that_cannot_be_sent_is_named_not_shown(key: str, settings: Settings) -> None:
    """A key spoilt in copying is told by its variable before anything is asked."""
    settings = replace(settings, _environment={"LAB_KEY": key})
    with pytest.raises(InputError, match="LAB_KEY cannot be sent") as caught:
        parse_spec("lab:m", settings)
    assert key not in str(caught.value)


def test_no_key_is_ever_shown(settings: Settings) -> None:
    """Neither the spec, the settings nor the open endpoint show the key when printed."""
    settings = _with_keys(settings)
    spec = parse_spec("lab:m", settings)
    with connect(spec, settings) as endpoint:
        assert endpoint.key == KEY
        assert KEY not in f"{spec!r} {spec} {settings!r} {endpoint!r} {endpoint}"


def test_local_models_share_one_server(adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started at the first use, with the adapters of all, and ends with the context."""
    events: list[object] = []

    @contextmanager
    def serve(adapters: dict[str, Path]) -> Iterator[SimpleNamespace]:
        events.append(adapters)
        yield SimpleNamespace(base_url="http://127.0.0.1:9/v1")
        events.append("ended")

    monkeypatch.setattr("harness.models.embedded.serve", serve)
    base = ModelSpec("local:m", "local", "m")
    tuned = ModelSpec("local:m+go2", "local", "m+go2", adapter=adapters["go2"])
    with connect_all([base, tuned], None) as opened:
        assert events == []
        for spec in (base, tuned, base):
            with opened(spec) as endpoint:
                assert (endpoint.base_url, endpoint.model) == ("http://127.0.0.1:9/v1", spec.model)
        assert events == [adapters]
    assert events == [adapters, "ended"]


def _with_keys(settings: Settings) -> Settings:
    return replace(settings, _environment={"LAB_KEY": KEY, "OPENAI_API_KEY": KEY})
