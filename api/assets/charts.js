// Draws a chart from each table that a `data-chart` names: a line for each column after the first,
// as `data-chart-as` says: `line`, `stack` or `bar`. A click opens the link of the interval. The
// labels are those of the table: the server makes them, because the clocks of the reader's computer
// may be those of another zone.
"use strict";
(() => {
  if (typeof uPlot === "undefined") return;
  const HEIGHT = 220;
  const LABEL_WIDTH = 64;
  const END_LABEL_WIDTH = 125;
  // On a phone the legend names the lines.
  const MIN_WIDTH_OF_END_LABELS = 480;
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [14, 5], [4, 6]];
  // The distances of the ticks of counts.
  const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
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
    // Downwards until none hides another, then upwards from the bottom.
    let above = plot.bbox.top;
    for (const end of ends) above = (end.y = Math.max(end.y, above)) + step;
    let below = plot.bbox.top + plot.bbox.height;
    for (const end of [...ends].reverse()) below = (end.y = Math.min(end.y, below)) - step;
    ctx.save();
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    for (const end of ends) {
      ctx.fillStyle = end.color;
      ctx.fillText(cut(end.name), plot.bbox.left + plot.bbox.width + 6 * devicePixelRatio, end.y);
    }
    ctx.restore();
  };

  // Hatches the interval that is not over yet.
  const hatch = (index, isBar, color) => (plot) => {
    const { ctx, bbox } = plot;
    const left = Math.max(plot.valToPos(index - (isBar ? 0.5 : 1), "x", true), bbox.left);
    const right = Math.min(plot.valToPos(index + (isBar ? 0.5 : 0), "x", true), bbox.left + bbox.width);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, Math.max(right - left, 2), bbox.height);
    ctx.clip();
    ctx.strokeStyle = color;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let x = left - bbox.height; x < right; x += 6 * devicePixelRatio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  };

  const chart = (holder) => {
    const table = document.getElementById(holder.dataset.chart);
    if (!table) return;
    const kind = holder.dataset.chartAs ?? "line";
    const rows = [...table.tBodies[0].rows];
    const headCells = [...table.tHead.rows[0].cells];
    const heads = headCells.map((cell) => cell.textContent);
    // The other rows and the compared dates are gray.
    const isGray = headCells.slice(1).map((cell) => "line" in cell.dataset);
    const running = rows.findIndex((row) => "running" in row.dataset);
    const names = heads.slice(1);
    const data = columns(rows, names.length, kind !== "line");
    const areCounts = data.flat().every((value) => value === null || value === undefined || Number.isInteger(value));
    const label = (index) => rows[index]?.cells[0].textContent ?? "";
    const ticks = rows.flatMap((row, index) => (row.dataset.tick ? [index] : []));
    const hasEndLabels = names.length > 1 && holder.clientWidth >= MIN_WIDTH_OF_END_LABELS;
    const size = () => ({ width: holder.clientWidth, height: HEIGHT });
    // As many ticks as have room, evenly.
    const splits = (plot) => {
      const room = Math.max(Math.floor(plot.width / LABEL_WIDTH), 1);
      const step = Math.ceil(ticks.length / room);
      return ticks.filter((_, number) => number % step === 0);
    };
    const draw = () => {
      holder.textContent = "";
      const colors = names.map((_, index) => color(holder, isGray[index] ? "--series-others" : `--series-${index + 1}`));
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
        dash: kind === "line" ? DASHES[isGray[index] ? 5 : index] : undefined,
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
            y: { distr: holder.dataset.chartScale === "log" ? 4 : 1, range: (_, min, max) => [Math.min(min * 1.1, 0), Math.max(max * 1.1, max > 0 ? 0 : 1)] },
          },
          axes: [
            { ...axis, splits, size: 32, values: (_, found) => found.map((index) => rows[index]?.dataset.tick ?? "") },
            { ...axis, size: 60, incrs: areCounts ? WHOLE_STEPS : undefined, values: (_, found) => found.map((value) => spaced(value)) },
          ],
          series: [{ label: heads[0], value: (_, index) => (index === null ? "–" : label(index)) }, ...series],
          hooks: {
            drawAxes: running < 0 ? [] : [hatch(running, kind === "bar", axis.grid.stroke)],
            draw: hasEndLabels ? [endLabels(names, colors)] : [],
          },
        },
        [rows.map((_, index) => index), ...data],
        holder,
      );
    };
    let plot = draw();
    holder.addEventListener("click", (event) => {
      if (event.target.closest(".u-over")) rows[plot.cursor.idx]?.querySelector("td.time a")?.click();
    });
    addEventListener("resize", () => holder.isConnected && plot.setSize(size()));
    const again = () => requestAnimationFrame(() => {
      if (!holder.isConnected) return;
      plot.destroy();
      plot = draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  };
  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(chart);
  drawAll();
  addEventListener("replaced", drawAll);
})();
