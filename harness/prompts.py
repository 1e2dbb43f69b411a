"""The messages a model is asked with: the pack's system message, plain or with the API card, and the command."""

from __future__ import annotations

from harness.errors import InputError
from harness.pack import PROMPTS, Pack

Messages = tuple[dict[str, str], ...]


def system_message(pack: Pack, prompt: str = "plain") -> str:
    """The system message.

    Args:
        pack: Whose prompts to use.
        prompt: `plain` for the task alone, `card` for the task with every allowed call, so that a model that was
            never fine-tuned can be compared fairly.

    Raises:
        InputError: unknown prompt, or a prompt file that cannot be read.
    """
    if prompt not in PROMPTS:
        raise InputError(f"unknown prompt {prompt!r}", hint=f"one of {', '.join(PROMPTS)}")
    system = _read(pack, "system_prompt")
    if prompt == "plain":
        return system
    from harness.sdk.card import card
    from harness.sdk.profile import load_profile

    template = _read(pack, "card_prompt")
    return template.replace("{{ system }}", system).replace("{{ card }}", card(load_profile(pack.profile)))


def messages(system: str, command: str) -> Messages:
    """System message and command as chat messages, the same for every model of a comparison."""
    return ({"role": "system", "content": system}, {"role": "user", "content": command})


def _read(pack: Pack, name: str) -> str:
    path = getattr(pack, name)
    try:
        return str(path.read_text(encoding="utf-8")).strip()
    except OSError as error:
        raise InputError(f"cannot read the pack's {name}: {error.strerror}", path=path, hint="restore it") from error
