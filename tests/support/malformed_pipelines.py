"""Malformed pipeline files: the lines of the small one that are changed, the line that is told, and what is said of it.

Three kinds: what is no YAML, what is wrong in form (the JSON Schema refuses it, too), and what is wrong in sense.
"""

from __future__ import annotations

from typing import NamedTuple

PRUNED = "    prune: {{measure: pearson, above: 0.9, fit: {{from: 2024-01-01, to: 2024-06-01}}, {}}}"


class Malformed(NamedTuple):
    """The small file with other lines; the line that the message names, and the beginning of what it says."""

    what: str
    changes: dict[int, str]
    line: int
    says: str


NOT_YAML = [
    Malformed(
        "a list that is not closed",
        {5: "    event_id: [order_id"},
        6,
        "this is not YAML: expected ',' or ']', but got ':'. It was found while parsing a flow sequence",
    ),
    Malformed(
        "a tab as indentation",
        {5: "\tevent_id: [order_id]"},
        5,
        "this is not YAML: found character '\\t' that cannot start any token",
    ),
    Malformed(
        "a key given twice", {8: "    topic: orders2"}, 8, "the key 'topic' is given twice (first on line 4). Keep one"
    ),
    Malformed(
        "a Python object",
        {1: "pipeline: !!python/object:os.system shop"},
        1,
        "found the tag 'tag:yaml.org,2002:python/object:os.system'",
    ),
    Malformed(
        "two documents", {2: "---\nsources:"}, 2, "a second document begins here. A pipeline file holds one document"
    ),
    Malformed(
        "an alias of nothing",
        {12: "      shop: *nothing"},
        12,
        "nothing is anchored as '&nothing' before this. Define it first",
    ),
]

