"""Settings: defaults of the pack, overrides of the user, and keys that never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import load_settings
from harness.errors import InputError
from harness.models.endpoint_settings import EndpointSettings
from harness.pack import load_pack


def test_the_four_named_settings_come_from_the_pack(tmp_path: Path) -> None:
    """TEMPERATURE, NUMBER_OF_EXAMPLES, BASE_MODEL and DATA_MODEL have defaults without any file of the user's."""
    settings = load_settings(load_pack("go2"), directory=tmp_path)
    assert settings.base_model == "local:smollm2-135m"
    assert settings.data_model.startswith("openai:")
    assert 0 <= settings.temperature <= 2
    assert settings.number_of_examples >= 10


def test_a_file_of_the_users_overrides_and_adds_endpoints(tmp_path: Path) -> None:
    """gonogo.toml in the working folder wins over the pack, key by key."""
    (tmp_path / "gonogo.toml").write_text(
        '[settings]\nTEMPERATURE = 1\n[endpoints.vllm]\nbase_url = "http://127.0.0.1:1/v1"\n', encoding="utf-8"
    )
    settings = load_settings(load_pack("go2"), directory=tmp_path)
    assert settings.temperature == 1.0
    assert settings.base_model == "local:smollm2-135m"
    assert settings.endpoints == {"vllm": EndpointSettings("http://127.0.0.1:1/v1")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[settings\n", r"gonogo\.toml: not valid TOML.*line 1"),
        ("[setings]\n", r"unknown section \[setings\]"),
        ("[settings]\ntemperatur = 1\n", "unknown key 'temperatur'"),
        ("[settings]\nTEMPERATURE = 3\n", "TEMPERATURE is a float from 0 to 2"),
        ("[settings]\nNUMBER_OF_EXAMPLES = true\n", "NUMBER_OF_EXAMPLES is a int from 1 up"),
        ("[endpoints.x]\n", r"\[endpoints.x\] needs base_url"),
        ('[endpoints.local]\nbase_url = "http://h/v1"\n', "the endpoint name 'local' is taken"),
        ('[endpoints.x]\nbase_url = "http://h/v1"\nkey = "k"\n', "unknown key 'key'"),
    ],
)
def test_a_broken_configuration_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake in gonogo.toml is an InputError that names the file and what is known."""
    (tmp_path / "gonogo.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_settings(load_pack("go2"), directory=tmp_path)


def test_keys_come_from_dotenv_and_never_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """.env gives keys, the environment wins over it, and no repr holds one."""
    (tmp_path / ".env").write_text("GONOGO_A=from-file\nGONOGO_B=from-file\n", encoding="utf-8")
    monkeypatch.setenv("GONOGO_B", "from-environment")
    settings = load_settings(load_pack("go2"), directory=tmp_path)
    assert (settings.secret("GONOGO_A"), settings.secret("GONOGO_B")) == ("from-file", "from-environment")
    assert settings.secret("GONOGO_NONE") is None
    assert "from-file" not in repr(settings)
