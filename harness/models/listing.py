"""What an endpoint offers: model ids and, where it gives them, the dates on which they are shut down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from harness.errors import EndpointError
from harness.models.clients import open_client
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One entry of `GET /v1/models`; `shutdown_date` is None where the endpoint names none."""

    id: str
    shutdown_date: date | None


def list_models(endpoint: Endpoint) -> list[ListedModel]:
    """The models an endpoint lists, sorted by id. One request, no retry.

    Raises:
        EndpointError: it cannot be reached, rejects the key, or does not answer as an OpenAI-compatible endpoint.
    """
    from harness.models.endpoint import FAILURES, read_failure

    try:
        resource = endpoint.base_url.partition("/deployments/")[0]  # Azure lists them for all deployments together
        with open_client(replace(endpoint, base_url=resource), TIMEOUT_S) as client:
            entries = list(client.models.list())
    except (*FAILURES, AttributeError) as error:  # the client's pages fall over an HTML page with an AttributeError
        reply = read_failure(error, endpoint)
        todo = "check the key" if reply.outcome is Outcome.BAD_KEY else "check the address and the network"
        raise EndpointError(f"{endpoint.base_url} cannot list its models ({reply.detail})\n  {todo}") from None
    listed = [
        ListedModel(entry.id, _date(getattr(entry, "shutdown_date", None)))
        for entry in entries
        if isinstance(getattr(entry, "id", None), str)
    ]
    return sorted(listed, key=lambda model: model.id)


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
