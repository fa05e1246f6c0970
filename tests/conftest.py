"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine takes longer; that is no mistake of what is tested.
settings.register_profile("gecc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gecc")
