"""Limits on what Avro makes room for: a length in a record is a claim of its sender.

Without them five bytes that say "two thousand million characters follow" end an executor for want of memory. Nothing in
a record that is read at all can be longer than the record.
"""

from __future__ import annotations

from typing import Any

from pyspark import SparkContext

from .decode import MAX_DOCUMENT_BYTES

LIMITS = {
    f"org.apache.avro.limits.{what}.maxLength": str(MAX_DOCUMENT_BYTES)
    for what in ("bytes", "string", "collectionItems")
}

# What an executor's JVM is started with, after what was asked for otherwise.
JVM_OPTIONS = " ".join(f"-D{name}={limit}" for name, limit in LIMITS.items())


def limit_driver() -> None:
    """Sets the limits in the JVM of this process, which reads records where the master is local. The JVM must run; Avro
    looks once, at its first use.
    """
    jvm: Any = SparkContext._jvm
    for name, limit in LIMITS.items():
        jvm.java.lang.System.setProperty(name, limit)
