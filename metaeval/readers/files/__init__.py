"""From bytes to frames of cells as they are.

- `file_bytes`: Bytes of a file, plain or gzipped, checked and counted block by block before any
  parsing.
- `content_type`: Text files: what kind they are by name and content, and their beginning as text.
- `foreign_formats`: Files of other tools that this release does not read: how to tell them, and
  what to do.
- `raw_frame`: Tables from files (CSV, TSV, JSON, JSON Lines, Parquet; gzipped or not) and from
  frames.
- `dialect`: How a table of text is written: what stands between cells, what ends a line, quotes,
  a header.
- `csv_tables`: Tables of text: CSV and TSV, and their relatives with semicolons, bars or blanks.
- `json_tables`: Tables in JSON: an array of objects, maybe within one, an object of lists, or
  objects by line.
- `data_frames`: Parquet files and the frames of other libraries.
"""
