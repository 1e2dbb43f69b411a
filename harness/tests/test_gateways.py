"""How gateways and single models want to be asked: settings, addresses, keys, certificates, another API."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from harness.tests.conftest import Gonogo, Serve, endpoint
from harness.tests.foreign import MISTRAL, RESPONSES, add_responses, answers, ask, records, refusing, right
from harness.tests.loopback import CHAT, LoopbackServer
from harness.tests.loopback_replies import status


def test_settings_change_the_request_and_are_declared() -> None:
    """No seed, the developer's role, fields of one's own, and a length in the newer spelling."""
    (reply,), (body,) = ask(
        answers, seed="default", system_role="developer", extra={"max_completion_tokens": 900, "top_p": 0.5}
    )
    assert body == {
        "model": "m",
        "messages": [{"role": "developer", "content": "Be a robot."}, {"role": "user", "content": "go"}],
        "temperature": 0.0,
        "max_completion_tokens": 900,
        "top_p": 0.5,
    }
    assert set(reply.adapted) == {
        "max_completion_tokens = 900 by the endpoint's settings",
        "top_p = 0.5 by the endpoint's settings",
        "seed dropped",
        "system message sent as developer",
    }


def test_other_settings_ask_anew_and_a_recording_still_verifies(gonogo: Gonogo, serve: Serve) -> None:
    """What changes the question is part of the key; the manifest tells the gate of it; the records say what changed."""
    server = serve(refusing({"seed": MISTRAL}, right), models={"m": None})
    done = gonogo("run", "m1:m", "--limit", 12, "--json")
    assert all(row["success"] for row in json.loads(done.out)), done.err
    assert {tuple(one["adapted"]) for one in records()} == {("seed dropped",)}
    endpoint(server.base_url, 'seed = "default"\nextra = { top_p = 0.9 }\n')
    assert "0 on file, 12 to ask" in gonogo("run", "m1:m", "--limit", 12, "--record", "m.jsonl").err
    gated = gonogo("gate", "m1:m", "--against", "recorded:m.jsonl", "--limit", 12, "--json")
    rules = {rule["name"]: rule for rule in json.loads(gated.out)["rules"]}
    assert rules["evidence.same"]["status"] == "pass", rules["evidence.same"]
    assert not json.loads(gated.out)["incumbent"]["unverified"]


def test_headers_and_query_are_sent_and_their_secrets_never_shown(gonogo: Gonogo, serve: Serve) -> None:
    """A gateway's own key header comes from the environment, and an error that repeats it does not show it."""
    hush = "hush-0123456789"
    server = serve(answers, faults=[None, status(400, message=f"no model for {hush} and {hush[::-1]}")])
    settings = f'headers = {{ X-Key = "$GATEWAY" }}\nquery = {{ sig = "{hush[::-1]}" }}\nconcurrency = 1\n'
    endpoint(server.base_url + "?a=1", settings)
    done = gonogo("run", "m1:m", "--limit", 3, GATEWAY=hush)
    received = server.received[0]
    assert (received.path, received.headers["x-key"]) == (CHAT, hush)
    assert received.query == {"a": "1", "sig": hush[::-1]}
    kept = done.err + done.out + json.dumps(records())
    assert done.code == 4, done.err
    assert "no model for" in kept
    assert hush not in kept
    assert hush[::-1] not in kept


AZURE = 'kind = "azure"\napi_key_env = "AZURE"\n'
VERSION = 'query = { api-version = "2024-10-21" }\n'


@pytest.mark.parametrize(
    ("path", "extra", "asked"),
    [
        ("/openai/deployments/gpt41?api-version=2024-10-21", 'api_key_env = "AZURE"\n', "/deployments/gpt41"),
        ("", AZURE + VERSION, "/deployments/gpt41"),
        ("/openai", AZURE + VERSION, "/deployments/gpt41"),
        ("/openai/v1", AZURE, "/v1"),  # the newer API is asked as any other
    ],
)
def test_azures_addresses(path: str, extra: str, asked: str, gonogo: Gonogo, serve: Serve) -> None:
    """The query stays behind the path, the deployment is in it, and the key goes into Azure's own header."""
    server = serve(right)
    server.routes = {("POST", f"/openai{asked}/chat/completions"): server._chat}
    endpoint(server.base_url.removesuffix("/v1") + path, extra)
    done = gonogo("run", "m1:gpt41", "--limit", 3, AZURE="azure-0123456789")
    received = server.received[0]
    assert done.code == 0, done.err
    assert received.query == ({} if asked == "/v1" else {"api-version": "2024-10-21"})
    used, unused = ("authorization", "api-key") if asked == "/v1" else ("api-key", "authorization")
    assert received.headers[used].endswith("azure-0123456789")
    assert unused not in received.headers


@pytest.mark.parametrize("extra", ["", 'kind = "responses"\n'])
def test_a_model_of_the_responses_api_only(extra: str, gonogo: Gonogo, serve: Serve) -> None:
    """Found by itself from the server's hint, or set: asked by the other API, declared, with its counts."""
    hint = "This model is only supported in v1/responses and not in v1/chat/completions."
    only_responses = status(404, message=hint, type="invalid_request_error", param="model")
    server = serve(lambda _: only_responses, f'{extra}[endpoints.m1.extra]\nreasoning_effort = "low"\n')
    add_responses(server, right)
    done = gonogo("run", "m1:m", "--limit", 12, "--json")
    bodies = [received.body for received in server.received if received.path == RESPONSES]
    assert done.code == 0, done.err
    assert all(row["success"] for row in json.loads(done.out))
    assert len(bodies) == 12
    assert {"model", "input", "max_output_tokens", "temperature", "store", "reasoning"} == set(bodies[0])
    assert bodies[0]["reasoning"] == {"effort": "low"}
    assert {(one["completion_tokens"], one["reasoning_tokens"]) for one in records()} == {(305, 300)}
    assert all({"asked by the Responses API", "seed dropped"} < set(one["adapted"]) for one in records())


def test_a_certificate_error_is_named_as_one(tmp_path: Path, gonogo: Gonogo, serve: Serve) -> None:
    """A CA that is not known here: what failed and the variable that helps; with it the endpoint is reached."""
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    assert shutil.which("openssl"), "this test makes its certificate with the openssl command"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    server = serve(right, models={"m": None})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    endpoint(server.base_url.replace("http:", "https:"))
    for command in (("run", "m1:m", "--limit", "3"), ("models", "m1")):
        unknown = gonogo(*command)
        assert unknown.code == 5
        assert "certificate verify failed" in unknown.err
        assert "SSL_CERT_FILE" in unknown.err
        known = gonogo(*command, SSL_CERT_FILE=str(certificate))
        assert known.code == 0, known.err


def test_openai_base_url_is_honoured_and_said(gonogo: Gonogo) -> None:
    """The request and the gateway's key go to the gateway, the organisation does not, and the user is told."""
    with LoopbackServer(answer=right, key="gateway-key-0123") as server:
        variables = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "gateway-key-0123"}
        done = gonogo("run", "openai:gpt-4.1", "--limit", 3, OPENAI_ORG_ID="org-secret", **variables)
        assert done.code == 0, done.err
        assert server.count() == 3
        assert "org-secret" not in str(server.received[0].headers)
    assert f"openai:gpt-4.1: asked at {server.base_url}, which OPENAI_BASE_URL names" in done.err
    bad = gonogo("run", "openai:gpt-4.1", "--limit", 3, OPENAI_BASE_URL="nonsense", OPENAI_API_KEY="k")
    assert (bad.code, "OPENAI_BASE_URL" in bad.err) == (2, True)
