"""The draft itself: findings become the text of a pipeline file, with what speaks for each choice beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace.errors import UsageError
from headrace.pipeline import Pipeline
from headrace.pipeline.yaml_lines import YamlFault, read_yaml

from .documents import SPOKEN
from .entities import Entity, find_entities
from .evidence import column_evidence, few_values, id_evidence, left_out
from .findings import Findings, find, source_name
from .first_features import Group, first_groups
from .records import TopicSample
from .yaml_text import Line, render, scalar, word

DECIDE = "decide:"
MAX_LEFT_OUT = 20  # fields of a source that are named although they are no columns


@dataclass(frozen=True)
class Draft:
    """The text of a pipeline file that passes the check, and what was found for it."""

    text: str
    found: tuple[Findings, ...]

    def decisions(self) -> list[tuple[int, str]]:
        """What a person must decide: the number of the line, from 1, and what it says."""
        lines = enumerate(self.text.splitlines(), start=1)
        return [(number, line.partition(f"# {DECIDE} ")[2]) for number, line in lines if f"# {DECIDE} " in line]


def draft_pipeline(name: str, samples: Sequence[TopicSample]) -> Draft:
    """Drafts a pipeline of this name (a legal one) from samples of different topics.

    Raises:
        UsageError: a topic holds nothing that a source can be made of, or the file would be too large to be read.
    """
    found: list[Findings] = []
    for sample in samples:
        found.append(find(sample, source_name(sample.topic, [each.source for each in found])))
    entities = find_entities(found)
    groups = first_groups(found, entities)
    text = render(list(_blocks(name, found, entities, groups)))
    try:
        Pipeline(**read_yaml(text.encode()).value)
    except YamlFault as fault:
        raise UsageError(f"a file for {len(found)} topics: {fault.problem}. Name fewer topics") from fault
    return Draft(text, tuple(found))


def _blocks(
    name: str, found: Sequence[Findings], entities: Sequence[Entity], groups: Sequence[Group]
) -> Iterator[list[Line]]:
    yield [
        Line(comment=f"A first draft by `headrace init`, from {sum(len(f.documents) for f in found):,} documents."),
        Line(comment="Beside each choice stands what speaks for it in the sample; `decide` is for a person to answer."),
        Line(),
        Line(f"pipeline: {word(name)}"),
        Line(),
        Line("sources:"),
    ]
    derived = {group.source: group.key for group in groups if group.is_derived}
    for each in found:
        yield from _source(each, derived.get(each.source))
    yield [Line(), Line("entities:"), *_entities(entities, groups)]
    yield [Line(), Line("features:")]
    for group in groups:
        yield _group(group)
    service = [Line(f"- {group.name}", indent=6) for group in groups]
    yield [Line(), Line("services:"), Line(f"{word(name)}:", indent=2), Line("features:", indent=4), *service]


def _source(found: Findings, derived: str | None) -> Iterator[list[Line]]:
    total, id_columns = len(found.documents), ", ".join(map(word, found.event_id.columns))
    head = [
        Line(f"{word(found.source)}:", indent=2),
        Line(f"topic: {scalar(found.topic)}", _sampled(found), indent=4),
        *_decide(_id_decision(found), 4),
        Line(f"event_id: [{id_columns}]", id_evidence(found.event_id, total), indent=4),
        *_decide(found.event_time.decide, 4),
        Line(f"event_at: {scalar(found.event_time.expression)}", found.event_time.evidence, indent=4),
    ]
    yield head if derived is None else [*head, *_derive(derived)]
    yield [Line("columns:", indent=4), *(line for each in _columns(found) for line in each)]
    if left := _left_out(found):
        yield left


def _sampled(found: Findings) -> str:
    sample, documents = found.documents.sample, found.documents
    partitions = f"{sample.partitions:,} partition{'' if sample.partitions == 1 else 's'}"
    said = f"{len(sample.records):,} records read, of {sample.offsets:,} offsets in {partitions}"
    said += f"; {documents.copies:,} were copies" if documents.copies else ""
    odd = [f"{count:,} {SPOKEN[reason]}" for reason, count in documents.odd.items()]
    return f"{said}; left out: {', '.join(odd)}" if odd else said


def _id_decision(found: Findings) -> str | None:
    event_id = found.event_id
    if event_id.is_guess:
        return (
            "what identifies an event? No one to three columns do in the sample; two records with one id are one event"
        )
    if event_id.distinct < event_id.complete:
        shared = event_id.complete - event_id.distinct
        return f"{shared:,} documents have the id of another one, and would be dropped as its copies. Is this the id?"
    if found.record_key and event_id.follows_key is None:
        return f"the records' key is {found.record_key}; copies of an event must share a key. Do they?"
    return None


def _decide(what: str | None, indent: int) -> list[Line]:
    return [Line(comment=f"{DECIDE} {what}", indent=indent)] if what else []


def _derive(name: str) -> list[Line]:
    return [Line("derive:", indent=4), Line(f"{word(name)}: {{type: string, value: \"'all'\"}}", indent=6)]


def _columns(found: Findings) -> Iterator[list[Line]]:
    width = max(len(word(column.name)) for column in found.columns)
    for column in found.columns:
        declared = f"type: {column.type}" + (", required: true" if column.never_missing else "")
        name = f"{word(column.name)}:".ljust(width + 1)
        yield [Line(f"{name} {{{declared}}}", column_evidence(column), indent=6)]
        if few := few_values(column):
            yield [Line(comment=f"{column.name} takes few values; to refuse all others, add to it: {few}", indent=6)]


def _left_out(found: Findings) -> list[Line]:
    total, left = len(found.documents), found.left
    lines = [Line(comment=left_out(field, total), indent=6) for field in left[:MAX_LEFT_OUT]]
    more = [Line(comment=f"and {len(left) - MAX_LEFT_OUT:,} more", indent=6)] if len(left) > MAX_LEFT_OUT else []
    return [Line(comment="Not declared:", indent=6), *lines, *more] if lines else []


def _entities(entities: Sequence[Entity], groups: Sequence[Group]) -> Iterator[Line]:
    """Those that features describe or several sources share; the others as suggestions."""
    used = {group.key: group.entity for group in groups}
    evidence = {entity.key: entity.evidence for entity in entities}
    for key, name in used.items():
        yield Line(f"{word(name)}: {{keys: [{word(key)}]}}", evidence.get(key, ""), indent=2)
    for entity in entities:
        if entity.key not in used:
            yield Line(comment=f"{word(entity.key)}: {{keys: [{word(entity.key)}]}}: {entity.evidence}", indent=2)


def _group(group: Group) -> list[Line]:
    aggregate = [Line(f"{group.count_name}: {{count: events}}", indent=6)]
    aggregate += [Line(f"{word(mean)}: [mean]", indent=6) for mean in group.means]
    return [
        *_decide(group.decide, 2),
        Line(f"{group.name}:", indent=2),
        Line(f"entity: {word(group.entity)}", indent=4),
        Line(f"source: {word(group.source)}", indent=4),
        Line("aggregate:", indent=4),
        *aggregate,
        Line(f"windows: [{', '.join(group.windows)}]", group.evidence, indent=4),
    ]
