"use strict";
// Pages opened from a disk may not read each other: the search then shows titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The table of papers: sort on a click, filter by text, family and state. Without this file it is a plain table.
document.addEventListener("DOMContentLoaded", () => {
  const table = document.getElementById("sb-papers");
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows], form = document.querySelector(".sb-filter");
  const text = document.getElementById("sb-text"), family = document.getElementById("sb-family"), state = document.getElementById("sb-state");
  const none = document.querySelector(".sb-nomatch"), count = document.getElementById("sb-count");
  const words = new Map(rows.map(r => [r, r.textContent.toLowerCase()]));
  form.hidden = false;
  form.addEventListener("submit", e => e.preventDefault());

  function filter() {
    const want = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const r of rows) {
      const ok = want.every(w => words.get(r).includes(w)) && (!family.value || r.dataset.family === family.value)
        && (!state.value || r.dataset.state === state.value);
      r.hidden = !ok;
      shown += ok;
    }
    count.textContent = `${shown} of ${rows.length}`;
    none.hidden = shown > 0;
  }
  for (const el of [text, family, state]) el.addEventListener("input", filter);
  document.getElementById("sb-clear").addEventListener("click", () => { form.reset(); filter(); });
  filter();

  const key = (row, i) => { const c = row.cells[i], v = c.dataset.sort ?? c.textContent.trim(); return v !== "" && !isNaN(v) ? +v : v.toLowerCase(); };
  [...table.tHead.rows[0].cells].forEach((th, i) => {
    if ("fixed" in th.dataset) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const first = /Quick|full/.test(button.textContent) ? "descending" : "ascending";
      const order = !th.ariaSort ? first : th.ariaSort === "ascending" ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const at = new Map(rows.map((r, n) => [r, n]));
      body.append(...[...rows].sort((a, b) => {
        const x = key(a, i), y = key(b, i);
        if (x === "" || y === "") return (x === "") - (y === "") || at.get(a) - at.get(b);  // what is missing stays below
        return (x < y ? -sign : x > y ? sign : at.get(a) - at.get(b));
      }));
    });
  });
});
