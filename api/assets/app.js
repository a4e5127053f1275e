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

// Copies the address of the page, or prints the page. Scripts may replace the buttons, and then
// send the event `replaced`.
(() => {
  const show = () => {
    const buttons = navigator.clipboard ? "[data-copy-address], [data-print]" : "[data-print]";
    for (const button of document.querySelectorAll(buttons)) button.hidden = false;
  };
  show();
  addEventListener("replaced", show);
  addEventListener("click", async (event) => {
    if (event.target.closest("[data-print]")) print();
    const button = event.target.closest("[data-copy-address]");
    if (!button) return;
    await navigator.clipboard.writeText(location.href);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 2000);
  });
})();

// Opens one menu at a time, and closes it by Escape or a click elsewhere.
(() => {
  const menus = () => [...document.querySelectorAll("details.menu")];
  const close = (except) => menus().forEach((menu) => { if (menu !== except) menu.open = false; });
  // `toggle` does not bubble.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.menu") && event.target.open) close(event.target);
  }, true);
  addEventListener("keydown", (event) => {
    const open = menus().find((menu) => menu.open);
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

// Selects all rows of a page.
(() => {
  for (const box of document.querySelectorAll("[data-selects]")) {
    box.hidden = false;
    box.addEventListener("change", () => {
      const rows = document.querySelectorAll(`input[type=checkbox][name="${box.dataset.selects}"]`);
      rows.forEach((row) => { row.checked = box.checked; });
    });
  }
})();

// Goes on with an action on many things. Without this script the page has a button.
document.querySelector("form[data-continues]")?.requestSubmit();

// Keyboard shortcuts, which one turns off in the account. None works while one types.
(() => {
  if (!("shortcuts" in document.body.dataset)) return;
  const sections = {
    h: ["/", "Home"], r: ["/reports/", "Reports"], c: ["/campaigns/", "Campaigns"], p: ["/prospects/", "Prospects"], o: ["/orders/", "Orders"],
    f: ["/funds/", "Funds"], t: ["/teams/", "Teams"], u: ["/users/", "Users"], a: ["/admin/", "Admin"],
  };
  // Only sections that the viewer has.
  const link = (key) => document.querySelector(`.main-nav a[href="${sections[key]?.[0]}"]`);
  const dates = () => document.querySelector("details.dates");
  const file = () => document.querySelector("a[href^='export.csv'], a[href^='/reports/export.csv']");
  const compare = () => document.querySelector("select[name='compare']:not(.dates select)");
  const view = () => document.getElementById("view-name");
  const moved = (key) => document.querySelector(`.dates-links a[rel="${key === "[" ? "prev" : "next"}"]`);
  const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.offsetParent && row.querySelector("a"));
  // Moves the focus to the first link of another row of the tables.
  const move = (event, by) => {
    const all = rows();
    const now = all.indexOf(document.activeElement.closest("tr"));
    focus(event, all[now < 0 ? 0 : now + by]?.querySelector("a"));
  };
  const focus = (event, element) => {
    if (!element) return;
    event.preventDefault();
    element.focus();
  };
  const help = () => {
    const lines = [["/", "Search"], ...Object.keys(sections).filter(link).map((key) => [`g ${key}`, sections[key][1]])];
    if (dates()) lines.push(["t", "Dates"]);
    if (moved("[")) lines.push(["[ ]", "Earlier and later dates"]);
    if (compare()) lines.push(["c", "Compare"]);
    if (view()) lines.push(["s", "Save this report"]);
    if (file()) lines.push(["e", "Download CSV"]);
    if (rows().length) lines.push(["j k", "Next and previous row"]);
    lines.push(["?", "These shortcuts"]);
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [keys, label] of lines) {
      const name = document.createElement("dt");
      for (const key of keys.split(" ")) {
        const cap = document.createElement("kbd");
        cap.textContent = key;
        name.append(cap, " ");
      }
      const text = document.createElement("dd");
      text.textContent = label;
      list.append(name, text);
    }
    const dialog = document.createElement("dialog");
    dialog.className = "help";
    dialog.setAttribute("aria-labelledby", "help-title");
    const title = document.createElement("h2");
    title.id = "help-title";
    title.textContent = "Keyboard shortcuts";
    const close = document.createElement("button");
    close.className = "btn";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    dialog.append(title, list, close);
    document.body.append(dialog);
    dialog.showModal();
  };
  let isGoing = false;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest?.("input, textarea, select, dialog, [contenteditable]")) return;
    const wasGoing = isGoing;
    isGoing = !wasGoing && event.key === "g";
    if (wasGoing) {
      if (Object.hasOwn(sections, event.key) && link(event.key)) location.assign(sections[event.key][0]);
    } else if (event.key === "/") {
      focus(event, document.getElementById("top-q"));
    } else if (event.key === "?") {
      help();
    } else if (event.key === "t" && dates()) {
      dates().open = true;
      focus(event, dates().querySelector("summary"));
    } else if (event.key === "e") {
      file()?.click();
    } else if (event.key === "c") {
      focus(event, compare());
    } else if (event.key === "s" && view()) {
      view().closest("details").open = true;
      focus(event, view());
    } else if (event.key === "[" || event.key === "]") {
      moved(event.key)?.click();
    } else if (event.key === "j" || event.key === "k") {
      move(event, event.key === "j" ? 1 : -1);
    }
  });
})();
