"use strict";
/* The table of scores at one number of edits, with ranks, intervals, and how to repeat each row. */
Iceb.scores = (() => {
  const { h, svg, number, go } = Iceb;
  const open = new Set();

  /** Return the rows that have this number of edits, in the order of their ranks. */
  function rowsAt(board, n) {
    return board.rows.map((row, place) => ({ ...row, place, cell: row.cells[n] })).filter((row) => row.cell)
      .sort((a, b) => a.cell.order - b.cell.order);
  }

  /** Show a score: value ± standard error, and below it the 95 % interval. */
  function scoreCell(score, decimals) {
    if (!score || score[0] === null) return h("span", { title: (score && score[9]) || "not computed" }, "–");
    const [value, error, low, high, , , , , failed, note] = score;
    const first = h("span", { title: note || null }, number(value, decimals), error === null ? "" : h("span", { class: "error" }, ` ± ${number(error, decimals)}`));
    const second = low === null ? null : h("span", { class: "interval" }, `[${number(low, decimals)}, ${number(high, decimals)}]`);
    return h("span", { class: "score" }, first, second, failed ? h("span", { class: "interval" }, `${failed} images failed`) : null);
  }

  /** Draw a score's interval on the scale of its column. */
  function whisker(score, [least, most]) {
    if (!score || score[0] === null || most <= least) return "";
    const at = (value) => 4 + 132 * (value - least) / (most - least);
    const parts = [];
    if (least < 0 && most > 0) parts.push(svg("line", { x1: at(0), x2: at(0), y1: 2, y2: 18, class: "zero" }));
    if (score[2] !== null) parts.push(svg("line", { x1: at(score[2]), x2: at(score[3]), y1: 10, y2: 10, class: "span" }));
    parts.push(svg("circle", { cx: at(score[0]), cy: 10, r: 3.5, class: "dot" }));
    return svg("svg", { width: 140, height: 20, viewBox: "0 0 140 20", "aria-hidden": "true", class: "whisker" }, ...parts);
  }

  /** Return the least and greatest number that a column's whiskers reach. */
  function reach(rows, label) {
    const found = rows.map((row) => row.cell.scores[label]).filter((score) => score && score[0] !== null)
      .flatMap((score) => [score[0], score[2] ?? score[0], score[3] ?? score[0]]);
    return found.length ? [Math.min(0, ...found), Math.max(0, ...found)] : [0, 0];
  }

  /** Show the ranks that a row may have with the letters of its ties, or why there is none. */
  function rankCell({ cell }) {
    if (cell.rank === null) return h("span", { class: "quiet small reason" }, cell.place);
    return [cell.place, " ", h("span", { class: "quiet small" }, h("span", { class: "unseen" }, "ties "), cell.ties)];
  }

  /** Show a method's name as the button that opens its settings. */
  function methodCell(row) {
    const shown = open.has(row.place);
    return h("button", { type: "button", class: "name", "aria-expanded": String(shown),
      onclick: () => { if (shown) open.delete(row.place); else open.add(row.place); Iceb.app.draw(); } },
    row.label, row.control ? h("span", { class: "tag" }, "control") : null);
  }

  /** Show a command with a button that copies it. */
  function command(text) {
    const copy = h("button", { type: "button", onclick: async (event) => {
      const button = event.target;
      try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(button.previousSibling); button.textContent = "Selected"; }
    } }, "Copy");
    return h("div", { class: "command" }, h("code", {}, text), copy);
  }

  /** Show what stands behind a row. */
  function detail(row) {
    if (!open.has(row.place)) return null;
    const { cell } = row;
    const facts = [["run", cell.run], ["made", cell.origin], ["settings", row.recipe || "the method's own defaults"],
      ["‖ΔW‖ / ‖W‖", cell.change], ["degenerate images", cell.degenerate],
      ["edit", cell.seconds === null ? "–" : `${number(cell.seconds, 1)} s`], ["draws, seeds", `${cell.draws}, ${cell.seeds}`],
      ["paper", row.paper || "none"], ["fidelity", row.fidelity || "–"]];
    return h("div", { class: "facts" }, h("p", {}, "Repeat this row:"), command(cell.command),
      h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      h("details", {}, h("summary", {}, "every setting"), h("code", { class: "block" }, row.params)));
  }

  /** Choose the metrics that have a column. */
  function shownMetrics(board, all, rows) {
    const known = board.metrics.filter((metric) => rows.some((row) => row.cell.scores[metric.label]));
    if (all) return known;
    const first = [board.headline, board.axes.efficacy, board.axes.preservation].filter(Boolean);
    const shown = known.filter((metric) => first.includes(metric.label));
    return shown.length >= 2 ? shown : known.slice(0, 3);
  }

  /** List the columns of the table. */
  function columns(board, rows, metrics) {
    const main = board.headline || (metrics[0] && metrics[0].label);
    return [
      { key: "rank", label: "rank", cell: rankCell, by: (row) => row.cell.rank, number: true },
      { key: "method", label: "method", cell: methodCell, by: (row) => row.label, head: true },
      ...metrics.flatMap((metric) => {
        const own = { key: metric.label, label: `${metric.label} ${metric.higher ? "↑" : "↓"}`, number: true, down: metric.higher,
          says: metric.says, by: (row) => row.cell.scores[metric.label]?.[0], cell: (row) => scoreCell(row.cell.scores[metric.label], metric.decimals) };
        if (metric.label !== main) return [own];
        const range = reach(rows, main);
        return [own, { key: "interval", label: "95 % interval", cell: (row) => whisker(row.cell.scores[main], range), wide: true }];
      }),
    ];
  }

  /** Draw the view. */
  function draw(board, state) {
    const all = rowsAt(board, state.n);
    const wanted = Iceb.words(state.q);
    const rows = all.filter((row) => wanted.every((word) => `${row.label} ${row.params}`.toLowerCase().includes(word)));
    const metrics = shownMetrics(board, state.all, all);
    Iceb.say(`${rows.length} of ${all.length} rows`);
    return [
      h("div", { class: "controls" }, Iceb.search("Filter methods", state.q, (q) => { go({ q }, true); Iceb.app.redraw(); }),
        h("label", { class: "check" }, h("input", { type: "checkbox", checked: Boolean(state.all), onchange: () => go({ all: state.all ? "" : "1" }) }), " all metrics")),
      board.unranked ? h("p", { class: "quiet" }, `Nothing is ranked: ${board.unranked}.`) : null,
      Iceb.table.make({ caption: `Scores at ${state.n} edits`, columns: columns(board, all, metrics), rows, detail,
        sort: state.sort || "rank", change: (sort) => go({ sort }), empty: "No method fits." }),
      h("p", { class: "quiet small" }, "A rank is the range that a row may have; rows with a letter in common are not told apart. ± is one standard error over concepts, in brackets the 95 % interval. Names open a row's settings and its command."),
    ];
  }

  return { draw, rowsAt, scoreCell, command };
})();
