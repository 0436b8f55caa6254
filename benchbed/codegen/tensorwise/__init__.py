"""The tensorwise form: one lane at a time, with its tensors in a workspace that stays in the cache."""
