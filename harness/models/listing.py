"""What an endpoint offers: model ids and, where it gives them, the dates on which they are shut down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from harness.errors import EndpointError
from harness.models.connect import Endpoint
from harness.models.scrub import scrub

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
    import openai  # noqa: PLC0415  0.5 s of CPU, only when an endpoint is asked

    try:
        with openai.OpenAI(
            api_key=endpoint.key, base_url=endpoint.base_url, max_retries=0, timeout=TIMEOUT_S
        ) as client:
            if not endpoint.own_organization:
                client.organization = client.project = None
            entries = list(client.models.list())
    except openai.APIStatusError as error:
        raise EndpointError(f"{endpoint.base_url} answers HTTP {error.status_code}\n  check the key") from None
    except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
        why = scrub(type(error).__name__, endpoint.key)
        raise EndpointError(
            f"{endpoint.base_url} cannot list its models ({why})\n  check the address and the network"
        ) from None
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
