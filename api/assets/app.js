// Draws the chart of the home page from the table below it, and adds copy buttons. Pages also work
// without this script.
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

  const holder = document.getElementById("chart");
  const table = document.getElementById("chart-data");
  if (!holder || !table || typeof uPlot === "undefined") return;

  const rows = [...table.tBodies[0].rows];
  const times = rows.map((row) => Number(row.dataset.time));
  const column = (index) => rows.map((row) => Number(row.cells[index].dataset.value));
  const zone = table.dataset.zone;
  // A canvas does not resolve CSS variables, so read the computed color of an element.
  const color = (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    holder.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const size = () => ({ width: holder.clientWidth, height: 280 });
  const axis = () => ({
    stroke: color("--tblr-secondary"),
    grid: { stroke: color("--tblr-border-color"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  });
  const draw = () => {
    holder.textContent = "";
    const line = color("--tblr-primary");
    return new uPlot(
      {
        ...size(),
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        cursor: { y: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
        axes: [
          { ...axis(), space: 70, values: [
            [86400, "{WWW} {D} {MMM}", null, null, null, null, null, null, 1],
            [3600, "{HH}:{mm}", "\n{WWW} {D} {MMM}", null, "\n{WWW} {D} {MMM}", null, null, null, 1],
          ] },
          { ...axis(), size: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] },
        ],
        series: [
          { label: "Hour", value: "{WWW} {YYYY}-{MM}-{DD} {HH}:{mm}" },
          {
            label: "Prospects", stroke: line, width: 2, fill: `color-mix(in srgb, ${line} 12%, transparent)`,
            points: { show: false },
          },
          { label: "Orders", stroke: color("--tblr-orange"), width: 2, points: { show: false } },
        ],
      },
      [times, column(1), column(2)],
      holder,
    );
  };
  let chart = draw();
  addEventListener("resize", () => chart.setSize(size()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => requestAnimationFrame(() => {
    chart.destroy();
    chart = draw();
  }));
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
