"""From bytes to frames of raw cells.

- `file_bytes`: Bytes of a file, plain or gzipped, checked and counted in blocks before parsing.
- `content_type`: The kind of a text file by name and content, and its beginning as text.
- `foreign_formats`: Files of other tools that this release does not read, with advice.
- `raw_frame`: Tables from files (CSV, TSV, JSON, JSON Lines, Parquet; gzipped or not) and from
  frames.
- `frame_origin`: Where a frame of raw cells comes from: carried along in its `attrs`.
- `dialect`: The dialect of a text table: delimiter, line ends, quotes, header.
- `csv_tables`: Text tables: CSV and TSV, and variants with semicolons, bars or spaces.
- `json_tables`: Tables in JSON: an array of objects, possibly nested in one, an object of lists,
  or one object per line.
- `data_frames`: Parquet files and the frames of other libraries.
"""
