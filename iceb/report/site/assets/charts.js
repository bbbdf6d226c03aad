"use strict";
/* The view of curves: score against number of edits, and efficacy against preservation. */
Iceb.charts = (() => {
  const { h, number, go, choice } = Iceb;

  /** List the rows of a board with their places and styles. */
  function styledRows(board) {
    const rows = board.rows.map((row, place) => ({ ...row, place }));
    const styles = Iceb.plots.styles(rows);
    return rows.map((row) => ({ ...row, ...styles.get(row.place) }));
  }

  /** Return the numbers of a row's line; cells without a value have no point. */
  function points(row, metric) {
    return Object.entries(row.cells).map(([count, cell]) => [Number(count), cell.scores[metric]])
      .filter(([, score]) => score && score[0] !== null)
      .map(([x, score]) => ({ x, y: score[0], error: score[1], low: score[2], high: score[3] })).sort((a, b) => a.x - b.x);
  }

  /** Find the points that no other one beats in both directions, from left to right. */
  function frontOf(found, better) {
    const gain = (point, side) => (better[side] ? point[side][0] : -point[side][0]);
    const beaten = (one) => found.some((other) => other !== one && gain(other, "x") >= gain(one, "x") && gain(other, "y") >= gain(one, "y")
      && (gain(other, "x") > gain(one, "x") || gain(other, "y") > gain(one, "y")));
    return found.filter((one) => !beaten(one)).sort((a, b) => a.x[0] - b.x[0]);
  }

  /** Make the legend: a box for each row, which hides it. */
  function legend(rows, hidden) {
    return h("fieldset", { class: "legend" }, h("legend", { class: "unseen" }, "Methods shown"), rows.map((row) => h("label", {},
      h("input", { type: "checkbox", checked: !hidden.has(String(row.place)), onchange: () => {
        const next = new Set(hidden);
        if (!next.delete(String(row.place))) next.add(String(row.place));
        go({ hide: [...next].join(".") });
      } }),
      h("span", { class: "key", style: `border-color:${row.colour};border-style:${row.dash.length ? "dashed" : "solid"}` }), row.label)));
  }

  /** Put the numbers of a figure into a table, for readers who do not see it and for those who copy. */
  function numbersTable(caption, heads, rows) {
    const columns = heads.map((label, place) => ({ key: String(place), label, head: place === 0, number: place > 0, cell: (row) => row[place] }));
    return h("details", {}, h("summary", {}, "Show the numbers"), Iceb.table.make({ caption, columns, rows, sort: "", change: () => {} }));
  }

  /** Format a point, value ± standard error and interval, with the decimals of its metric. */
  function withError({ y, error, low, high }, decimals) {
    const ends = low === null ? "" : ` [${number(low, decimals)}, ${number(high, decimals)}]`;
    return `${number(y, decimals)}${error === null ? "" : ` ± ${number(error, decimals)}`}${ends}`;
  }

  /** Make the figure of curves. */
  function curves(board, state, rows, hidden) {
    const label = state.metric || board.headline || board.metrics[0].label;
    const metric = board.metrics.find((each) => each.label === label) || board.metrics[0];
    const series = rows.map((row) => ({ ...row, points: points(row, metric.label), show: !hidden.has(String(row.place)) })).filter((row) => row.points.length);
    const counts = [...new Set(series.flatMap((row) => row.points.map((point) => point.x)))].sort((a, b) => a - b);
    const place = h("div", { class: "plot", role: "img", "aria-label": `${metric.label} against the number of edits; the numbers stand in the table below` });
    if (counts.length) requestAnimationFrame(() => Iceb.plots.lines(place, series, counts, `${metric.label} ${metric.higher ? "↑" : "↓"}`));
    const table = numbersTable(`${metric.label} by number of edits`, ["method", ...counts.map((count) => `${count}`)],
      series.map((row) => [row.label, ...counts.map((count) => { const found = row.points.find((point) => point.x === count); return found ? withError(found, metric.decimals) : "–"; })]));
    return h("section", {}, h("h2", {}, "Score against number of edits"),
      h("div", { class: "controls" }, choice("Metric", board.metrics.map((each) => [each.label, each.label]), metric.label, (value) => go({ metric: value }))),
      h("p", { class: "quiet" }, metric.says, metric.higher ? " More is better." : " Less is better."),
      h("figure", {}, place, h("figcaption", { class: "small quiet" }, counts.length < 2 ? "One number of edits was run, so there is no curve yet. " : "", "Bars are 95 % intervals over concepts. A line joins numbers that were run; nothing was measured between them.")),
      legend(series, hidden), table);
  }

  /** Make the figure of efficacy against preservation. */
  function pareto(board, state, rows, hidden) {
    const labels = board.metrics.map((each) => each.label);
    const x = state.x || board.axes.efficacy || labels[0];
    const y = state.y || board.axes.preservation || labels[1] || labels[0];
    const of = (label) => board.metrics.find((each) => each.label === label);
    const better = Object.fromEntries([["x", x], ["y", y]].map(([side, label]) => [side, of(label)?.higher]));
    const found = rows.filter((row) => !hidden.has(String(row.place)) && row.cells[state.n]).map((row) => ({ ...row, x: row.cells[state.n].scores[x], y: row.cells[state.n].scores[y] }))
      .filter((row) => row.x && row.y && row.x[0] !== null && row.y[0] !== null);
    const front = frontOf(found.filter((row) => !row.control), better);
    const arrow = (label) => `${label} ${of(label)?.higher ? "↑" : "↓"}`;
    const place = h("div", { class: "plot", role: "img", "aria-label": `${y} against ${x} at ${state.n} edits; the numbers stand in the table below` });
    if (found.length) requestAnimationFrame(() => Iceb.plots.scatter(place, found, front, [arrow(x), arrow(y)]));
    const cell = (score, label) => withError({ y: score[0], error: score[1], low: score[2], high: score[3] }, of(label)?.decimals);
    const table = numbersTable(`${y} against ${x}`, ["method", x, y, "on the front"], found.map((row) => [row.label, cell(row.x, x), cell(row.y, y), front.includes(row) ? "yes" : ""]));
    return h("section", {}, h("h2", {}, `Efficacy against preservation at ${state.n} edits`),
      h("div", { class: "controls" }, choice("Across", labels.map((each) => [each, each]), x, (value) => go({ x: value })), choice("Up", labels.map((each) => [each, each]), y, (value) => go({ y: value }))),
      h("figure", {}, place, h("figcaption", { class: "small quiet" }, found.length ? "" : "No row has both metrics. ",
        "Crosses are 95 % intervals. The dashed line joins contenders that no other one beats in both; it takes no account of the intervals. Controls are grey.")), table);
  }

  /** Put the capacities into a table, with what each number is. */
  function capacity(board) {
    if (!board.capacity) return null;
    const { heads, rows, says } = board.capacity;
    const columns = heads.map((label, place) => ({ key: String(place), label, head: place === 0, number: place > 0, cell: (row) => row[place] }));
    return h("section", {}, h("h2", {}, "Capacity: how many concepts at once"),
      Iceb.table.make({ caption: "Capacities", columns, rows, sort: "", change: () => {} }),
      h("details", {}, h("summary", {}, "What these numbers are"), h("ul", {}, says.map((each) => h("li", {}, each.replaceAll("`", ""))))));
  }

  /** Draw the view. */
  function draw(board, state) {
    const rows = styledRows(board);
    const hidden = new Set(state.hide.split(".").filter(Boolean));
    return [curves(board, state, rows, hidden), capacity(board), pareto(board, state, rows, hidden)];
  }

  return { draw };
})();
