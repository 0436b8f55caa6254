"""Decisions which trials of a study run next: outcomes, scores, selection, candidates and missing batches."""
