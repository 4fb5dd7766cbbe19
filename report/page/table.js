// A click on the head of a column orders the rows by it, another one the other way round; empty cells stay last.
function sortable(table) {
  for (const button of table.querySelectorAll("th button")) button.onclick = () => {
    const column = button.parentNode, body = table.tBodies[0], down = column.ariaSort === "ascending";
    const key = row => row.cells[column.cellIndex].dataset.key;
    const rows = [...body.rows].sort((a, b) => {
      const x = key(a), y = key(b);
      if (!x || !y) return !x - !y;
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return down ? -order : order;
    });
    for (const other of column.parentNode.cells) other.ariaSort = null;
    column.ariaSort = down ? "descending" : "ascending";
    body.append(...rows);
  };
}

// condition reads "column > 0.5"; null for what is words to look for.
function condition(text, columns) {
  const m = /^(.+?)\s*(<=|>=|<|>|=)\s*(\S+)$/.exec(text.trim());
  const column = m ? columns.findIndex(c => c.toLowerCase() === m[1].trim().toLowerCase()) : -1;
  if (column < 0 || isNaN(m[3])) return null;
  const wanted = Number(m[3]);
  const holds = {"<": v => v < wanted, ">": v => v > wanted, "<=": v => v <= wanted, ">=": v => v >= wanted, "=": v => v === wanted}[m[2]];
  return row => row.cells[column].dataset.key !== "" && holds(Number(row.cells[column].dataset.key));
}

function filterable(section, table) {
  const input = section.querySelector(".filter input"), count = section.querySelector(".count"), rows = [...table.tBodies[0].rows];
  const columns = [...table.tHead.rows[0].cells].map(c => c.textContent.trim());
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean), holds = condition(input.value, columns);
    let shown = 0;
    for (const row of rows) {
      const keep = holds ? holds(row) : words.every(w => row.textContent.toLowerCase().includes(w));
      row.hidden = !keep;
      shown += keep;
    }
    count.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  };
  input.oninput = apply;
  apply();
}

// linked lights what rows or cards are about while the pointer or the keyboard is at them.
function linked(elements) {
  for (const e of elements) {
    e.tabIndex = 0;
    for (const event of ["pointerenter", "focus"]) e.addEventListener(event, () => light(e.dataset.link));
    for (const event of ["pointerleave", "blur"]) e.addEventListener(event, () => light(""));
  }
}
