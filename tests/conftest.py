"""On a machine without a sandbox, tests run kernels without one; those of the sandbox skip."""

import pytest

from nbjudge.sandbox import bubblewrap, isolation

if bubblewrap.why_not():
    isolation.AUTO = "none"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of notebooks first: their files take longest, and all workers should end together."""
    items.sort(key=lambda item: "notebooks" not in item.path.parts)
