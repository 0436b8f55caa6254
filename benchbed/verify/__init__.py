"""Verification of a study folder: stored batches run again and are compared with their rows."""
