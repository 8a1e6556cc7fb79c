"""Where a run of the lander can be seen while it lasts: a file in the lake, and a port when one was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .observer import Observer
from .settings import LandingSettings
from .state_file import StateFile


@contextmanager
def shown(settings: LandingSettings) -> Iterator[Observer]:
    """An observer whose postings can be seen, until the block ends.

    Raises:
        MachineError: the port is taken, or the package for metrics is missing.
    """
    state = StateFile(settings.lake, settings.group)
    observer = Observer([state.post])
    with ExitStack() as stack:
        stack.callback(state.remove)
        if settings.metrics_port is not None:
            from .endpoints import Endpoints  # so that who asks for no metrics needs no package for them

            endpoints = stack.enter_context(Endpoints(settings, observer))
            state.metrics = endpoints.url
        yield observer
