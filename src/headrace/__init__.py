"""Headrace: a streaming data-ingestion and feature store on Kafka, Spark, Delta and Feast."""

__version__ = "0.1.0"
