"""Settings: defaults of the pack, overrides of the user, and keys that never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import EndpointSettings, load_settings
from harness.errors import InputError
from harness.pack import Pack, load_pack


def test_a_file_of_the_users_overrides_the_pack_and_adds_endpoints(tmp_path: Path) -> None:
    """The named settings have defaults without it; gonogo.toml in the working folder wins over them, key by key."""
    settings = load_settings(load_pack("go2"), directory=tmp_path)
    assert settings.base_model == "local:smollm2-135m"
    assert settings.data_model.startswith("openai:")
    assert 0 <= settings.temperature < 1
    assert settings.number_of_examples >= 10
    (tmp_path / "gonogo.toml").write_text(
        '[settings]\nTEMPERATURE = 1\n[endpoints.vllm]\nbase_url = "http://127.0.0.1:1/v1"\n', encoding="utf-8"
    )
    settings = load_settings(load_pack("go2"), directory=tmp_path)
    assert settings.temperature == 1.0
    assert settings.base_model == "local:smollm2-135m"
    assert settings.endpoints == {"vllm": EndpointSettings("http://127.0.0.1:1/v1")}


SERVER = '[endpoints.x]\nbase_url = "http://h/v1"\n'
ARM = '[arms.a]\nmodel = "local:m"\n'
NO_ADDRESS = "endpoints.x: base_url is not an http address"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[arms.a]\n", 1, "arms.a.model: Field required"),
        (ARM + 'prompts = "card"\n', 3, "arms.a: unknown key 'prompts'"),
        (ARM + 'answer_form = "json"\n', 3, "arms.a.answer_form: Input should be 'text', 'constrained' or 'tools'"),
        (ARM + "decoding = { max_tokens = 0 }\n", 3, "arms.a.decoding.max_tokens: Input should be greater"),
        (ARM + 'label = "a\\u001b[2J"\n', None, "an arm cannot be called 'a', 'a\\x1b[2J'"),
        ('[arms."a:b"]\nmodel = "local:m"\n', None, "an arm cannot be called 'a:b'"),
        ("[settings\n", None, "not valid TOML: "),
        ("settings = 5\n", 1, "settings: Input should be an object"),
        ("[setings]\n", 1, "unknown key 'setings'\n  known keys: settings, decoding, endpoints, arms"),
        ("[settings]\ntemperatur = 1\n", 2, "settings: unknown key 'temperatur'"),
        ("[settings]\nTEMPERATURE = 3\n", 2, "settings.TEMPERATURE: Input should be less than or equal to 2"),
        ("[settings]\nTEMPERATURE = nan\n", 2, "settings.TEMPERATURE: Input should be a finite number"),
        ("[settings]\nNUMBER_OF_EXAMPLES = true\n", 2, "settings.NUMBER_OF_EXAMPLES: Input should be a valid integer"),
        ("[decoding]\nsamples = 0\n", 2, "decoding.samples: Input should be greater than or equal to 1"),
        ("[endpoints.x]\n", 1, "endpoints.x.base_url: Field required"),
        ('[endpoints.x]\nbase_url = ""\n', 2, "endpoints.x.base_url: String should have at least 1 character"),
        *[
            (f'[endpoints.x]\nbase_url = "{address}"\n', 1, NO_ADDRESS)
            for address in ("localhost:8000", "ftp://host/v1", "http://", "http://[::1/v1", "http://h:9x/v1")
        ],
        ('[endpoints.x]\nbase_url = "http://me:hunter2@host/v1"\n', 1, "base_url holds a user name or password"),
        ('[endpoints.x]\nkind = "azure"\nbase_url = "http://h"\n', 1, 'needs query = { api-version = "2024-10-21" }'),
        ('[endpoints.local]\nbase_url = "http://h/v1"\n', None, "the endpoint name 'local' is taken"),
        (SERVER + 'key = "k"\n', 3, "endpoints.x: unknown key 'key'"),
        (SERVER + "timeout_s = 0\n", 3, "endpoints.x.timeout_s: Input should be greater than 0"),
        (SERVER + "requests_per_minute = inf\n", 3, "endpoints.x.requests_per_minute: Input should be a finite number"),
        (SERVER + "seed = 5\n", 3, "endpoints.x.seed: Input should be 'sent' or 'default'"),
        (SERVER + 'system_role = "tool"\n', 3, "endpoints.x.system_role: Input should be 'system', 'developer' or"),
        (SERVER + "headers = { A = 1 }\n", 3, "endpoints.x.headers.A: Input should be a valid string"),
    ],
)
def test_a_broken_configuration_is_one_message(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    """Each mistake in gonogo.toml is an InputError that names file, line, key and what it must be, and no password."""
    path = tmp_path / "gonogo.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_settings(load_pack("go2"), directory=tmp_path)
    assert str(caught.value).startswith(f"{path}: " if line is None else f"{path}:{line}: ")
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_files_of_an_arm_are_beside_the_settings_that_name_it(tmp_path: Path) -> None:
    """Prompt and recording of an arm are found from any folder; plain, card and other specs stay as they are."""
    (tmp_path / "gonogo.toml").write_text(
        '[arms.old]\nmodel = "recorded:old.jsonl"\nprompt = "own.md"\n[arms.new]\nmodel = "lab:m"\nprompt = "card"\n',
        encoding="utf-8",
    )
    arms = load_settings(load_pack("go2"), directory=tmp_path).arms
    assert (arms["old"].model, arms["old"].prompt) == (f"recorded:{tmp_path}/old.jsonl", f"{tmp_path}/own.md")
    assert (arms["new"].model, arms["new"].prompt) == ("lab:m", "card")


@pytest.mark.parametrize(
    ("arm", "good"),
    [
        ('model = "recorded:recordings/x.jsonl"\nprompt = "prompts/own.md"', True),
        ('model = "local:smollm2-135m"', True),
        ('model = "local:smollm2-135m+/tmp/x.gguf"', False),
        ('model = "openai:gpt-4.1"', False),
        ('model = "lab:m"', False),
        ('model = "recorded:../../x.jsonl"', False),
        ('model = "local:smollm2-135m"\nprompt = "/etc/passwd"', False),
    ],
)
def test_an_arm_of_a_pack_needs_no_endpoint_no_key_and_no_file_of_others(
    tmp_path: Path, arm: str, *, good: bool
) -> None:
    """What a pack's gonogo.toml names as an arm is the embedded model or answers in it; in one's own folder any."""
    pack = make_pack(tmp_path / "pack", arm)
    if good:
        assert str(tmp_path) in load_settings(pack, directory=tmp_path).arms["a"].model or "local" in arm
    else:
        with pytest.raises(InputError, match=r"arms\.a: an arm of a pack is local:, or recorded:"):
            load_settings(pack, directory=tmp_path)
    assert "a" in load_settings(pack, directory=tmp_path / "pack").arms


def make_pack(folder: Path, arm: str) -> Pack:
    """The go2 pack's file with an arm of its own."""
    pack = load_pack("go2")
    folder.mkdir()
    text = (pack.root / "gonogo.toml").read_text(encoding="utf-8")
    (folder / "gonogo.toml").write_text(f"{text}\n[arms.a]\n{arm}\n", encoding="utf-8")
    return load_pack(folder)


def test_keys_come_from_dotenv_and_never_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """.env gives keys, the environment wins over it, and no repr holds one."""
    (tmp_path / ".env").write_text("GONOGO_A=from-file\nGONOGO_B=from-file\n", encoding="utf-8")
    monkeypatch.setenv("GONOGO_B", "from-environment")
    settings = load_settings(load_pack("go2"), directory=tmp_path)
    assert (settings.secret("GONOGO_A"), settings.secret("GONOGO_B")) == ("from-file", "from-environment")
    assert settings.secret("GONOGO_NONE") is None
    assert "from-file" not in repr(settings)
