// Draws a line chart from each table that a `data-chart` names. The labels are those of the table:
// the server makes them, because the clocks of the reader's computer may be those of another zone.
"use strict";
(() => {
  if (typeof uPlot === "undefined") return;
  const HEIGHT = 220;
  const LABEL_WIDTH = 64;
  // A canvas does not resolve CSS variables, so read the computed color of an element.
  const color = (holder, name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    holder.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const spaced = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

  const chart = (holder) => {
    const table = document.getElementById(holder.dataset.chart);
    if (!table) return;
    const rows = [...table.tBodies[0].rows];
    const values = rows.map((row) => Number(row.cells[1].dataset.value));
    const label = (index) => rows[index]?.cells[0].textContent ?? "";
    const ticks = rows.flatMap((row, index) => (row.dataset.tick ? [index] : []));
    const size = () => ({ width: holder.clientWidth, height: HEIGHT });
    // As many ticks as have room, evenly.
    const splits = (plot) => {
      const room = Math.max(Math.floor(plot.width / LABEL_WIDTH), 1);
      const step = Math.ceil(ticks.length / room);
      return ticks.filter((_, number) => number % step === 0);
    };
    const draw = () => {
      holder.textContent = "";
      const line = color(holder, "--series-1");
      const axis = {
        stroke: color(holder, "--tblr-secondary"),
        grid: { stroke: color(holder, "--tblr-border-color"), width: 1 },
        ticks: { show: false },
        font: "12px system-ui, sans-serif",
      };
      return new uPlot(
        {
          ...size(),
          cursor: { y: false },
          scales: {
            x: { time: false },
            y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] },
          },
          axes: [
            { ...axis, splits, size: 32, values: (_, found) => found.map((index) => rows[index]?.dataset.tick ?? "") },
            { ...axis, size: 60, values: (_, found) => found.map((value) => spaced(value)),
              incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8] },
          ],
          series: [
            { label: table.tHead.rows[0].cells[0].textContent, value: (_, index) => (index === null ? "–" : label(index)) },
            {
              label: table.tHead.rows[0].cells[1].textContent, stroke: line, width: 2,
              fill: `color-mix(in srgb, ${line} 12%, transparent)`,
              points: { show: rows.length < 2 }, value: (_, value) => (value === null ? "–" : spaced(value)),
            },
          ],
        },
        [rows.map((_, index) => index), values],
        holder,
      );
    };
    let plot = draw();
    addEventListener("resize", () => plot.setSize(size()));
    const again = () => requestAnimationFrame(() => {
      plot.destroy();
      plot = draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  };
  for (const holder of document.querySelectorAll("[data-chart]")) chart(holder);
})();
