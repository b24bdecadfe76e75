"""The months that all tests here build, compiled once each; and how long Hypothesis may look."""

import os
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, settings

from properties.fast_build import RUNS, FastBuild
from properties.policies import write_policies

COMMON = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),  # a book is a large example, and meant to be
)
settings.register_profile("default", COMMON, max_examples=12)
# HYPOTHESIS_PROFILE=deep looks for an hour, and shrinks what it finds, which takes minutes
settings.register_profile("deep", COMMON, max_examples=300, phases=(*COMMON.phases, Phase.shrink))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def fast_build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FastBuild]:
    """A function that gives the fast build of one of ``RUNS``, made when first asked for."""
    folder = tmp_path_factory.mktemp("properties")
    policy = write_policies(folder / "policy.csv")

    @cache
    def build(name: str) -> FastBuild:
        return FastBuild(folder / name, policy, *RUNS[name])

    return build
