"""Landers that run in threads while a test goes on."""

from __future__ import annotations

import threading

from headrace.errors import HeadraceError
from headrace.ingestion import FlushPolicy, LandingResult, land

from .topic import Topic

END_WITHIN_S = 30.0


class Background:
    """Call it with topics, and changes of their settings, to start a lander without an end."""

    def __init__(self) -> None:
        self.results: list[LandingResult] = []
        self.errors: list[HeadraceError] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __call__(self, *topics: Topic, on_step=lambda step: None, **changes: object) -> None:
        settings = topics[0].settings(**{"policy": FlushPolicy(max_rows=500, max_age_s=0.1)} | changes)
        names = [topic.name for topic in topics]

        def run() -> None:
            try:
                found = land(names, settings=settings, until_end=False, stop=self._stop, on_step=on_step)
                self.results.append(found)
            except HeadraceError as err:
                self.errors.append(err)

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def end(self) -> None:
        """Stops all of them, and waits for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(END_WITHIN_S)
            assert not thread.is_alive()
