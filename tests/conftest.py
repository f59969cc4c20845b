"""What all tests share: Hypothesis runs the same examples every time, without a clock."""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "metaeval",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("metaeval")
