"""What the gate judges: the scores of a model's answers, where they came from, and how long the model will live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from harness.answers import MANIFEST_SUFFIX
from harness.ask import record as arm_record
from harness.ask.arm import Arm
from harness.ask.collect import Connect
from harness.ask.record import ArmRecord, record_of, with_manifest
from harness.cases import Case, cases_hash
from harness.errors import EndpointError, InputError
from harness.files import read_json
from harness.gate.verdict import Rule, Status
from harness.models.connect import proxy_for
from harness.models.outcomes import Completion
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec, served_by
from harness.pack import messages
from harness.policy import Policy
from harness.score import Score
from harness.simulation.load import robot_digest


@dataclass(frozen=True, slots=True)
class Evidence:
    """All answers of one arm.

    Attributes:
        spec: The arm's name: the model spec as given, or a label.
        model: Spec of the model that it stands for: of a recording the one recorded, where its manifest says so.
        scores: In the order of the cases, then samples.
        arm: How the answers came about: prompt, decoding, who answered.
        hashes: Of cases, profile, system message, adapter, recording.
        unverified: Why the answers cannot be tied to what was asked; empty where they can.
        differences: What the manifest names otherwise than it is now: other cases, another profile or robot module.
        problems: Reasons why the answers must not be used at all.
    """

    spec: str
    model: str
    scores: tuple[Score, ...]
    arm: ArmRecord = field(default_factory=ArmRecord)
    hashes: Mapping[str, str] = field(default_factory=dict)
    unverified: str = ""
    differences: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def merge(first: Evidence, second: Evidence) -> Evidence:
    """Evidence of one arm from two batches of cases; hashes are those of the second."""
    return replace(
        second,
        scores=first.scores + second.scores,
        arm=arm_record.merge(first.arm, second.arm),
        unverified=first.unverified or second.unverified,
        differences=tuple(dict.fromkeys(first.differences + second.differences)),
        problems=first.problems + second.problems,
    )


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What the candidate's endpoint says of its end.

    Attributes:
        shutdown: The date, None where none is given.
        note: Where the knowledge comes from, or why there is none.
        reachable: False where the endpoint should have been asked and could not be.
        unreadable: What it names instead of a date.
    """

    shutdown: date | None = None
    note: str = "no endpoint to ask"
    reachable: bool = True
    unreadable: str = ""


