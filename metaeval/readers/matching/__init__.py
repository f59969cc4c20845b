"""From several files to one table: rows joined by ids, with hints and warnings.

- `file_part`: The output of a reader for one file, before merging.
- `row_matching`: Rows that files share: ids of parts, files that do not match, missing rows.
- `merge`: Merge files: match rows by ids, and put scorers and labels next to one another.
- `hints`: Advice where several values belong to one row: every remedy, likeliest first.
- `refusals`: Verdicts that can be scored only after labels have been merged.
- `suspicious_values`: Suspicious values in a table: codes for missing values, similar names, huge
  numbers.
"""
