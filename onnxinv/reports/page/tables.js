"use strict";
const sorted = (row, place) => {
  const cell = row.children[place], text = "sort" in cell.dataset ? cell.dataset.sort : cell.textContent;
  return text === "" ? NaN : isNaN(text) ? text : Number(text);
};
const order = (a, b) => (a !== a) - (b !== b) || (typeof a === typeof b ? (a > b) - (a < b) : typeof a < typeof b ? -1 : 1);

document.querySelectorAll("table.sortable").forEach((table) => {
  const heads = table.querySelectorAll("thead th");
  heads.forEach((head, place) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.querySelectorAll("tbody").forEach((body) => {
      const rows = [...body.children].map((row) => [sorted(row, place), row]);
      rows.sort(([a], [b]) => (a !== a || b !== b) ? order(a, b) : down ? order(b, a) : order(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  }));
});
const filter = (input) => {
  const wanted = input.value.toLowerCase(), table = document.getElementById(input.dataset.table);
  table.querySelectorAll("tbody tr").forEach((row) => {
    row.hidden = ![...row.querySelectorAll("th, .word")].some((cell) => cell.textContent.toLowerCase().includes(wanted));
  });
  const rows = [...table.querySelectorAll("tbody:not([hidden]) tr")];
  input.nextElementSibling.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
};
const filters = document.querySelectorAll("input[data-table]");
filters.forEach((input) => input.addEventListener("input", () => filter(input)));
document.querySelectorAll("#measure").forEach((choice) => choice.addEventListener("change", () => {
  document.querySelectorAll(".of").forEach((each) => { each.hidden = each.dataset.of !== choice.value; });
  filters.forEach(filter);
}));