def evidence(arm: Arm, completions: Sequence[Completion], scores: Sequence[Score]) -> Evidence:
    """What the gate is to know of one arm: its scores, and where its answers come from.

    Args:
        arm: The model, and what it was asked.
        completions: Scored outcomes, one for each case and sample of the arm.
        scores: Theirs, in the same order.
    """
    spec = arm.spec
    hashes = {
        "cases_sha256": cases_hash(arm.cases),
        "profile_sha256": hashlib.sha256(arm.pack.profile.read_bytes()).hexdigest(),
        "robot_sha256": robot_digest(arm.pack),
    }
    if spec.revision:
        hashes["adapter_sha256_16"] = spec.revision
    found = Evidence(arm.name, spec.text, tuple(scores), record_of(arm, completions), hashes)
    if spec.path is not None:
        with spec.path.open("rb") as file:
            hashes["recording_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        found = _with_manifest(found, arm, spec.path, completions)
    if found.arm.system_message is not None:
        hashes["system_message_sha256"] = hashlib.sha256(found.arm.system_message.encode()).hexdigest()
    return found


def _with_manifest(found: Evidence, arm: Arm, recording: Path, completions: Sequence[Completion]) -> Evidence:
    """Evidence of a recording with what its manifest says, checked against the answers."""
    path = recording.with_name(recording.name + MANIFEST_SUFFIX)
    if not path.is_file():
        return replace(found, unverified="a recording without a manifest")
    try:
        manifest = read_json(path)
        model, system = str(manifest["models"]), str(manifest["system_message"])
        decoding = dict(json.loads(manifest["decoding"]))
        keys = _keys(manifest, arm.cases, completions)
    except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"the manifest {path.name} cannot be used: {type(error).__name__} {error}"
        return replace(found, problems=(problem,))
    if revision := _of_model(manifest.get("adapter_hashes"), model):
        found = replace(found, hashes={**found.hashes, "adapter_sha256_16": revision})
    problems = []
    wrong = [one.case_id for one, key in zip(completions, keys, strict=True) if one.key and one.key != key]
    if wrong:
        problems.append(
            f"{len(wrong)} answers were given to other words or by another model than its manifest says "
            f"(the first is {wrong[0]})"
        )
    if manifest.get("recording_sha256") != found.hashes["recording_sha256"]:
        problems.append("the file is not the one that its manifest was written for")
    if manifest.get("system_message_sha256") not in (None, hashlib.sha256(system.encode()).hexdigest()):
        problems.append("the system message in its manifest is not the one of the hash beside it")
    bare = sum(not one.key for one in completions)
    return replace(
        found,
        model=model or found.model,
        arm=with_manifest(
            found.arm, arm, system, decoding, served_by(model, _of_model(manifest.get("base_urls"), model))
        ),
        unverified=f"{bare} answers have no key" if bare else "",
        differences=tuple(_differences(manifest, arm, found.hashes)),
        problems=tuple(problems),
    )


def _differences(manifest: Mapping[str, Any], arm: Arm, hashes: Mapping[str, str]) -> Iterator[str]:
    """What judges now and is not what was there when the answers were recorded."""
    names = {"profile": "profile", "robot": "robot module", "cases": "cases"}
    if manifest.get("cases") != len(arm.cases):  # a part of them has another hash, which says nothing
        del names["cases"]
        yield f"recorded for {manifest.get('cases')} cases, judged on {len(arm.cases)}"
    for field_name, name in names.items():
        stated, now = manifest.get(f"{field_name}_sha256"), hashes[f"{field_name}_sha256"]
        if stated != now:
            yield f"recorded with the {name} {str(stated)[:12]}, judged with {now[:12]}"


def _keys(manifest: Mapping[str, Any], cases: Sequence[Case], completions: Sequence[Completion]) -> list[str]:
    """The keys that the answers must have if the manifest tells what was asked."""
    model, system = str(manifest["models"]), str(manifest["system_message"])
    command = {case.id: case.command for case in cases}
    requests = tuple(Request(one.case_id, one.sample, messages(system, command[one.case_id])) for one in completions)
    base_url, revision = (_of_model(manifest.get(field), model) for field in ("base_urls", "adapter_hashes"))
    asked_as = json.loads(manifest.get("asked_as", "{}")).get(model, {})
    spec = ModelSpec(model, "recorded", model, base_url=base_url, revision=revision, asked_as=asked_as)
    return request_keys(requests, spec, Decoding(**json.loads(manifest["decoding"])))


def _of_model(stated: object, model: str) -> str:
    """The value in a field of a manifest, which reads `<model> <value>`, or `none`."""
    text = str(stated)
    return text.removeprefix(f"{model} ") if text.startswith(f"{model} ") else ""


def lifecycle(spec: ModelSpec, connect: Connect) -> Lifecycle:
    """Ask the candidate's endpoint for its shut-down date; recordings and the embedded model have none to ask.

    A fine-tuned model ends with the model it was made from at the latest, so `ft:BASE:...` asks for both.
    """
    if spec.kind not in ("openai", "endpoint"):
        return Lifecycle()
    from harness.models.client import list_models  # imports openai: 0.5 s that recordings need not wait for

    with connect(spec) as endpoint:
        # A proxy that cannot be used ends here: nothing could be asked, and a date that is not known decides nothing.
        proxy_for(endpoint.base_url)
        try:
            dates = list_models(endpoint)
        except EndpointError as error:
            return Lifecycle(None, str(error).replace("\n", ";"), reachable=False)
    names = [spec.model, *spec.model.split(":")[1:2]] if spec.model.startswith("ft:") else [spec.model]
    if unreadable := [end for name in names if isinstance(end := dates.get(name), str)]:
        return Lifecycle(None, f"the endpoint names a date that cannot be read: {unreadable[0]}", True, unreadable[0])
    if given := [(end, name) for name in names if isinstance(end := dates.get(name), date)]:
        return Lifecycle(min(given)[0], f"says the endpoint of {min(given)[1]}")
    listed = any(name in dates for name in names)
    return Lifecycle(None, "the endpoint names no date" if listed else "the endpoint does not list the model")


def lifecycle_rule(lifecycle: Lifecycle, policy: Policy, today: date) -> Rule:
    """Fails where the endpoint names a shut-down date within the policy's days, or one that is past."""
    rule = partial(Rule, "lifecycle", "shut-down date", wanted=f"over {policy.lifecycle.days} days")
    if not lifecycle.reachable:
        status = Status.SKIP if policy.lifecycle.unreachable == "ignore" else Status.UNDECIDED
        return rule(status, "not reached", detail=lifecycle.note, needs="run again when the endpoint can be asked")
    if lifecycle.unreadable:
        needs = "a date as 2027-01-31, or in the notices of whoever runs the endpoint"
        return rule(Status.UNDECIDED, "not readable", detail=lifecycle.note, needs=needs)
    if lifecycle.shutdown is None:
        return rule(Status.SKIP if lifecycle == Lifecycle() else Status.PASS, "none", detail=lifecycle.note)
    left, on = (lifecycle.shutdown - today).days, lifecycle.shutdown.isoformat()
    return rule(
        Status.PASS if left > policy.lifecycle.days else Status.FAIL,
        f"{left} days left",
        detail=f"shut down on {on}, {lifecycle.note}",
        numbers={"days_left": left, "shutdown_date": on},
    )
