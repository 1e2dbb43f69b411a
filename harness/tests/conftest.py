"""Settings for every test: hypothesis without deadlines, because a busy machine is no defect."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")
