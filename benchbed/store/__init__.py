"""The study folder: immutable Parquet files, written atomically, from which a study resumes."""

from benchbed.store.folder import StudyFolder
from benchbed.store.outputs import Outputs, retire_other_plan
from benchbed.store.schema import TRIAL_SCHEMA, from_bytes, table_of, to_bytes

__all__ = [
    "TRIAL_SCHEMA",
    "Outputs",
    "StudyFolder",
    "from_bytes",
    "retire_other_plan",
    "table_of",
    "to_bytes",
]
