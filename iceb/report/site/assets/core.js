"use strict";
/* What every view uses: data, elements, numbers, and the state that the address holds. */
const Iceb = (() => {
  const loaded = new Map();
  const waiting = new Map();

  /** Take the data that a script of data/ brings. */
  function data(name, content) {
    loaded.set(name, content);
  }

  /** Load data/NAME.js once. A script, because pages opened from a folder may read no other file. */
  function load(name) {
    if (loaded.has(name)) return Promise.resolve(loaded.get(name));
    if (!waiting.has(name)) {
      waiting.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `data/${encodeURIComponent(name)}.js`;
        script.onload = () => resolve(loaded.get(name));
        script.onerror = () => reject(new Error(`data/${name}.js is not in the report's folder`));
        document.head.append(script);
      }));
    }
    return waiting.get(name);
  }

  /** Make an element. Text only ever becomes text, never markup, whatever a concept is called. */
  function h(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  /** Make an SVG element. */
  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /** Format a number with a true minus, with three decimals unless told otherwise; a dash where there is none. */
  function number(value, digits = 3) {
    if (value === null || value === undefined) return "–";
    const text = Math.abs(value).toFixed(digits);
    return value < 0 && Number(text) !== 0 ? `−${text}` : text;
  }

  /** Format a change with its sign. */
  function signed(value) {
    if (value === null || value === undefined) return "–";
    return value > 0 && Number(value.toFixed(3)) !== 0 ? `+${number(value)}` : number(value);
  }

  const defaults = { view: "scores", board: "", n: "", metric: "", q: "", sort: "", a: "", b: "", role: "", concept: "",
    page: "1", all: "", x: "", y: "", order: "", hide: "" };
  let state = { ...defaults };

  /** Read the state from the address. */
  function readState() {
    const given = new URLSearchParams(location.hash.replace(/^#/, ""));
    state = { ...defaults };
    for (const [name, value] of given) if (name in defaults) state[name] = value;
    return state;
  }

  /** Return the address of the present state with some changes. */
  function address(changes) {
    const wanted = { ...state, ...changes };
    const short = Object.entries(wanted).filter(([name, value]) => String(value) !== defaults[name]);
    return `#${new URLSearchParams(short)}`;
  }

  /** Change the state: a new page in the reader's history, or with `quiet` the same one. */
  function go(changes, quiet = false) {
    const target = address(changes);
    if (target === (location.hash || "#")) return;
    if (quiet) {
      history.replaceState(null, "", target);
      readState();
    } else location.hash = target;
  }

  let fields = 0;

  /** Put a label above a control. */
  function labelled(label, control) {
    control.id = `field-${++fields}`;
    return h("div", { class: "field" }, h("label", { for: control.id }, label), control);
  }

  /** Make a labelled choice. */
  function choice(label, options, chosen, change) {
    const select = h("select", { onchange: (event) => change(event.target.value) },
      options.map(([value, text]) => h("option", { value, selected: String(value) === String(chosen) }, text)));
    return labelled(label, select);
  }

  /** Make a labelled search field that answers as one types. */
  function search(label, value, change) {
    const field = h("input", { type: "search", value, placeholder: label, autocomplete: "off",
      oninput: (event) => change(event.target.value) });
    return labelled(label, field);
  }

  /** Say something to screen readers. */
  function say(text) {
    document.getElementById("status").textContent = text;
  }

  /** Return the words that a text must hold. */
  function words(text) {
    return text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  return { data, load, h, svg, number, signed, address, go, readState, choice, search, say, words,
    get state() { return state; } };
})();
