"""From several files to one table: rows joined by ids, and what is to be said of them.

- `file_part`: What a reader hands over, before files are put side by side.
- `row_matching`: Which rows files share: ids of parts, files that do not fit, and what one file
  lacks.
- `merge`: Several files side by side: rows matched by key, scorers and labels put next to one
  another.
- `hints`: What to type next where several values stand for one row: every cure, likeliest first.
- `refusals`: What can be settled only when labels and verdicts stand side by side.
- `suspicious_values`: What looks wrong in a table as read: codes for missing, names that look
  alike, huge numbers.
"""
