"""The first draft of a pipeline file, from a sample of each topic. Pure: what was read comes in, text goes out."""

from .pipeline_draft import Draft, draft_pipeline
from .records import SampledRecord, TopicSample

__all__ = ["Draft", "SampledRecord", "TopicSample", "draft_pipeline"]
