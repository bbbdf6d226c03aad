"use strict";
/* The view of concepts: values of each under two methods, the worst, the largest disagreements, and one concept whole. */
Iceb.concepts = (() => {
  const { h, number, signed, go, choice, search, words } = Iceb;
  const PAGE = 50; // rows
  const WORST = 20;

  /** Return the rows of the set, and the two that are compared; A is the first contender unless chosen. */
  function compared(board, set, state) {
    const rows = board.rows.map((row, place) => ({ ...row, place: String(place) })).filter((row) => set.rows.includes(Number(row.place)));
    const likely = [...rows].sort((one, other) => one.control - other.control || one.cells[state.n].order - other.cells[state.n].order);
    const a = rows.find((row) => row.place === state.a) || likely[0];
    return { rows, a, b: rows.find((row) => row.place === state.b) || likely.find((row) => row !== a) };
  }

  /** List every concept with its values under both methods. */
  function values(set, metric, a, b) {
    const of = (row) => (row && set.values[metric] && set.values[metric][row.place]) || {};
    const [first, second] = [of(a), of(b)];
    return set.concepts.map((name, place) => ({ place, name, a: first[place], b: second[place] })).filter((each) => each.a || each.b)
      .map((each) => ({ ...each, gap: each.a && each.b ? each.b[0] - each.a[0] : null }));
  }

  const change = (value) => (value ? h("span", {}, signed(value[0]), value[1] === null || value[2] === null ? "" : h("span", { class: "interval" }, `${number(value[1])} → ${number(value[2])}`)) : "–");

  /** List the columns of the table of concepts. */
  function columns(a, b) {
    const link = (each) => h("a", { href: Iceb.address({ concept: String(each.place), page: "1" }) }, each.name);
    const found = [{ key: "concept", label: "concept", head: true, cell: link, by: (each) => each.name },
      { key: "a", label: a.label, number: true, cell: (each) => change(each.a), by: (each) => each.a && each.a[0] }];
    if (b) found.push({ key: "b", label: b.label, number: true, cell: (each) => change(each.b), by: (each) => each.b && each.b[0] },
      { key: "gap", label: "B − A", number: true, cell: (each) => signed(each.gap), by: (each) => each.gap });
    found.push({ key: "images", label: "images", number: true, cell: (each) => (each.a || each.b)[3], by: (each) => (each.a || each.b)[3] });
    return found;
  }

  /** Choose the rows that the order names. */
  function chosen(all, order, higher) {
    const bad = (value) => (higher ? value[0] : -value[0]);
    if (order === "worst-a") return all.filter((each) => each.a).sort((one, other) => bad(one.a) - bad(other.a)).slice(0, WORST);
    if (order === "worst-b") return all.filter((each) => each.b).sort((one, other) => bad(one.b) - bad(other.b)).slice(0, WORST);
    if (order === "differ") return all.filter((each) => each.gap !== null).sort((one, other) => Math.abs(other.gap) - Math.abs(one.gap)).slice(0, WORST);
    return all;
  }

  /** Draw the table of concepts. */
  function overview(board, set, state) {
    const { rows, a, b } = compared(board, set, state);
    const labels = board.metrics.map((each) => each.label).filter((label) => set.values[label]);
    if (!a || !labels.length) return h("p", {}, "These runs have no values per concept.");
    const metric = labels.includes(state.metric) ? state.metric : labels.includes(board.headline) ? board.headline : labels[0];
    const declared = board.metrics.find((each) => each.label === metric);
    const wanted = words(state.q);
    const all = values(set, metric, a, b);
    const found = chosen(all.filter((each) => wanted.every((word) => each.name.toLowerCase().includes(word))), state.order, declared.higher);
    const sorted = Iceb.table.sorted(found, columns(a, b), state.sort);
    const page = Math.min(Math.max(1, Number(state.page) || 1), Math.max(1, Math.ceil(found.length / PAGE)));
    Iceb.say(`${found.length} concepts`);
    const named = rows.map((row) => [row.place, row.label]);
    return [h("div", { class: "controls" }, search("Search concepts", state.q, (q) => { go({ q, page: "1" }, true); Iceb.app.redraw(); }),
      choice("Metric", labels.map((label) => [label, label]), metric, (value) => go({ metric: value, page: "1" })),
      choice("A", named, a.place, (place) => go({ a: place })), b && choice("B", named, b.place, (place) => go({ b: place })),
      choice("Show", [["", "all"], ["worst-a", `worst ${WORST} of A`], ...(b ? [["worst-b", `worst ${WORST} of B`], ["differ", `largest ${WORST} disagreements`]] : [])], state.order, (order) => go({ order, sort: "", page: "1" }))),
    h("p", { class: "quiet" }, declared.says, ` ${found.length} of ${all.length} concepts: the change, and below it before → after.`),
    Iceb.table.make({ caption: `${metric} by concept at ${state.n} edits`, columns: columns(a, b), rows: sorted.slice((page - 1) * PAGE, page * PAGE), sort: state.sort, change: (sort) => go({ sort }), empty: "No concept fits." }),
    Iceb.table.pages(found.length, PAGE, page, (to) => go({ page: to }))];
  }

  /** Show one concept: every metric under every method, and its images. */
  function whole(board, set, state) {
    const place = state.concept;
    const name = set.concepts[place];
    const back = h("p", {}, h("a", { href: Iceb.address({ concept: "", page: "1" }) }, "‹ All concepts"));
    if (name === undefined) return [back, h("p", {}, "There is no such concept at this number of edits.")];
    const { rows } = compared(board, set, state);
    const labels = board.metrics.map((each) => each.label).filter((label) => rows.some((row) => set.values[label]?.[row.place]?.[place]));
    const table = Iceb.table.make({ caption: `${name}: every metric`, sort: "", change: () => {}, rows: rows.filter((row) => labels.some((label) => set.values[label]?.[row.place]?.[place])),
      columns: [{ key: "method", label: "method", head: true, cell: (row) => row.label },
        ...labels.map((label) => ({ key: label, label: `${label} ${board.metrics.find((each) => each.label === label).higher ? "↑" : "↓"}`, number: true, cell: (row) => change(set.values[label]?.[row.place]?.[place]) }))] });
    return [back, h("h2", {}, name), table, ...images(board, set, state)];
  }

  /** Show the images of one concept. */
  function images(board, set, state) {
    const all = Iceb.images.prompts(`${board.name}-${state.n}`, set);
    const found = all.filter((prompt) => prompt.concept === Number(state.concept));
    const { rows, a, b } = Iceb.images.compared(board, set, state);
    if (!a || !found.length) return [h("p", { class: "quiet" }, "None of these runs keeps images of it.")];
    const named = rows.map((row) => [row.place, row.label]);
    const context = { size: set.size, sensitive: board.sensitive, sharp: board.sharp, set };
    return [h("div", { class: "controls" }, choice("A", named, a.place, (to) => go({ a: to })), b && choice("B", named, b.place, (to) => go({ b: to }))),
      Iceb.images.notes(set, board), ...Iceb.images.list(context, found, Iceb.images.sides(a, b, found), state)];
  }

  /** Draw the view. */
  async function draw(board, state) {
    const set = await Iceb.load(`${board.name}-${state.n}`);
    return state.concept === "" ? overview(board, set, state) : whole(board, set, state);
  }

  return { draw };
})();
