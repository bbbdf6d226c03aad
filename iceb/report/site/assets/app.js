"use strict";
/* Choose the view that the address names, and draw it. */
Iceb.app = (() => {
  const { h, choice, go, address, readState } = Iceb;
  const main = document.getElementById("main");
  const VIEWS = { scores: "Scores", curves: "Curves", images: "Images", concepts: "Concepts", runs: "Runs", reading: "How to read" };
  const FOCUSED = "a, button, input, select, summary, [tabindex]";
  let index = null;
  let turn = 0;

  /** Return the board of the address, and the state with its number of edits filled in. */
  function present() {
    const state = readState();
    const board = index.boards.find((each) => each.name === state.board) || index.boards[0];
    const known = board.counts.map(String);
    return { board, state: { ...state, n: known.includes(state.n) ? state.n : String(board.main) } };
  }

  /** Draw the navigation, the choice of board and that of the number of edits. */
  function frame(board, state) {
    document.getElementById("views").replaceChildren(...Object.entries(VIEWS).map(([name, label]) =>
      h("a", { href: address({ view: name, page: "1", concept: "", q: "", sort: "", order: "" }), "aria-current": name === state.view ? "page" : null }, label)));
    const counts = board.counts.map((count) => h("a", { href: address({ n: String(count), page: "1", concept: "" }), "aria-current": String(count) === state.n ? "true" : null }, String(count)));
    document.getElementById("bar").replaceChildren(
      index.boards.length > 1 ? choice("Table", index.boards.map((each) => [each.name, each.title]), board.name, (name) => go({ board: name, n: "", metric: "", a: "", b: "", x: "", y: "", concept: "", page: "1", hide: "", q: "", role: "" })) : h("p", { class: "title" }, board.title),
      h("nav", { class: "counts", "aria-label": "Number of edits" }, h("span", { class: "quiet" }, "edits"), ...counts));
  }

  /** Return the elements of the view. */
  async function content(board, state) {
    switch (state.view) {
      case "curves": return Iceb.charts.draw(board, state);
      case "images": return Iceb.images.draw(board, state);
      case "concepts": return Iceb.concepts.draw(board, state);
      case "runs": return Iceb.about.runs(board, index);
      case "reading": return Iceb.about.reading(board);
      default: return Iceb.scores.draw(board, state);
    }
  }

  /** Put new content in place and leave the reader's cursor where it was. */
  function place(parts) {
    const before = [...main.querySelectorAll(FOCUSED)].indexOf(document.activeElement);
    const held = document.activeElement;
    const selection = held instanceof HTMLInputElement && held.type === "search" ? [held.selectionStart, held.selectionEnd] : null;
    main.replaceChildren(...[parts].flat(3).filter(Boolean));
    if (before < 0) return;
    const after = main.querySelectorAll(FOCUSED)[before];
    if (!after || after.tagName !== held.tagName) return;
    after.focus({ preventScroll: true });
    if (selection) after.setSelectionRange(...selection);
  }

  /** Draw the whole page; of two that overlap the later one stays. */
  async function draw() {
    const mine = ++turn;
    const { board, state } = present();
    frame(board, state);
    document.title = `${VIEWS[state.view] || "Scores"} · ${board.title}`;
    try {
      const parts = await content(board, state);
      if (mine === turn) place([h("h2", { class: "unseen" }, VIEWS[state.view] || VIEWS.scores), parts]);
    } catch (error) {
      place(h("p", { role: "alert" }, `This view cannot be shown: ${error.message}`));
    }
    main.dataset.drawn = String(mine);
  }

  Iceb.load("index").then((found) => {
    index = found;
    if (!index) throw new Error("data/index.js is not in the report's folder");
    addEventListener("hashchange", draw);
    document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); }); // the address holds the state
    document.addEventListener("iceb-theme", draw);
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
    return draw();
  }).catch((error) => place(h("p", { role: "alert" }, `This report cannot be shown: ${error.message}`)));

  return { draw, redraw: draw };
})();
