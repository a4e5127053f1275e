// Draws a chart from each table that a `data-chart` names: a line for each column after the first,
// as `data-chart-as` says: `line`, `stack` or `bar`. The labels are those of the table: the server
// makes them, because the clocks of the reader's computer may be those of another zone.
"use strict";
(() => {
  if (typeof uPlot === "undefined") return;
  const HEIGHT = 220;
  const LABEL_WIDTH = 64;
  const END_LABEL_WIDTH = 110;
  // A canvas does not resolve CSS variables, so read the computed color of an element.
  const color = (holder, name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    holder.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const spaced = (value) => String(value).replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f"));
  const cut = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);

  // The values of each column. In a stack, each column lies on those after it.
  const columns = (rows, count, isStack) => {
    const values = [];
    for (let column = count; column >= 1; column -= 1) {
      values.unshift(rows.map((row, index) => {
        const text = row.cells[column].dataset.value;
        if (!isStack) return text === "" ? null : Number(text);
        return Number(text) + (values[0]?.[index] ?? 0);
      }));
    }
    return values;
  };

  // Writes the name of each line at its end, where lines do not hide each other's names.
  const endLabels = (names, colors) => (plot) => {
    const { ctx } = plot;
    const last = plot.data[0].length - 1;
    const ends = names
      .map((name, index) => ({ name, color: colors[index], y: plot.valToPos(plot.data[index + 1][last] ?? 0, "y", true) }))
      .sort((one, other) => one.y - other.y);
    const step = 14 * devicePixelRatio;
    ctx.save();
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textBaseline = "middle";
    let above = -Infinity;
    for (const end of ends) {
      const y = Math.max(end.y, above + step);
      above = y;
      ctx.fillStyle = end.color;
      ctx.fillText(cut(end.name), plot.bbox.left + plot.bbox.width + 6 * devicePixelRatio, y);
    }
    ctx.restore();
  };

  const chart = (holder) => {
    const table = document.getElementById(holder.dataset.chart);
    if (!table) return;
    const kind = holder.dataset.chartAs ?? "line";
    const rows = [...table.tBodies[0].rows];
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const names = heads.slice(1);
    const data = columns(rows, names.length, kind !== "line");
    const label = (index) => rows[index]?.cells[0].textContent ?? "";
    const ticks = rows.flatMap((row, index) => (row.dataset.tick ? [index] : []));
    const hasEndLabels = names.length > 1;
    const size = () => ({ width: holder.clientWidth, height: HEIGHT });
    // As many ticks as have room, evenly.
    const splits = (plot) => {
      const room = Math.max(Math.floor(plot.width / LABEL_WIDTH), 1);
      const step = Math.ceil(ticks.length / room);
      return ticks.filter((_, number) => number % step === 0);
    };
    const draw = () => {
      holder.textContent = "";
      const colors = names.map((_, index) => color(holder, `--series-${index + 1}`));
      const axis = {
        stroke: color(holder, "--tblr-secondary"),
        grid: { stroke: color(holder, "--tblr-border-color"), width: 1 },
        ticks: { show: false },
        font: "12px system-ui, sans-serif",
      };
      const series = names.map((name, index) => ({
        label: name,
        stroke: colors[index],
        width: 2,
        fill: kind === "line" && names.length > 1 ? undefined : `color-mix(in srgb, ${colors[index]} ${kind === "line" ? 12 : 55}%, transparent)`,
        paths: kind === "bar" ? uPlot.paths.bars({ size: [0.8, 60] }) : undefined,
        points: { show: kind !== "bar" && rows.length < 2 },
        value: (_, __, ___, at) => (at === null || at === undefined ? "–" : rows[at]?.cells[index + 1].textContent),
      }));
      return new uPlot(
        {
          ...size(),
          padding: [8, hasEndLabels ? END_LABEL_WIDTH : 8, 0, 0],
          cursor: { y: false },
          scales: {
            x: { time: false, range: kind === "bar" ? (_, min, max) => [min - 0.5, max + 0.5] : undefined },
            y: { range: (_, min, max) => [Math.min(min * 1.1, 0), Math.max(max * 1.1, max > 0 ? 0 : 1)] },
          },
          axes: [
            { ...axis, splits, size: 32, values: (_, found) => found.map((index) => rows[index]?.dataset.tick ?? "") },
            { ...axis, size: 60, values: (_, found) => found.map((value) => spaced(value)) },
          ],
          series: [{ label: heads[0], value: (_, index) => (index === null ? "–" : label(index)) }, ...series],
          hooks: hasEndLabels ? { draw: [endLabels(names, colors)] } : {},
        },
        [rows.map((_, index) => index), ...data],
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
