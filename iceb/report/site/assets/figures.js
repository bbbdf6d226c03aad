"use strict";
/* Images of one prompt side by side: unedited, methods, ceiling; blurred where the task is sensitive. A report may hold them sharp, too. */
Iceb.figures = (() => {
  const { h, number } = Iceb;
  const SIDE = 128; // pixels up to which tiny images are enlarged, by whole factors
  const WIDE = 256; // likewise in the window that a click opens

  /** Return the size at which an image of `size` is shown. */
  function shownSize(size, side) {
    const factor = Math.max(1, Math.floor(side / Math.max(...size, 1)));
    return size.map((each) => each * factor);
  }

  /** Name the file of an image, or of its blurred twin. */
  function source(name, blurred) {
    return `images/${blurred ? name.replace(/\.(\w+)$/, ".blurred.$1") : name}`;
  }

  /** Say a judge's answer: "goldfinch 0.98". */
  function answerText(answer) {
    if (!answer) return "";
    return answer[1] === null ? answer[0] : `${answer[0]} ${number(answer[1], 2)}`;
  }

  /** Mark whether the image shows what its prompt should. */
  function verdict(answer) {
    if (!answer || answer[2] === null) return null;
    const good = answer[2] >= 0.5;
    return h("span", { class: good ? "good" : "bad" }, good ? "✓" : "✗", h("span", { class: "unseen" }, good ? " as wanted" : " not as wanted"));
  }

  /** Make an image, or say in words why there is none. */
  function image(context, prompt, who, key, side) {
    const name = prompt.images[key];
    const [width, height] = shownSize(context.size, side);
    const box = `width:${width}px;aspect-ratio:${width}/${height}`;
    if (name === undefined) return h("div", { class: "none", style: box }, key === "-2" ? "no destination drawn" : "not drawn");
    if (name === null) return h("div", { class: "none", style: box }, "not in the cache");
    const alt = `${who}: ${prompt.text}${prompt.answers[key] ? `; the judge says ${answerText(prompt.answers[key])}` : ""}`;
    const made = h("img", { src: source(name, context.sensitive), alt: context.sensitive ? `${who}, blurred: ${prompt.text}` : alt, width, height, loading: "lazy",
      decoding: "async", class: context.size[0] < SIDE ? "pixels" : null, "data-sharp": context.sensitive && context.sharp ? source(name, false) : null });
    made.addEventListener("error", () => made.replaceWith(h("div", { class: "none", style: box }, "its file is not in the report's folder")));
    return made;
  }

  /** Show a sensitive image sharp. */
  function reveal(made) {
    made.src = made.dataset.sharp;
    delete made.dataset.sharp;
  }

  /** Make one image with its caption. */
  function figure(context, prompt, [who, key], side, openWindow) {
    const made = image(context, prompt, who, key, side);
    const answer = prompt.answers[key];
    const hidden = context.sensitive && context.sharp;
    const held = made.tagName === "IMG" && (openWindow || hidden) ? h("button", { type: "button", class: "image", "aria-label": hidden ? `Show ${who} unblurred` : `Enlarge ${who}`,
      onclick: () => { const found = held.querySelector("img"); if (found && found.dataset.sharp) reveal(found); else if (openWindow) openWindow(); } }, made) : made;
    return h("figure", {}, held, h("figcaption", {}, h("span", { class: "who" }, who), h("span", { class: "small quiet" }, verdict(answer), " ", answerText(answer))));
  }

  /** Open a window with a prompt's images enlarged. */
  function enlarge(context, prompt, sides) {
    const close = h("button", { type: "button", onclick: () => frame.close() }, "Close");
    const frame = h("dialog", { class: "large", "aria-label": prompt.text, onclose: () => frame.remove() },
      h("div", { class: "head" }, h("h2", {}, prompt.text), close), h("p", { class: "quiet" }, describe(context, prompt)),
      h("div", { class: "images" }, sides.map((side) => figure(context, prompt, side, WIDE, null))));
    document.body.append(frame);
    frame.showModal();
  }

  /** Say what a prompt is there for. */
  function describe(context, prompt) {
    return [prompt.edit || `not edited: ${context.set.concepts[prompt.concept]}`, prompt.role, `seed ${prompt.seed}`, prompt.draw && `draw ${prompt.draw}`].filter(Boolean).join(" · ");
  }

  /** Make the row of one prompt. */
  function row(context, prompt, sides) {
    const link = h("a", { href: Iceb.address({ view: "concepts", concept: String(prompt.concept), page: "1", q: "" }) }, prompt.edit || context.set.concepts[prompt.concept]);
    return h("article", { class: "prompt" },
      h("div", { class: "said" }, h("h3", {}, prompt.text), h("p", { class: "small quiet" }, link, ` · ${prompt.role} · seed ${prompt.seed}`)),
      h("div", { class: "images" }, sides.map((side) => figure(context, prompt, side, SIDE, () => enlarge(context, prompt, sides)))));
  }

  return { row, answerText };
})();
