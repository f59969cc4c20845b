"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const rows = Array.from(table.tBodies[0].rows);
      const numbers = rows.some((row) => row.cells[column].dataset.value !== undefined);
      const key = (row) => {
        const cell = row.cells[column];
        if (!numbers) return cell.textContent;
        return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
      };
      const sign = down ? -1 : 1;
      rows.sort((one, other) => {
        const a = key(one), b = key(other);
        if (!numbers) return sign * a.localeCompare(b);
        if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
        return sign * (a - b);
      });
      table.tBodies[0].append(...rows);
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
