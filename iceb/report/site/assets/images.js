"use strict";
/* The view of images: prompts with their images side by side, filtered, in order of success or disagreement. */
Iceb.images = (() => {
  const { h, go, choice, search, words } = Iceb;
  const PAGE = 12; // prompts
  const prepared = new Map(); // sets whose prompts were made into objects

  /** Make a set's prompts into objects, once, with the text that the filter reads. */
  function prompts(name, set) {
    if (!prepared.has(name)) {
      prepared.set(name, set.prompts.map(([text, role, concept, edit, seed, draw, images, answers], place) => ({ place, text, role, concept, edit, seed, draw, images, answers,
        words: `${text} ${edit} ${set.concepts[concept]}`.toLowerCase() })));
    }
    return prepared.get(name);
  }

  /** Return the rows that have images, and the two that are compared. */
  function compared(board, set, state) {
    const rows = board.rows.map((row, place) => ({ ...row, place: String(place) })).filter((row) => set.drawn.includes(Number(row.place)));
    const named = (key) => rows.find((row) => row.place === state[key]);
    const likely = [...rows].sort((one, other) => one.control - other.control);
    const a = named("a") || likely[0];
    const b = named("b") || likely.find((row) => row !== a);
    return { rows, a, b };
  }

  const aim = (prompt, row) => (row && prompt.answers[row.place] ? prompt.answers[row.place][2] : null);

  /** Order prompts: as drawn, the worst of a method first, or where two methods differ most. */
  function ordered(found, order, a, b) {
    const known = { "worst-a": (prompt) => aim(prompt, a), "worst-b": (prompt) => aim(prompt, b),
      differ: (prompt) => { const both = [aim(prompt, a), aim(prompt, b)]; return both.includes(null) ? null : -Math.abs(both[0] - both[1]); } }[order];
    if (!known) return found;
    return found.map((prompt) => [known(prompt), prompt]).filter(([value]) => value !== null).sort((one, other) => one[0] - other[0]).map((pair) => pair[1]);
  }

  /** Name the columns of images: unedited, the two methods, the ceiling where some prompt has one. */
  function sides(a, b, found) {
    const ceiling = found.some((prompt) => "-2" in prompt.images);
    return [["unedited", "-1"], a && [a.label, a.place], b && [b.label, b.place], ceiling && ["ceiling", "-2"]].filter(Boolean);
  }

  /** Say what a reader must know of this set. */
  function notes(set, board) {
    const said = ["The ceiling is the unedited model's image with the destination's name in the prompt, at the same seed. Below an image stands the judge's answer with its probability; ✓ where it is what the prompt should show."];
    if (set.missing) said.unshift(`${set.missing} images are not in the cache that this report was made with (they were removed, or drawn elsewhere). The command of a row draws them again: see Runs.`);
    if (board.sensitive) said.unshift(`Images of this task are blurred. ${board.sharp ? "A click shows one of them as it is." : "This report holds them in no other form."}`);
    return h("p", { class: "small quiet" }, said.join(" "));
  }

  /** Make the list of prompts with its pages. */
  function list(context, found, sides_, state) {
    const page = Math.min(Math.max(1, Number(state.page) || 1), Math.max(1, Math.ceil(found.length / PAGE)));
    const shown = found.slice((page - 1) * PAGE, page * PAGE);
    const turn = (to) => { go({ page: to }); scrollTo(0, 0); };
    return [shown.length ? h("div", { class: "prompts" }, shown.map((prompt) => Iceb.figures.row(context, prompt, sides_))) : h("p", { class: "quiet" }, "No image fits."),
      Iceb.table.pages(found.length, PAGE, page, turn)];
  }

  /** Make the controls of the view. */
  function controls(state, all, rows, a, b, judged) {
    const named = rows.map((row) => [row.place, row.label]);
    const roles = [...new Set(all.map((prompt) => prompt.role))];
    const orders = [["", "as drawn"], ...(judged ? [["worst-a", "worst of A first"], ...(b ? [["worst-b", "worst of B first"], ["differ", "A and B differ most"]] : [])] : [])];
    return h("div", { class: "controls" },
      search("Search prompts and concepts", state.q, (q) => { go({ q, page: "1" }, true); Iceb.app.redraw(); }),
      choice("Prompts", [["", "all"], ...roles.map((role) => [role, role])], state.role, (role) => go({ role, page: "1" })),
      choice("A", named, a.place, (place) => go({ a: place })), b && choice("B", named, b.place, (place) => go({ b: place })),
      choice("Order", orders, state.order, (order) => go({ order, page: "1" })));
  }

  /** Draw the view. */
  async function draw(board, state) {
    const name = `${board.name}-${state.n}`;
    const set = await Iceb.load(name);
    const all = prompts(name, set);
    const { rows, a, b } = compared(board, set, state);
    if (!a) return h("p", {}, "No run with images was given at this number of edits. Results of a leaderboard keep none; give the folders that runs wrote.");
    const wanted = words(state.q);
    const found = all.filter((prompt) => (!state.role || prompt.role === state.role) && wanted.every((word) => prompt.words.includes(word)));
    const judged = all.some((prompt) => Object.keys(prompt.answers).length);
    const inOrder = ordered(found, state.order, a, b);
    Iceb.say(`${inOrder.length} of ${all.length} prompts`);
    const context = { size: set.size, sensitive: board.sensitive, sharp: board.sharp, set };
    return [controls(state, all, rows, a, b, judged), notes(set, board),
      h("p", { class: "small" }, `${inOrder.length} of ${all.length} prompts`), ...list(context, inOrder, sides(a, b, found), state)];
  }

  return { draw, prompts, compared, sides, list, notes };
})();
