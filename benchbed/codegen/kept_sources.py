"""Generated sources kept for inspection, in the folder that `BENCHBED_KEEP_SOURCES` names."""

import hashlib
import os
import warnings
from pathlib import Path

from benchbed.codegen.fx_nodes import format_graph
from benchbed.codegen.template import GeneratedSource
from benchbed.codegen.trace import TracedStep

VARIABLE = "BENCHBED_KEEP_SOURCES"


def keep_source(traced: TracedStep, source: GeneratedSource) -> None:
    """Write a source to `NAME-FORM-HASH.cpp` and its graph to `NAME-FORM-HASH.txt`, if the variable is set.

    Equal sources have one file. Warns if the folder cannot be written.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    digest = hashlib.sha256(source.text.encode()).hexdigest()[:12]
    path = Path(folder) / f"{traced.name}-{source.form}-{digest}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".txt").write_text(format_graph(traced.graph.graph, traced.kinds), encoding="utf-8")
        path.with_suffix(".cpp").write_text(source.text, encoding="utf-8")
    except OSError as error:
        warnings.warn(f"{VARIABLE}: generated source not kept: {error}", stacklevel=2)
