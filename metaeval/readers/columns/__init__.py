"""From names and contents of columns to their roles.

- `aliases`: Roles of columns, and the other names under which they go.
- `roles`: Which column is which: names, their aliases, and what the user says about them.
- `column_inference`: Which columns without a role are scores, labels or covariates, where nobody
  said.
- `joined_ids`: Ids of two columns together: a role mapped to `doc+seg` takes the ids of both.
- `row_numbers`: Columns that number the rows of a file: pandas writes one where nobody asks it
  to.
"""