WRONG_IN_FORM = [
    Malformed(
        "a list instead of a mapping", {10: "      order_id: [string]"}, 10, "the list [string] is not a mapping"
    ),
    Malformed("an unknown part", {38: "entitys:"}, 38, "there is no key 'entitys' here. Did you mean: entities?"),
    Malformed(
        "an unknown key of a source",
        {7: "    lates: {after: 7d}"},
        7,
        "there is no key 'lates' here. Did you mean: late?",
    ),
    Malformed(
        "an unknown key of a column",
        {10: "      order_id: {type: string, requird: true}"},
        10,
        "there is no key 'requird' here. Did you mean: required?",
    ),
    Malformed(
        "a source without columns",
        {33: "    table: customers\n    event_id: [x]\n  other:\n    table: c"},
        32,
        "'columns' is missing here. It is required: The columns of an event, by name.",
    ),
    Malformed(
        "a column without type",
        {11: "      customer: {required: true}"},
        11,
        "'type' is missing here. It is required: The type of its values.",
    ),
    Malformed(
        "an unknown type",
        {11: "      customer: {type: strng}"},
        11,
        "'strng' is not legal for 'type'. Did you mean: string?",
    ),
    Malformed("a name with a capital letter", {11: "      Customer: {type: string}"}, 11, "'Customer' is not a name"),
    Malformed(
        "text instead of true or false",
        {10: "      order_id: {type: string, required: 'yes'}"},
        10,
        "found 'yes' for 'required'. It takes true or false",
    ),
    Malformed(
        "a number instead of text",
        {1: "pipeline: shop\ndescription: 7"},
        2,
        "found the number 7 for 'description'. It takes text",
    ),
    Malformed("a pipeline name of two words", {1: "pipeline: The Shop"}, 1, "'The Shop' is not a name"),
    Malformed(
        "a source with topic and table",
        {33: "    table: customers\n    topic: c"},
        33,
        "a source has both 'topic' and 'table'. Name the Kafka topic, or the reference table; one of them",
    ),
    Malformed(
        "a source with neither topic nor table",
        {4: "    description: x"},
        3,
        "a source has neither 'topic' nor 'table'",
    ),
    Malformed(
        "a topic with a slash",
        {4: "    topic: or/ders"},
        4,
        "'or/ders' is no topic. Kafka's names have a-z, A-Z, 0-9, '.', '_' and '-', here at most 200",
    ),
    Malformed(
        "an unknown format",
        {4: "    topic: orders\n    format: xml"},
        5,
        "'xml' is not legal for 'format'. Legal are: json, avro",
    ),
    Malformed(
        "an event id of no columns", {5: "    event_id: []"}, 5, "found the list [] for 'event_id'. Give at least one"
    ),
    Malformed(
        "an event id that is no list",
        {5: "    event_id: order_id"},
        5,
        "found 'order_id' for 'event_id'. It takes a list: [a, b]",
    ),
    Malformed(
        "a topic without event_at",
        {6: "    unknown_fields: keep"},
        3,
        "'event_at' is missing here. Say when a fact became known: a timestamp column, or an expression",
    ),
    Malformed("a number as event_at", {6: "    event_at: 7"}, 6, "the number 7 is not an expression"),
    Malformed(
        "a duration in words",
        {7: "    late: {after: 7 days}"},
        7,
        "'7 days' is not a duration. Write a whole number and a unit: 90s, 5m, 1h or 7d",
    ),
    Malformed(
        "a duration without unit",
        {7: "    late: {after: 7}"},
        7,
        "the number 7 is not a duration. Write a whole number and a unit: 90s, 5m, 1h or 7d",
    ),
    Malformed(
        "an unknown action for late rows",
        {7: "    late: {after: 7d, action: drop}"},
        7,
        "'drop' is not legal for 'action'. Legal are: keep, quarantine",
    ),
    Malformed(
        "late without after",
        {7: "    late: {action: keep}"},
        7,
        "'after' is missing here. It is required: How long after event_at a row may arrive, such as 7d.",
    ),
    Malformed("late as a duration", {7: "    late: 7d"}, 7, "'7d' is not a mapping. Its keys are: after, action"),
    Malformed(
        "an unknown answer to unknown fields",
        {8: "    unknown_fields: ignore"},
        8,
        "'ignore' is not legal for 'unknown_fields'. Legal are: keep, quarantine",
    ),
    Malformed(
        "copies within an unknown duration",
        {8: "    copies_within: month"},
        8,
        "'month' is not a duration. Write a whole number and a unit: 90s, 5m, 1h or 7d",
    ),
    Malformed(
        "no options",
        {12: "      shop: {type: string, one_of: []}"},
        12,
        "found the list [] for 'one_of'. Give at least one",
    ),
    Malformed(
        "one bound instead of two",
        {15: "      amount: {type: double, between: [10]}"},
        15,
        "the list [10] is not a pair. Write [least, greatest]; null leaves a side open",
    ),
    Malformed(
        "text as bounds",
        {15: "      amount: {type: double, between: [a, b]}"},
        15,
        "found 'a' for 'between'. It takes a number",
    ),
    Malformed(
        "three bounds",
        {15: "      amount: {type: double, between: [1,2,3]}"},
        15,
        "the list [1, 2, 3] is not a pair. Write [least, greatest]; null leaves a side open",
    ),
    Malformed(
        "a treatment that says nothing",
        {23: "      pieces: {}"},
        23,
        "this says nothing. Give 'outliers', 'missing' or both",
    ),
    Malformed(
        "outliers without method",
        {23: "      pieces: {outliers: {low: 1}}"},
        23,
        "'method' is missing here. It is one of: bounds, iqr, zscore, mad, quantile",
    ),
    Malformed(
        "an unknown method",
        {23: "      pieces: {outliers: {method: bound, low: 1}}"},
        23,
        "there is no method 'bound'. Did you mean: bounds?",
    ),
    Malformed(
        "bounds that are both open",
        {23: "      pieces: {outliers: {method: bounds}}"},
        23,
        "both bounds are open. State the least or the greatest value",
    ),
    Malformed(
        "an unknown action for outliers",
        {23: "      pieces: {outliers: {method: bounds, low: 5, action: drop}}"},
        23,
        "'drop' is not legal for 'action'. Legal are: flag, clip, null_value, quarantine",
    ),
    Malformed(
        "a threshold of zero",
        {22: "      amount: {outliers: {method: mad, threshold: 0}}"},
        22,
        "found the number 0 for 'threshold'. It has to be greater than 0",
    ),
    Malformed(
        "a quantile above one",
        {22: "      amount: {outliers: {method: quantile, high: 2}}"},
        22,
        "found the number 2 for 'high'. It has to be less than or equal to 1",
    ),
    Malformed(
        "an unknown fill",
        {23: "      pieces: {missing: {fill: forward}}"},
        23,
        "there is no fill 'forward'. Did you mean: constant, mean, median, mode, none?",
    ),
    Malformed(
        "a side that is none",
        {22: "      amount: {outliers: {method: mad, side: upper}}"},
        22,
        "'upper' is not legal for 'side'. Legal are: both, low, high",
    ),
    Malformed(
        "a scale that is none",
        {22: "      amount: {outliers: {method: iqr, transform: sqrt}}"},
        22,
        "'sqrt' is not legal for 'transform'. Legal are: log, log1p",
    ),
    Malformed(
        "a scale for a method that has none",
        {22: "      amount: {outliers: {method: quantile, high: 0.9, transform: log}}"},
        22,
        "there is no key 'transform' here",
    ),
    Malformed(
        "a joint rule over one column",
        {23: "    joint_outliers: {odd: {columns: [pieces]}}"},
        23,
        "found the list [pieces] for 'columns'. Give at least 2",
    ),
    Malformed(
        "a joint rule that clips",
        {23: "    joint_outliers: {odd: {columns: [amount, pieces], action: clip}}"},
        23,
        "'clip' is not legal for 'action'",
    ),
    Malformed(
        "a constant without value", {23: "      pieces: {missing: {fill: constant}}"}, 23, "'value' is missing here"
    ),
    Malformed(
        "an interval from a month",
        {20: "    fit: {from: January, to: 2024-01-01}"},
        20,
        "'January' is not a time. Write ISO 8601, such as 2013-01-01 or 2013-01-01T10:15:00Z",
    ),
    Malformed(
        "an entity without keys", {39: "  buyer: {keys: []}"}, 39, "found the list [] for 'keys'. Give at least one"
    ),
    Malformed(
        "an entity that is a column",
        {39: "  buyer: customer"},
        39,
        "'customer' is not a mapping. Its keys are: description, owner, keys",
    ),
    Malformed(
        "a group with aggregate and latest",
        {53: "    latest: [amount]\n    aggregate: {amount: [mean]}"},
        50,
        "a feature group has both 'aggregate' and 'latest'",
    ),
    Malformed(
        "a group with neither aggregate nor latest",
        {53: "    description: x"},
        50,
        "a feature group has neither 'aggregate' nor 'latest'",
    ),
    Malformed(
        "aggregates without windows",
        {47: "    description: x"},
        41,
        "'windows' is missing here. Say how far back aggregates look: windows: [1h, 24h]",
    ),
    Malformed(
        "latest values with windows",
        {54: "    windows: [1h]"},
        54,
        "'windows' has no meaning for latest values. Leave it out",
    ),
    Malformed(
        "aggregates that carry",
        {49: "    carry: {amount: 3h}"},
        49,
        "'carry' has no meaning for aggregates. Leave it out",
    ),
    Malformed("an unknown aggregation", {46: "      amount: [average]"}, 46, "there is no aggregation 'average'"),
    Malformed(
        "an aggregation listed twice", {46: "      amount: [mean, mean]"}, 46, "'mean' is listed twice. Keep one"
    ),
    Malformed("a count of something else", {45: "      orders: {count: rows}"}, 45, "{count: rows} is not legal here"),
    Malformed("an aggregation that is no list", {46: "      amount: mean"}, 46, "'mean' is not legal here"),
    Malformed(
        "an unknown measure",
        {62: "    prune: {measure: cosine, above: 0.95, fit: {from: 2024-01-01, to: 2024-06-01}}"},
        62,
        "'cosine' is not legal for 'measure'. Legal are: pearson, spearman",
    ),
    Malformed(
        "a likeness in percent",
        {62: "    prune: {measure: pearson, above: 95, fit: {from: 2024-01-01, to: 2024-06-01}}"},
        62,
        "found the number 95 for 'above'. It has to be less than or equal to 1",
    ),
    Malformed(
        "kept features that are no list",
        {62: PRUNED.format("keep: buyer_last__amount")},
        62,
        "found 'buyer_last__amount' for 'keep'",
    ),
    Malformed("a split without test", {70: "    split: {train: {until: 2024-06-01}}"}, 70, "'test' is missing here"),
]

