"""How the JVM of a Spark driver is started: from the archive of its classes, and set up for jobs of minutes.

What the user has said of it, in the environment or in spark-defaults.conf, holds.
"""

from __future__ import annotations

import os
from pathlib import Path

from .class_archives import spark_archive_options, spark_folder, submit_options

# Each query brings classes of its own, which are used for a moment: the JVM's second compiler is kept for what lasts.
# Sixteen builds of 31 days took 166 s with G1 and the second compiler as it comes, 135 s with this, and 121 s with the
# collector below and 1,000 classes kept (`jobs/session.py`); on 2 cores.
LATE_SECOND_COMPILER = (
    "-XX:Tier4InvocationThreshold=30000",
    "-XX:Tier4MinInvocationThreshold=3600",
    "-XX:Tier4CompileThreshold=90000",
    "-XX:Tier4BackEdgeThreshold=240000",
)
THROUGHPUT_COLLECTOR = "-XX:+UseParallelGC"  # a job waits for nobody's answer, so pauses cost nothing

_OF_THE_USER = ("SPARK_SUBMIT_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")


def driver_options(cache: Path) -> str:
    """SPARK_SUBMIT_OPTS of a job: ours, the archive's, and those of the environment, of which the last word counts."""
    collector = [] if _collector_is_chosen() else [THROUGHPUT_COLLECTOR]
    return submit_options([*LATE_SECOND_COMPILER, *collector, *spark_archive_options(cache)])


def _collector_is_chosen() -> bool:
    """Whether the user has chosen a garbage collector: a JVM that is told of two does not start."""
    said = [os.environ.get(name, "") for name in _OF_THE_USER]
    defaults = Path(os.environ.get("SPARK_CONF_DIR") or spark_folder() / "conf") / "spark-defaults.conf"
    if defaults.is_file():
        said.append(defaults.read_text(errors="replace"))
    return any("GC" in text for text in said)
