"""A small Spark cluster on one machine: a standalone master and its workers, from the installed pyspark."""
