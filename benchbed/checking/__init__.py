"""Check of plugins for their authors: the claims of the contract, a short pairing, and the cost of a step."""

from benchbed.checking.running import check_subject
from benchbed.checking.subjects import CheckSubject, file_of_target, find_subjects
from benchbed.checking.verdicts import ClaimVerdict, StepCost, SubjectReport, broken_files

__all__ = [
    "CheckSubject",
    "ClaimVerdict",
    "StepCost",
    "SubjectReport",
    "broken_files",
    "check_subject",
    "file_of_target",
    "find_subjects",
]  # fmt: skip
