"use strict";
/* Light and dark: as the system has it until the reader chooses. Runs before the page is drawn, so that nothing flashes. */
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  /** Read the reader's choice; pages from a folder may have no storage. */
  function chosen() {
    try { return localStorage.getItem("iceb-theme"); } catch { return null; }
  }

  /** Show a theme and name the other one on the button. */
  function show(theme) {
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.textContent = theme === "dark" ? "Light" : "Dark";
    if (button) button.setAttribute("aria-label", `Switch to the ${theme === "dark" ? "light" : "dark"} theme`);
    document.dispatchEvent(new Event("iceb-theme"));
  }

  const present = () => chosen() || (system.matches ? "dark" : "light");
  show(present());
  system.addEventListener("change", () => show(present()));
  document.addEventListener("DOMContentLoaded", () => {
    show(present());
    document.getElementById("theme").addEventListener("click", () => {
      const next = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("iceb-theme", next); } catch { /* the choice lasts as long as the page */ }
      show(next);
    });
  });
})();
