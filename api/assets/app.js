// Adds copy buttons. Pages also work without this script.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const code = document.getElementById(button.dataset.copy);
    if (!navigator.clipboard || !code) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 2000);
    });
  }
})();

// Opens one menu at a time, and closes it by Escape or a click elsewhere.
(() => {
  const menus = [...document.querySelectorAll("details.menu")];
  const close = (except) => menus.forEach((menu) => { if (menu !== except) menu.open = false; });
  menus.forEach((menu) => menu.addEventListener("toggle", () => menu.open && close(menu)));
  addEventListener("keydown", (event) => {
    const open = menus.find((menu) => menu.open);
    if (event.key !== "Escape" || !open) return;
    close();
    open.querySelector("summary").focus();
  });
  addEventListener("click", (event) => { if (!event.target.closest("details.menu")) close(); });
})();

// Waits for the first hit of a campaign. Without this script the page has a link to refresh it.
(() => {
  const waiting = document.getElementById("first-hit");
  if (!waiting || typeof EventSource === "undefined") return;
  const stream = new EventSource(waiting.dataset.stream);
  const causes = setTimeout(() => { document.getElementById("hit-causes").hidden = false; }, 600000);
  stream.addEventListener("hit", (event) => {
    stream.close();
    clearTimeout(causes);
    const status = document.createElement("span");
    status.className = "status status-sale";
    status.textContent = "Receiving";
    waiting.replaceChildren(status, ` First hit at ${JSON.parse(event.data).time}.`);
  });
})();

// Asks before a form with changes is left.
(() => {
  const form = document.querySelector("form[data-asks-before-leaving]");
  if (!form) return;
  let isChanged = false;
  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
})();

// Moves the focus to the problems of a form.
document.getElementById("problems")?.focus();

// Suggests things while one types in the search box of the frame (the combobox of the ARIA
// Authoring Practices). Enter alone opens the page of the search.
(() => {
  const box = document.getElementById("top-q");
  const list = document.getElementById("top-suggestions");
  if (!box || !list) return;
  let hits = [];
  let chosen = -1;
  let asked = 0;
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-expanded", "false");
  const show = () => {
    list.replaceChildren(...hits.map((hit, index) => {
      const item = document.createElement("li");
      item.id = `top-suggestion-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", index === chosen);
      item.textContent = `${hit.name} (${hit.kind})`;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); location.assign(hit.path); });
      return item;
    }));
    list.hidden = hits.length === 0;
    box.setAttribute("aria-expanded", !list.hidden);
    if (chosen >= 0) box.setAttribute("aria-activedescendant", `top-suggestion-${chosen}`);
    else box.removeAttribute("aria-activedescendant");
  };
  const close = () => { hits = []; chosen = -1; show(); };
  box.addEventListener("input", () => {
    const turn = ++asked;
    const q = box.value.trim();
    if (q.length < 2) return close();
    setTimeout(async () => {
      if (turn !== asked) return;
      const answer = await fetch(`${box.dataset.suggestions}?q=${encodeURIComponent(q)}`).catch(() => null);
      if (!answer?.ok || turn !== asked) return;
      hits = await answer.json();
      chosen = -1;
      show();
    }, 150);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(hits[chosen].path);
    }
    if (!hits.length || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + hits.length) % hits.length;
    show();
  });
  box.addEventListener("blur", close);
})();
