"""JSON Schemas: from Python types, fitted to what a provider takes, and held against values.

Pure functions of values; nothing here knows a dialect.
"""

from modelway.schema.derive import answer_schema, schema_of
from modelway.schema.fit import Fitted, fitted
from modelway.schema.shapes import object_schema
from modelway.schema.subsets import SUBSETS, Subset, subset

__all__ = [
    "SUBSETS",
    "Fitted",
    "Subset",
    "answer_schema",
    "fitted",
    "object_schema",
    "schema_of",
    "subset",
]
