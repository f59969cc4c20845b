"""One HTML page with everything that a table says of its scorers, and its parts as files.

- `writing`: `report`: everything that a table says, as one page and as files.
- `collecting`: Parts of a section that could be made, and why others could not.
- `sections`: Sections of a report on a table: what is computed, and how it is put.
- `parts`: What a report is made of: sections with texts, tables and figures.
- `drawing`: Figures of a report: drawn once, kept as SVG, PDF and PNG.
- `posteriors`: The section of a report on posteriors.
- `glossary`: Words of a report, and what they mean.
- `pages`: Sections as one HTML page that needs nothing else.
"""

from __future__ import annotations

from metaeval.reporting.sections import Subject as Subject
from metaeval.reporting.writing import report, written as written

__all__ = ["report"]
