"use strict";
/* A table that sorts by its columns and shows one page of rows at a time. */
Iceb.table = (() => {
  const { h } = Iceb;

  /** Compare two sort keys; missing ones come last in either direction. */
  function compare(first, second, down) {
    const none = (key) => key === null || key === undefined || key === "";
    if (none(first) || none(second)) return none(first) - none(second);
    const order = typeof first === "number" ? first - second : String(first).localeCompare(String(second), "en", { numeric: true });
    return down ? -order : order;
  }

  /** Sort rows by a column, "-key" downwards; the given order stays among equals. */
  function sorted(rows, columns, sort) {
    const column = columns.find((each) => each.key === sort.replace(/^-/, ""));
    if (!column) return rows;
    const down = sort.startsWith("-");
    return rows.map((row) => [column.by(row), row]).sort((a, b) => compare(a[0], b[0], down)).map((pair) => pair[1]);
  }

  /** Name the class of a column's cells: numbers stand right, and a phone leaves out what is wide. */
  function kind(column) {
    return [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || null;
  }

  /** Make a column's head, a button where the column sorts. */
  function head(column, sort, change) {
    const mine = column.by && sort.replace(/^-/, "") === column.key;
    const down = sort.startsWith("-");
    const attributes = { scope: "col", class: kind(column) };
    if (!column.by) return h("th", attributes, column.label);
    const next = mine ? (down ? column.key : `-${column.key}`) : (column.down ? `-${column.key}` : column.key);
    const mark = h("span", { class: "mark", "aria-hidden": "true" }, mine ? (down ? "▼" : "▲") : "");
    const label = column.number ? [mark, column.label] : [column.label, mark];
    return h("th", { ...attributes, "aria-sort": mine ? (down ? "descending" : "ascending") : "none" },
      h("button", { type: "button", title: column.says, onclick: () => change(next) }, label));
  }

  /**
   * Make a table.
   * columns: key, label, cell(row), by(row) where it sorts, number, head (the row's own heading), says, down.
   * detail(row): an element below the row, or null.
   */
  function table({ caption, columns, rows, sort, change, detail, empty }) {
    const body = h("tbody", {}, sorted(rows, columns, sort).map((row) => {
      const cells = columns.map((column) => h(column.head ? "th" : "td",
        { scope: column.head ? "row" : null, class: kind(column) },
        column.cell(row)));
      const more = detail ? detail(row) : null;
      return [h("tr", {}, cells), more ? h("tr", { class: "detail" }, h("td", { colspan: columns.length }, more)) : null];
    }));
    if (!rows.length) body.append(h("tr", {}, h("td", { colspan: columns.length, class: "quiet" }, empty || "Nothing fits.")));
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      h("table", {}, h("caption", { class: "unseen" }, caption),
        h("thead", {}, h("tr", {}, columns.map((column) => head(column, sort, change)))), body));
  }

  /** Make the links from page to page; none where one page is enough. */
  function pages(count, size, page, change) {
    const last = Math.max(1, Math.ceil(count / size));
    if (last === 1) return null;
    const step = (to, text, label) => h("button", { type: "button", disabled: to < 1 || to > last, "aria-label": label,
      onclick: () => change(String(to)) }, text);
    return h("nav", { class: "pages", "aria-label": "Pages" }, step(page - 1, "‹", "Page before"),
      h("span", {}, `${page} of ${last}`), step(page + 1, "›", "Next page"));
  }

  return { make: table, pages, sorted };
})();
