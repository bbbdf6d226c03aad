"use strict";
/* The views of runs and of how to read the page. */
Iceb.about = (() => {
  const { h } = Iceb;

  /** List every run of a board with its command, and what could not be shown. */
  function runs(board, index) {
    const all = board.rows.flatMap((row) => Object.entries(row.cells).map(([count, cell]) => ({ row, count: Number(count), cell })));
    const columns = [
      { key: "run", label: "run", head: true, cell: ({ cell }) => h("span", { class: "mono" }, cell.run) },
      { key: "method", label: "method", cell: ({ row }) => row.label },
      { key: "edits", label: "edits", number: true, cell: ({ count }) => String(count) },
      { key: "status", label: "status", cell: ({ cell }) => cell.status },
      { key: "command", label: "command", cell: ({ cell }) => Iceb.scores.command(cell.command) },
      { key: "made", label: "made", cell: ({ cell }) => h("span", { class: "small quiet" }, cell.origin) },
    ];
    const parts = [h("h2", {}, "Runs"), Iceb.table.make({ caption: "Runs and their commands", columns, rows: all, sort: "", change: () => {} })];
    if (board.older) parts.push(h("p", { class: "quiet" }, `${board.older} earlier runs of the same cells are left out: of each the latest is shown.`));
    if (index.leftOut.length) parts.push(h("h2", {}, "Runs that are not shown"), h("ul", {}, index.leftOut.map((each) => h("li", {}, h("span", { class: "mono" }, each.name), `: ${each.reason}`))));
    return parts;
  }

  /** Explain how to read the page. */
  function reading(board) {
    const said = [
      "A table holds results of one task, data, model and way of drawing. Each number of edits has ranks of its own.",
      "± is one standard error over concepts, in brackets the 95 % interval. Intervals are given from ten concepts of equal weight on.",
      "↑ more is better, ↓ less is better. Controls are compared with and never ranked; unedited is the model as it was.",
      "A rank is a range, 2–4: it begins after all rows that are proven better and ends before those that are proven worse, by paired tests on the same concepts and seeds. Rows with a letter in common are not told apart. A row that is not proven better than unedited has no rank.",
      "In Images, everything in one line was drawn from the same prompt and seed. The ceiling is the unedited model's image with the destination's name in the place of the source's: a weight edit can hardly do better.",
      "Every view has an address of its own: copy it from the browser to come back to the same filter, order and comparison.",
    ];
    return [h("h2", {}, "How to read this page"), h("ul", { class: "prose" }, said.map((each) => h("li", {}, each)), board.note ? h("li", {}, board.note) : null),
      h("h2", {}, "Metrics"), h("dl", { class: "prose" }, board.metrics.map((metric) => [h("dt", {}, `${metric.label} ${metric.higher ? "↑" : "↓"}`), h("dd", {}, metric.says)])),
      h("p", { class: "small quiet" }, "Figures are drawn by uPlot, MIT licence (assets/uplot.LICENSE.txt).")];
  }

  return { runs, reading };
})();
