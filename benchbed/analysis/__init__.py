"""Turn stored trials into frames: calls to target, selection and scores, as the protocol says."""
