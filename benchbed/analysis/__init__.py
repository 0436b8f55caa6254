"""Statistics of a study: frames, intervals, comparisons, summaries and findings."""
