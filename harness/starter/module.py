"""The robot module to begin with: each call is taken down as an event of its own, and does nothing else yet."""

from __future__ import annotations

from harness.sdk.profile import CallSpec, Profile

_FIELDS = {"float": "NUMBER", "int": "WHOLE", "bool": "FLAG", "str": "TEXT"}


def module_names(profile: Profile) -> dict[str, str]:
    """What stands for each @NAME@ in the template of a robot module that fits the profile."""
    calls = [call for call in profile.calls if not call.alone]
    named = next(call.sdk.symbol.partition(".")[0] for call in calls if call.sdk)
    return {
        "STATE": f"{named}Now",  # no name that is imported
        "FUNCTIONS": "\n\n\n".join(_skill(call) for call in calls),
        "SKILLS": "\n".join(f'        "{call.path}": do_{_event(call)},' for call in calls),
        "EVENTS": "\n".join(f'        "{_event(call)}": EventSpec({_fields(call)}),' for call in calls),
    }


def _event(call: CallSpec) -> str:
    name = call.path.rpartition(".")[2]
    return f"{name}_called" if name in {"asked", "declined"} else name


def _skill(call: CallSpec) -> str:
    params = call.params or ()
    robot = next(name for name in ("robot", "robot_", "robot__") if name not in {param.name for param in params})
    # What a call may leave out needs a default; it is the profile's where there is one.
    given = [f"{p.name}=None" if not p.required and p.default is None else p.name for p in params]
    given = [*(one for one in given if "=" not in one), *(one for one in given if "=" in one)]
    arguments = ", ".join(f"{p.name}={p.name if p.type in _FIELDS else f'_text({p.name})'}" for p in params)
    fields = f", **_given({arguments})" if params else ""
    event = _event(call)
    return f'def do_{event}({", ".join([robot, *given])}):\n    {robot}.emit("{event}"{fields})'


def _fields(call: CallSpec) -> str:
    fields = ", ".join(f'"{param.name}": {_FIELDS.get(param.type, "TEXT")}' for param in call.params or ())
    return f"{{{fields}}}" if fields else ""
