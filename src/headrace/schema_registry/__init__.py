"""The schema registry: what the writer of a record said of its bytes, by the id in front of them.

`SchemaRegistry` asks a registry that speaks Confluent's API, and keeps what it was told with the lake.
"""

from .registered import Reference, RegisteredSchema, UnusableSchema
from .registry import SchemaRegistry

__all__ = ["Reference", "RegisteredSchema", "SchemaRegistry", "UnusableSchema"]
