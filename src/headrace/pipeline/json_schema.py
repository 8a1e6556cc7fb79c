"""The JSON Schema of a pipeline file, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def pipeline_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema 2020-12 of `model` as it is written in a file: its forms. What holds across parts, it cannot say."""
    schema = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_closed(schema), "title": "Headrace pipeline"}


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _closed(value) for key, value in node.items()}
    if "patternProperties" in node:
        node.setdefault("additionalProperties", False)
    return node
