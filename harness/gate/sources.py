"""Evidence from completions: scores, what was asked, and whether a recording's manifest bears it out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import evaluation
from harness.answers import Connect
from harness.cases import Case, cases_hash
from harness.errors import EndpointError
from harness.gate.evidence import Evidence, Lifecycle, to_results
from harness.models.clients import proxy_for
from harness.models.outcomes import Completion
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec
from harness.prompts import messages, system_message
from harness.simulation.load import robot_digest

MANIFEST_SUFFIX = ".manifest.json"
_BARE = "a recording without a manifest"


def evidence(plan: evaluation.Plan, spec: ModelSpec, completions: Sequence[Completion]) -> Evidence:
    """Judge one model's completions and say where they come from.

    Args:
        plan: What was asked.
        spec: The model.
        completions: Scored outcomes, one for each case and sample of the plan.
    """
    results = to_results(evaluation.scores(plan, completions), plan.cases)
    common = {
        "cases_sha256": cases_hash(plan.cases),
        "profile_sha256": hashlib.sha256(plan.pack.profile.read_bytes()).hexdigest(),
        "robot_sha256": robot_digest(plan.pack),
    }
    if spec.path is None:
        asked = {
            "system_message_sha256": _sha256(system_message(plan.pack, plan.prompt)),
            "decoding": _canonical(plan.decoding.to_record()),
        } | _adapted(completions)
        if spec.revision:
            common["adapter_sha256_16"] = spec.revision
        served = sorted({one.served_model for one in completions if one.served_model})
        return Evidence(spec.text, spec.text, results, asked, common | asked | {"served_as": ", ".join(served)})
    with spec.path.open("rb") as file:
        common["recording_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    manifest_path = spec.path.with_name(spec.path.name + MANIFEST_SUFFIX)
    if not manifest_path.is_file():
        return Evidence(spec.text, spec.text, results, {}, common, unverified=_BARE)
    return _recorded(spec, plan.cases, completions, Evidence(spec.text, "", results, {}, common), manifest_path)


def _recorded(
    spec: ModelSpec, cases: Sequence[Case], completions: Sequence[Completion], found: Evidence, path: Path
) -> Evidence:
    """Evidence of a recording that has a manifest: what it says, checked against the answers' keys."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        model, system = str(manifest["models"]), str(manifest["system_message"])
        decoding = json.loads(manifest["decoding"])
        keys = _keys(manifest, cases, completions)
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"the manifest {path.name} cannot be used: {type(error).__name__} {error}"
        return Evidence(spec.text, spec.text, found.results, {}, found.hashes, problems=(problem,))
    asked = {"system_message_sha256": _sha256(system), "decoding": _canonical(decoding)} | _adapted(completions)
    problems = []
    wrong = [one.case_id for one, key in zip(completions, keys, strict=True) if one.key and one.key != key]
    if wrong:
        problems.append(
            f"{len(wrong)} answers were given to other words or by another model than its manifest says "
            f"(the first is {wrong[0]})"
        )
    stated = manifest.get("recording_sha256")
    if stated is not None and stated != found.hashes["recording_sha256"]:
        problems.append("the file is not the one that its manifest was written for")
    bare = sum(not one.key for one in completions)
    return Evidence(
        spec.text,
        model,
        found.results,
        asked,
        {**found.hashes, **asked},
        unverified=f"{bare} answers have no key" if bare else "",
        problems=tuple(problems),
    )


def _keys(manifest: Mapping[str, Any], cases: Sequence[Case], completions: Sequence[Completion]) -> list[str]:
    """The keys that the answers must have if the manifest tells what was asked."""
    model, system = str(manifest["models"]), str(manifest["system_message"])
    command = {case.id: case.command for case in cases}
    requests = tuple(Request(one.case_id, one.sample, messages(system, command[one.case_id])) for one in completions)
    base_url, revision = (_of_model(manifest.get(field), model) for field in ("base_urls", "adapter_hashes"))
    spec = ModelSpec(model, "recorded", model, base_url=base_url, revision=revision)
    return request_keys(requests, spec, Decoding(**json.loads(manifest["decoding"])))


def _of_model(stated: object, model: str) -> str:
    """The value in a field of a manifest, which reads `<model> <value>`, or `none`."""
    text = str(stated)
    return text.removeprefix(f"{model} ") if text.startswith(f"{model} ") else ""


def lifecycle(spec: ModelSpec, connect: Connect) -> Lifecycle:
    """Ask the candidate's endpoint for its shut-down date; recordings and the embedded model have none to ask.

    A fine-tuned model ends with the model it was made from at the latest, so `ft:BASE:...` asks for both.
    """
    from harness.models.listing import list_models

    if spec.kind not in ("openai", "endpoint"):
        return Lifecycle()
    with connect(spec) as endpoint:
        # A proxy that cannot be used ends here: nothing could be asked, and a date that is not known decides nothing.
        proxy_for(endpoint.base_url)
        try:
            dates = {model.id: model.shutdown_date for model in list_models(endpoint)}
        except EndpointError as error:
            return Lifecycle(None, str(error).replace("\n", ";"), reachable=False)
    names = [spec.model]
    if spec.model.startswith("ft:"):
        names.append(spec.model.split(":")[1])
    given = [(date, name) for name in names if (date := dates.get(name)) is not None]
    if given:
        date, name = min(given)
        return Lifecycle(date, f"says the endpoint of {name}")
    listed = any(name in dates for name in names)
    return Lifecycle(None, "the endpoint names no date" if listed else "the endpoint does not list the model")


def _adapted(completions: Sequence[Completion]) -> dict[str, str]:
    """How the decoding had to be changed for this model: part of what must be the same for both."""
    changes = sorted({change for one in completions for change in one.adapted})
    return {"decoding_changed": ", ".join(changes)}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)
