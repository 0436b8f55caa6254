"""A study as HTML for a notebook: its conclusion and its scores."""

from collections.abc import Sequence

import jinja2

from benchbed.analysis.findings import findings
from benchbed.formatting import plural, printable
from benchbed.interfaces import Results
from benchbed.reports.page import conclusions
from benchbed.reports.page.tables import page_table, score_table
from benchbed.reports.tables.summary import summary_tables

_MOST_TABLES = 8
"""Tables of single problems, for a study without mean scores."""
_TEMPLATE = """\
<div>
{% for paragraph in conclusions %}
<p>{{ paragraph }}</p>
{% endfor %}
{% for table in tables %}
<table class="dataframe">
<caption style="text-align: left; caption-side: top">{{ table.title|printable }}</caption>
{% set is_text = table.rows[0].cells|map(attribute="is_text")|list %}
<thead><tr>
{%- for header in table.headers -%}
<th style="text-align: {{ 'left' if is_text[loop.index0] else 'right' }}">{{ header|printable }}</th>
{%- endfor -%}
</tr></thead>
<tbody>
{% for row in table.rows %}
<tr>
{%- for cell in row.cells -%}
<td style="text-align: {{ 'left' if cell.is_text else 'right' }}">
{%- if cell.is_best %}<b>{{ cell.text|printable }}</b>{% else %}{{ cell.text|printable }}{% endif -%}
</td>
{%- endfor -%}
</tr>
{% endfor %}
</tbody>
</table>
{% endfor %}
{% for paragraph in further %}
<p>{{ paragraph|printable }}</p>
{% endfor %}
</div>
"""


def study_html(results: Results, further: Sequence[str]) -> str:
    """Return the conclusion in two sentences, the table of scores, and `further` paragraphs; all text is escaped."""
    sentences = findings(results)
    numbers = {optimizer: index for index, optimizer in enumerate(results.optimizers)}
    scores = score_table(results, numbers)
    single = summary_tables(results) if scores is None else []
    tables = (
        [scores] if scores is not None else [page_table(table, numbers) for table in single[:_MOST_TABLES]]
    )
    if len(single) > _MOST_TABLES:
        further = [f"{plural(len(single) - _MOST_TABLES, 'further problem')}: see study.summary", *further]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["printable"] = printable
    return environment.from_string(_TEMPLATE).render(
        conclusions=[
            printable(f"{first} {second}".strip()) for first, second in conclusions(results, sentences)
        ],
        tables=tables,
        further=further,
    )