WRONG_IN_SENSE = [
    Malformed(
        "a pipeline named like a folder of the lake",
        {1: "pipeline: raw"},
        1,
        "the name 'raw' is reserved. The lake has a folder of that name; choose another",
    ),
    Malformed(
        "two sources of one topic", {25: "    topic: orders"}, 25, "the topic 'orders' is already read by 'orders'"
    ),
    Malformed(
        "an event id that is no column",
        {5: "    event_id: [oder_id]"},
        5,
        "there is no declared column 'oder_id'. Did you mean: order_id?",
    ),
    Malformed(
        "an event id that is a double",
        {5: "    event_id: [amount]"},
        5,
        "'amount' is a double, which cannot identify an event. Use a string, a long or a timestamp",
    ),
    Malformed(
        "an event id listed twice", {5: "    event_id: [order_id, order_id]"}, 5, "'order_id' is listed twice. Keep one"
    ),
    Malformed(
        "an event_at that is a number",
        {6: "    event_at: amount"},
        6,
        "'amount' gives a number (double), not a timestamp",
    ),
    Malformed(
        "an event_at that is no column",
        {6: "    event_at: orderd_at"},
        6,
        "there is no column 'orderd_at'. Did you mean: ordered_at, order_id?",
    ),
    Malformed(
        "an interval without number",
        {6: "    event_at: ordered_at + interval hour"},
        6,
        "'INTERVAL hour' is not a length of time",
    ),
    Malformed(
        "a late rule for a table",
        {33: "    table: customers\n    late: {after: 1d}"},
        34,
        "'late' has no meaning for a table. Tables are read whole and have no arrival; leave it out",
    ),
    Malformed(
        "an option of another type",
        {12: "      shop: {type: string, one_of: [north, 7]}"},
        12,
        "the number 7 is not text (string). Put it into quotes",
    ),
    Malformed(
        "an option listed twice",
        {12: "      shop: {type: string, one_of: [a, a]}"},
        12,
        "'a' is listed twice. Keep one",
    ),
    Malformed(
        "bounds for text",
        {12: "      shop: {type: string, between: [0, 1]}"},
        12,
        "'between' is for numbers, and the column is text (string). Use 'one_of', or leave it out",
    ),
    Malformed(
        "bounds the wrong way round",
        {15: "      amount: {type: double, between: [10, 0]}"},
        15,
        "the lower bound 10 is above the upper bound 0. Write the least value first",
    ),
    Malformed(
        "bounds that bound nothing",
        {15: "      amount: {type: double, between: [null, null]}"},
        15,
        "both bounds are open. State the least or the greatest value",
    ),
    Malformed(
        "a reserved column", {14: "      arrived_at: {type: timestamp}"}, 14, "the name 'arrived_at' is reserved"
    ),
    Malformed(
        "a derived column that is declared, too",
        {19: "      amount: {type: long, value: pieces}"},
        19,
        "'amount' is already a declared column. Give the derived column another name",
    ),
    Malformed(
        "a derived column of a derived one",
        {19: "      hour_of_day: {type: long, value: hour(ordered_at)}\n      x: {type: long, value: hour_of_day + 1}"},
        20,
        "there is no column 'hour_of_day'",
    ),
    Malformed(
        "a derived column named like a flag",
        {19: "      amount_missing: {type: boolean, value: amount is null}"},
        19,
        "'amount_missing' clashes with what cleaning 'amount' adds. Choose another name",
    ),
    Malformed(
        "a column named like an original",
        {17: "      pieces_original: {type: boolean}"},
        17,
        "'pieces_original' clashes with what cleaning 'pieces' adds. Choose another name",
    ),
    Malformed(
        "a derived column of another type",
        {19: "      hour_of_day: {type: long, value: amount / 2}"},
        19,
        "'amount / 2' gives a number (double), not a whole number (long)",
    ),
    Malformed(
        "text compared with a number",
        {19: "      hour_of_day: {type: boolean, value: shop > 5}"},
        19,
        "'shop > 5' mixes text (string) and a whole number (long)",
    ),
    Malformed(
        "an unknown function",
        {19: "      hour_of_day: {type: long, value: hours(ordered_at)}"},
        19,
        "there is no function 'hours'. Did you mean: hour?",
    ),
    Malformed(
        "a random number", {19: "      hour_of_day: {type: double, value: rand()}"}, 19, "'rand' is not deterministic"
    ),
    Malformed(
        "a sum in an expression",
        {19: "      hour_of_day: {type: double, value: sum(amount)}"},
        19,
        "'sum' looks at more than one row. An expression is scalar; aggregate in 'features'",
    ),
    Malformed(
        "a subquery",
        {19: "      hour_of_day: {type: double, value: (select 1)}"},
        19,
        "'(SELECT 1)' is not allowed in an expression. An expression has no subquery",
    ),
    Malformed(
        "a window function",
        {19: "      hour_of_day: {type: double, value: amount over (partition by shop)}"},
        19,
        "'amount over (partition by shop)' is not SQL. The trouble is near '('",
    ),
    Malformed(
        "a treatment of no column",
        {23: "      piecs: {missing: {fill: constant, value: 1}}"},
        23,
        "there is no declared column 'piecs'. Did you mean: pieces?",
    ),
    Malformed(
        "a treatment of a derived column",
        {23: "      hour_of_day: {missing: {fill: constant, value: 1}}"},
        23,
        "'hour_of_day' is derived",
    ),
    Malformed(
        "a treatment of the event id",
        {23: "      order_id: {missing: {fill: constant, value: x}}"},
        23,
        "'order_id' is part of the event id. What identifies an event is not treated",
    ),
    Malformed(
        "outliers of text",
        {23: "      shop: {outliers: {method: bounds, low: 1}}"},
        23,
        "only numbers have outliers, and the column is text (string)",
    ),
    Malformed(
        "outlier bounds the wrong way round",
        {23: "      pieces: {outliers: {method: bounds, low: 5, high: 1}}"},
        23,
        "the lower bound 5 is above the upper bound 1. Write the least value first",
    ),
    Malformed(
        "a fraction as bound of a long",
        {23: "      pieces: {outliers: {method: bounds, low: 0.5}}"},
        23,
        "0.5 is no bound for a whole number (long). Write a whole number of at most 2^53",
    ),
    Malformed(
        "by a column that is none",
        {22: "      amount: {outliers: {method: mad, by: [shp]}}"},
        22,
        "there is no column 'shp'. Did you mean: shop?",
    ),
    Malformed(
        "a constant of another type",
        {23: "      pieces: {missing: {fill: constant, value: many}}"},
        23,
        "'many' is not a whole number (long). Write a whole number, without quotes",
    ),
    Malformed(
        "the mean of text",
        {23: "      shop: {missing: {fill: mean}}"},
        23,
        "only numbers have a mean, and the column is text (string). Use constant, mode or none",
    ),
    Malformed(
        "a fill for a required column",
        {10: "      order_id: {type: string}", 23: "      ordered_at: {missing: {fill: mode}}"},
        23,
        "the column is required, so it is never missing. Leave out this rule, or 'required'",
    ),
    Malformed(
        "a joint rule over a column that is none",
        {23: "    joint_outliers: {odd: {columns: [amount, piece]}}"},
        23,
        "there is no declared column 'piece'. Did you mean: pieces?",
    ),
    Malformed(
        "a joint rule over text",
        {23: "    joint_outliers: {odd: {columns: [amount, shop]}}"},
        23,
        "only numbers have a distance, and the column is text (string). Leave it out",
    ),
    Malformed(
        "a joint rule that names a column twice",
        {23: "    joint_outliers: {odd: {columns: [amount, amount]}}"},
        23,
        "'amount' is listed twice. Keep one",
    ),
    Malformed(
        "a joint rule by one of its columns",
        {23: "    joint_outliers: {odd: {columns: [amount, pieces], by: [pieces]}}"},
        23,
        "values cannot be grouped by 'pieces'",
    ),
    Malformed(
        "a joint rule with the name of a treated column",
        {23: "    joint_outliers: {amount: {columns: [amount, pieces]}}"},
        23,
        "'amount_outlier' is already a column, which cleaning 'amount' adds. Choose another name for the rule",
    ),
    Malformed(
        "a joint rule without fit",
        {20: "", 21: "", 22: "    joint_outliers:", 23: "      odd: {columns: [amount, pieces]}"},
        23,
        "the rule 'joint_outliers: mahalanobis' is fitted, and 'fit' is missing",
    ),
    Malformed("a fitted rule without fit", {20: ""}, 22, "the rule 'outliers: mad' is fitted, and 'fit' is missing"),
    Malformed(
        "an interval the wrong way round",
        {20: "    fit: {from: 2024-06-01, to: 2024-01-01}"},
        20,
        "the interval ends before it begins. 'to' is the first instant after it, later than 'from'",
    ),
    Malformed(
        "a day that does not exist",
        {20: "    fit: {from: 2024-02-30, to: 2024-05-01}"},
        20,
        "'2024-02-30' is not a time. Write ISO 8601, such as 2013-01-01 or 2013-01-01T10:15:00Z",
    ),
    Malformed(
        "a group of an unknown entity", {42: "    entity: buyr"}, 42, "there is no entity 'buyr'. Did you mean: buyer?"
    ),
    Malformed(
        "a group from an unknown source",
        {43: "    source: order"},
        43,
        "there is no source 'order'. Did you mean: orders?",
    ),
    Malformed(
        "a key as a latest value of its entity",
        {39: "  buyer: {keys: [shop]}"},
        53,
        "the feature 'shop' is a key of 'buyer'. A key is no feature; leave it out",
    ),
    Malformed(
        "a key that is a boolean",
        {39: "  buyer: {keys: [gift]}"},
        42,
        "the key 'gift' is true or false (boolean). Keys are strings or longs; derive one with a cast",
    ),
    Malformed(
        "a key that is treated",
        {23: "      customer: {missing: {fill: constant, value: nobody}}"},
        23,
        "'customer' is a key of 'buyer', and a key is not treated",
    ),
    Malformed(
        "a key of two types",
        {36: "      customer: {type: long}"},
        57,
        "the key 'customer' is a whole number (long) here and text (string) in 'orders'",
    ),
    Malformed(
        "a hop that does not divide a window",
        {48: "    hop: 7m"},
        48,
        "the hop 7m does not divide the window 1h. A hop divides all windows",
    ),
    Malformed(
        "windows without a common minute",
        {47: "    windows: [90s, 1h]", 48: "    description: x"},
        47,
        "no whole number of minutes divides all windows. State a 'hop' that does, such as 30s",
    ),
    Malformed(
        "one window in two spellings", {47: "    windows: [1h, 60m]"}, 47, "the window 60m is listed twice. Keep one"
    ),
    Malformed(
        "a ttl shorter than a window",
        {49: "    ttl: 24h"},
        49,
        "the ttl is shorter than the longest window and a hop (1445m)",
    ),
    Malformed(
        "a carried column that is not listed",
        {54: "    carry: {pieces: 3h}"},
        54,
        "there is no latest column 'pieces'. Did you mean: amount, shop?",
    ),
    Malformed(
        "an aggregate of no column",
        {46: "      amout: [mean]"},
        46,
        "there is no column 'amout' in 'orders'. Did you mean: amount?",
    ),
    Malformed(
        "a mean of text",
        {46: "      shop: [mean]"},
        46,
        "there is no mean of text (string). 'mean' is for: long, double, boolean",
    ),
    Malformed(
        "a sum of booleans",
        {46: "      gift: [sum]"},
        46,
        "there is no sum of true or false (boolean). 'sum' is for: long, double",
    ),
    Malformed(
        "a count of events named like a column",
        {45: "      gift: {count: events}"},
        45,
        "'gift' is a column of 'orders', and here it counts events. Choose a name that is no column",
    ),
    Malformed(
        "a latest value of no column",
        {53: "    latest: [amount, shp]"},
        53,
        "there is no column 'shp' in 'orders'. Did you mean: shop?",
    ),
    Malformed(
        "a key as a latest value",
        {53: "    latest: [amount, customer]"},
        53,
        "the feature 'customer' is a key of 'buyer'. A key is no feature; leave it out",
    ),
    Malformed(
        "a latest value listed twice", {53: "    latest: [amount, amount]"}, 53, "'amount' is listed twice. Keep one"
    ),
    Malformed(
        "a ttl for a table without event_at",
        {58: "    latest: [since]\n    ttl: 1d"},
        59,
        "the table 'customers' has no event_at, so its rows hold for ever. Leave it out",
    ),
    Malformed(
        "aggregates of a table without event_at",
        {58: "    aggregate: {since: [min]}\n    windows: [1h]"},
        58,
        "the table 'customers' has no event_at, so windows have no meaning. Use 'latest'",
    ),
    Malformed(
        "a group name with two underscores",
        {55: "  buyer__facts:"},
        55,
        "the name 'buyer__facts' has two underscores in a row or one at its end",
    ),
    Malformed(
        "a service of an unknown group",
        {61: "    features: [buyer_orders, buyer_fact]"},
        61,
        "there is no feature group 'buyer_fact'. Did you mean: buyer_facts, buyer_last?",
    ),
    Malformed(
        "a service that lists a group twice",
        {61: "    features: [buyer_orders, buyer_orders]"},
        61,
        "'buyer_orders' is listed twice. Keep one",
    ),
    Malformed(
        "a training set of an unknown service",
        {65: "    service: retrns"},
        65,
        "there is no service 'retrns'. Did you mean: returns?",
    ),
    Malformed(
        "rows of an unknown source",
        {66: "    rows: {source: ordrs, at: ordered_at}"},
        66,
        "there is no source 'ordrs'. Did you mean: orders?",
    ),
    Malformed(
        "rows of a table",
        {66: "    rows: {source: customers, at: since}"},
        66,
        "'customers' is a table. Rows and labels come from events: a source with a topic",
    ),
    Malformed(
        "rows at a number",
        {66: "    rows: {source: orders, at: amount}"},
        66,
        "'amount' gives a number (double), not a timestamp",
    ),
    Malformed(
        "rows without a key of the service",
        {
            66: "    rows: {source: returns, at: returned_at}",
            69: "      amount: {type: double, value: length(order_id)}",
            30: "",
        },
        66,
        "the source 'returns' has no column 'customer'",
    ),
    Malformed(
        "a label of another type",
        {67: "    label: {source: returns, by: [order_id], type: long, value: returned_at is not null}"},
        67,
        "'returned_at is not null' gives true or false (boolean), not a whole number (long)",
    ),
    Malformed(
        "an unknown feature kept",
        {62: PRUNED.format("keep: [buyer_last__amont]")},
        62,
        "there is no feature 'buyer_last__amont'. Did you mean: buyer_last__amount",
    ),
    Malformed(
        "a feature dropped by its short name",
        {62: PRUNED.format("drop: [since]")},
        62,
        "there is no feature 'since'. Did you mean: buyer_facts__since",
    ),
    Malformed(
        "a feature kept twice",
        {62: PRUNED.format("keep: [buyer_last__shop, buyer_last__shop]")},
        62,
        "'buyer_last__shop' is listed twice. Keep one",
    ),
    Malformed(
        "a feature kept and dropped",
        {62: PRUNED.format("keep: [buyer_last__shop], drop: [buyer_last__shop]")},
        62,
        "'buyer_last__shop' is also under 'keep'. Keep one",
    ),
    Malformed(
        "a service of which every feature is dropped",
        {61: "    features: [buyer_facts]", 62: PRUNED.format("drop: [buyer_facts__since]")},
        62,
        "every feature of the service is dropped. Leave some",
    ),
    Malformed(
        "a label by no column",
        {67: "    label: {source: returns, by: [order], type: boolean, value: returned_at is not null}"},
        67,
        "there is no column 'order' in 'orders'. Did you mean: order_id, ordered_at?",
    ),
    Malformed(
        "a label known at a text",
        {67: "    label: {source: returns, by: [order_id], type: long, value: 1 + 1, known_at: order_id}"},
        67,
        "'order_id' gives text (string), not a timestamp. Write cast(… as timestamp)",
    ),
    Malformed(
        "an extra column with a reserved name",
        {69: "      label: {type: double, value: amount}"},
        69,
        "the name 'label' is reserved. A row has at, label, label_known_at, row_id, split of its own",
    ),
    Malformed(
        "an extra column of no column",
        {69: "      amount: {type: double, value: amont}"},
        69,
        "there is no column 'amont'. Did you mean: amount?",
    ),
    Malformed(
        "a split without time for the test",
        {70: "    split: {train: {until: 2024-06-01}, test: {until: 2024-06-02}, embargo: 1d}"},
        70,
        "no time is left for the test",
    ),
]
