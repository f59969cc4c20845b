"""The report on a table: one HTML page, and its tables, figures and numbers as files.

- `writing`: `report`, which computes everything and writes the page and the files.
- `collecting`: Figures and tables of a section, and the reasons for those that are not available.
- `sections`: Sections of the report: what is computed, with captions and headings.
- `parts`: Components of a report: sections with texts, tables and figures.
- `drawing`: Figures of a report as SVG, PDF and PNG.
- `posteriors`: The section on posteriors.
- `glossary`: Terms of the report and their meanings.
- `pages`: Sections as one self-contained HTML page.
"""

from __future__ import annotations

from metaeval.reporting.sections import ReportInput as ReportInput
from metaeval.reporting.writing import report, write_report as write_report

__all__ = ["report"]
