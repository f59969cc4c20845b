"""From names and contents of columns to their roles.

- `aliases`: Roles of columns, and their aliases.
- `roles`: Assign roles to columns by names, aliases and the mapping of the user.
- `column_inference`: Infer whether columns without a role are scores, labels or covariates.
- `joined_ids`: Ids combined from two columns: a role mapped to `doc+seg`.
- `row_numbers`: Columns that number the rows of a file, such as the index that pandas writes.
"""
