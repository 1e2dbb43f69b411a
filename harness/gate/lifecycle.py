"""The candidate must not be about to be shut down itself."""

from __future__ import annotations

from datetime import date

from harness.gate.evidence import Lifecycle
from harness.gate.rules import Rule, Status
from harness.policy import Policy


def lifecycle_rule(lifecycle: Lifecycle, policy: Policy, today: date) -> Rule:
    """Fails where the endpoint names a shut-down date within the policy's days, or one that is past."""
    name, title, wanted = "lifecycle", "shut-down date", f"over {policy.shutdown_days} days"
    if not lifecycle.reachable:
        status = Status.SKIP if policy.ignore_unreachable else Status.WEAK
        needs = "run again when the endpoint can be asked" if status is Status.WEAK else ""
        return Rule(name, title, status, "not reached", "", wanted, lifecycle.note, needs)
    if lifecycle.shutdown is None:
        status = Status.SKIP if lifecycle.note == Lifecycle().note else Status.PASS
        return Rule(name, title, status, "none", "", wanted, lifecycle.note)
    left = (lifecycle.shutdown - today).days
    status = Status.PASS if left > policy.shutdown_days else Status.FAIL
    return Rule(
        name,
        title,
        status,
        f"{left} days left",
        "",
        wanted,
        f"shut down on {lifecycle.shutdown.isoformat()}, {lifecycle.note}",
        numbers={"days_left": left, "shutdown_date": lifecycle.shutdown.isoformat()},
    )
