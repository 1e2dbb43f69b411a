"""A decision as JSON values and as JUnit XML, for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from xml.etree import ElementTree as ET  # writing only: nothing is parsed

from harness.gate import Decision
from harness.gate.evidence import Evidence
from harness.gate.rules import Rule, Status, Verdict
from harness.inert import visible

# JUnit's words. INCONCLUSIVE is a failure there: a pipeline that reads only JUnit must not take it for green.
_JUNIT = {Status.FAIL: "failure", Status.WEAK: "failure", Status.INVALID: "error", Status.SKIP: "skipped"}


def to_record(decision: Decision) -> dict[str, object]:
    """The decision as JSON values: each rule with its figures, and every hash it rests on."""
    early = decision.early
    return {
        "verdict": decision.verdict.value,
        "exit_code": decision.verdict.exit_code,
        "candidate": _model(decision.candidate),
        "incumbent": _model(decision.base),
        "differences": [asdict(one) for one in decision.differences],
        "decided_by": [rule.name for rule in decision.deciding],
        "rules": [{**asdict(rule), "numbers": dict(rule.numbers)} for rule in decision.rules],
        "policy": {"path": str(decision.policy.path), "sha256": decision.policy.sha256},
        "early_stop": None
        if not early.looks
        else {
            "looks": early.looks,
            "answers_asked": early.asked,
            "answers_planned": early.planned,
            "answers_saved": early.planned - early.asked,
            "stopped_early": early.asked < early.planned,
        },
    }


def _model(evidence: Evidence) -> Mapping[str, object]:
    return {
        "spec": evidence.spec,
        "model": evidence.model,
        **evidence.arm.to_record(),
        "unverified": evidence.unverified,
        "hashes": dict(evidence.hashes),
    }


def to_junit(decision: Decision) -> str:
    """One test case for each rule."""
    counts = {word: sum(_JUNIT.get(rule.status) == word for rule in decision.rules) for word in _JUNIT.values()}
    suite = ET.Element(
        "testsuite",
        name=visible(f"gonogo gate: {decision.candidate.spec} against {decision.base.spec}"),
        tests=str(len(decision.rules)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("verdict", decision.verdict.value), ("policy_sha256", decision.policy.sha256)):
        ET.SubElement(properties, "property", name=name, value=value)
    for rule in decision.rules:
        case = ET.SubElement(suite, "testcase", classname="gonogo.gate", name=rule.name)
        word = _JUNIT.get(rule.status)
        if word:
            found = ET.SubElement(case, word, message=visible(f"{rule.title}: {rule.figure}, wanted {rule.wanted}"))
            if word != "skipped":
                found.set("type", "INCONCLUSIVE" if rule.status is Status.WEAK else decision.verdict.value)
                found.text = visible(told(rule))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def asked_differently(decision: Decision) -> list[str]:
    """What the models were asked differently and the policy takes, a line each; what it does not take is in a rule."""
    taken = decision.verdict is not Verdict.INVALID
    return [f"asked differently: {one}" for one in decision.differences if one.declared or taken]


def told(rule: Rule) -> str:
    """A rule in one line: figure, bound, what is wanted, and why or what it needs."""
    parts = [f"{rule.title}: {rule.figure}"]
    if rule.bound:
        parts.append(f"bound {rule.bound}")
    if rule.wanted:
        parts.append(f"wanted {rule.wanted}")
    return "; ".join([*parts, *(extra for extra in (rule.detail, rule.needs) if extra)])
