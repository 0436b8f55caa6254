"""Decide which trials run next."""
