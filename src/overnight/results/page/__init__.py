"""Pages of HTML that are one file and need no network: text, tables and curves to zoom into.

    page.document("Night of 3 May", [page.Section("Runs", [page.paragraph("…"), page.chart(…)])])

All text is plain text and escaped here, and nowhere else.
"""

from overnight.results.page.blocks import (
    Block,
    Cell,
    Status,
    commands,
    details,
    facts,
    paragraph,
    status_list,
    table,
)
from overnight.results.page.charts import Chart, Line, chart
from overnight.results.page.documents import Section, document

__all__ = [
    "Block",
    "Cell",
    "Chart",
    "Line",
    "Section",
    "Status",
    "chart",
    "commands",
    "details",
    "document",
    "facts",
    "paragraph",
    "status_list",
    "table",
]
