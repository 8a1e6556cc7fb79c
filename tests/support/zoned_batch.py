"""A batch clean that says at its end under which settings it ran: `python -m support.zoned_batch [OPTION]…`."""

from __future__ import annotations

import json
import sys
import time

from pyspark.sql import SparkSession

from headrace.jobs.clean_batch import main

if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    spark = SparkSession.getActiveSession()
    assert spark is not None
    zones = {"java": spark.sparkContext._jvm.java.util.TimeZone.getDefault().getID(), "python": time.tzname[0]}
    print(
        json.dumps({"event": "ran", **zones, "partitions": spark.conf.get("spark.sql.shuffle.partitions")}), flush=True
    )
    sys.exit(exit_code)
