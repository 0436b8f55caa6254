"""Wrappers: functions from an optimizer to an optimizer, such as `cosine(adam, warmup=0.05)`."""
