// Sets the dark or light theme that the reader's system prefers, before the page is painted. A
// viewer who chose one has it from the server.
"use strict";
(() => {
  if (document.documentElement.dataset.theme) return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  dark.addEventListener("change", apply);
  apply();
})();
