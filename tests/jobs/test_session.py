"""What a session is made of: spark-submit's settings come before our defaults, and a cluster gets none of these."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headrace.jobs.avro_limits import JVM_OPTIONS
from headrace.jobs.session import LOCAL_DEFAULTS

# Says which of our defaults a process would take, and how it would start executors, without the cost of a session.
SAY = """
from headrace.jobs.session import executor_options, local_defaults
print(sorted(local_defaults().items()), executor_options(), sep="\\n")
"""


def said_under(submit_arguments):
    answer = subprocess.run(
        [sys.executable, "-c", SAY],
        env=os.environ
        | {"PYSPARK_SUBMIT_ARGS": f"{submit_arguments} pyspark-shell", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.splitlines()


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.parametrize(
    ("submit_arguments", "expected"),
    [
        ("--master local[2]", dict(LOCAL_DEFAULTS)),
        (
            "--master local[2] --conf spark.sql.shuffle.partitions=7 --conf spark.driver.host=10.0.0.1 "
            "--conf spark.executor.extraJavaOptions=-Dtheirs=1",
            {
                key: LOCAL_DEFAULTS[key]
                for key in LOCAL_DEFAULTS.keys() - {"spark.sql.shuffle.partitions", "spark.driver.host"}
            },
        ),
        ("--master spark://cluster:7077", {}),
    ],
)
def test_what_spark_submit_says_comes_before_our_defaults(submit_arguments, expected):
    defaults, executors = said_under(submit_arguments)
    theirs = "-Dtheirs=1 " if "theirs" in submit_arguments else ""
    assert defaults == str(sorted(expected.items()))
    assert executors == str({"spark.executor.extraJavaOptions": theirs + JVM_OPTIONS})
