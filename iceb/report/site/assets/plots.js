"use strict";
/* Figures by uPlot: lines with intervals, and points with intervals in both directions. */
Iceb.plots = (() => {
  const { number } = Iceb;
  // Okabe and Ito's colours, which colour-blind readers tell apart, and two more; each also for dark paper.
  const COLOURS = { light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a6fd0", "#8c6d31"],
    dark: ["#3f9fe0", "#f0803c", "#2cc295", "#e09ac0", "#8fd0f7", "#f2b84b", "#a79df0", "#c4a05a"] };
  const GREY = "#8a8f98";
  const DASHES = [[], [6, 4], [2, 3]];

  /** Choose a row's colour and dashes by its place among those shown; controls are grey. */
  function style(row, place) {
    if (row.control) return { colour: GREY, dash: DASHES[(place % 2) + 1] };
    const colours = COLOURS[document.documentElement.dataset.theme] || COLOURS.light;
    return { colour: colours[place % colours.length], dash: DASHES[Math.floor(place / colours.length) % 3] };
  }

  /** Give each row its style. */
  function styles(rows) {
    const counts = { true: 0, false: 0 };
    return new Map(rows.map((row) => [row.place, style(row, counts[Boolean(row.control)]++)]));
  }

  /** Read a colour of the present theme. */
  function ink(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  /** Declare an axis in the colours of the theme. */
  function axis(label, more) {
    return { label, stroke: ink("--quiet"), font: "12px system-ui, sans-serif", labelFont: "13px system-ui, sans-serif",
      grid: { stroke: ink("--rule"), width: 1 }, ticks: { stroke: ink("--rule"), width: 1 }, ...more };
  }

  /** Widen a range a little, so that nothing lies on the edge. */
  function padded(numbers) {
    const known = numbers.filter((each) => each !== null && each !== undefined);
    const [least, most] = [Math.min(...known), Math.max(...known)];
    const room = (most - least || Math.abs(most) || 1) * 0.08;
    return [least - room, most + room];
  }

  /** Draw one stroke in the figure's pixels. */
  function stroke(context, colour, width, points) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    points.forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }

  /** Draw the 95 % intervals of every line that is shown. */
  function intervals(plot, series) {
    const context = plot.ctx;
    context.save();
    series.forEach((each, place) => {
      if (!plot.series[place + 1].show) return;
      each.points.forEach(({ x, low, high }) => {
        if (low === null) return;
        const at = plot.valToPos(x, "x", true);
        const [bottom, top] = [plot.valToPos(low, "y", true), plot.valToPos(high, "y", true)];
        stroke(context, each.colour, 1.5 * devicePixelRatio, [[at, bottom], [at, top]]);
      });
    });
    context.restore();
  }

  /** Label the numbers of edits; of two that would touch, the larger one is labelled. */
  function countLabels(counts, width) {
    const across = Math.log(counts[counts.length - 1] / counts[0]) + Math.log(1.15) * 2;
    let free = Infinity;
    return [...counts].reverse().map((count) => {
      const at = (Math.log(count / counts[0]) / across) * (width - 100);
      if (free - at < 32) return "";
      free = at;
      return String(count);
    }).reverse();
  }

  /** Draw lines: score against number of edits. */
  function lines(place, series, counts, label) {
    const numbers = series.flatMap((each) => each.points.flatMap((point) => [point.y, point.low, point.high]));
    const range = padded(numbers);
    const columns = series.map((each) => counts.map((count) => each.points.find((point) => point.x === count)?.y ?? null));
    const options = {
      width: place.clientWidth, height: 380, legend: { show: false }, cursor: { points: { size: 7 }, drag: { x: false, y: false } },
      scales: { x: { time: false, distr: counts[0] > 0 ? 3 : 1, range: () => [counts[0] / 1.15, counts[counts.length - 1] * 1.15] }, y: { range: () => range } },
      axes: [axis("edits at once", { splits: () => counts, values: () => countLabels(counts, place.clientWidth), filter: (_, splits) => splits }), axis(label, { size: 60, values: (_, splits) => splits.map((each) => number(each, 2)) })],
      series: [{}, ...series.map((each) => ({ label: each.label, stroke: each.colour, width: 2, dash: each.dash, spanGaps: true, show: each.show,
        points: { show: true, size: 6, fill: each.colour } }))],
      hooks: { draw: [(plot) => intervals(plot, series)] },
    };
    return new uPlot(options, [counts, ...columns], place);
  }

  /** Draw the points' intervals in both directions, their names, and the front that no point is beyond. */
  function crosses(plot, points, front) {
    const context = plot.ctx;
    const at = (x, y) => [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
    context.save();
    context.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    if (front.length > 1) stroke(context, ink("--quiet"), devicePixelRatio, front.map((each) => at(each.x[0], each.y[0])));
    context.setLineDash([]);
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    const near = 5 * devicePixelRatio;
    const taken = points.map((each) => at(each.x[0], each.y[0])).map(([x, y]) => [x - near, y - near, x + near, y + near]);
    for (const each of points) {
      const [x, y] = at(each.x[0], each.y[0]);
      if (each.x[2] !== null) stroke(context, each.colour, 1.2 * devicePixelRatio, [at(each.x[2], each.y[0]), at(each.x[3], each.y[0])]);
      if (each.y[2] !== null) stroke(context, each.colour, 1.2 * devicePixelRatio, [at(each.x[0], each.y[2]), at(each.x[0], each.y[3])]);
      name(plot, context, each.label, x, y, taken);
    }
    context.restore();
  }

  /** Write a point's name where no other stands; beyond four places it is left to the legend. */
  function name(plot, context, text, x, y, taken) {
    const pixel = devicePixelRatio;
    const width = context.measureText(text).width;
    const right = plot.bbox.left + plot.bbox.width;
    for (const [dx, dy] of [[8, -7], [8, 15], [-8 - width / pixel, -7], [-8 - width / pixel, 15]]) {
      const box = [x + dx * pixel, y + (dy - 10) * pixel, x + dx * pixel + width, y + (dy + 2) * pixel];
      const free = taken.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
      if (!free || box[2] > right || box[0] < plot.bbox.left) continue;
      taken.push(box);
      context.fillStyle = ink("--ink");
      context.fillText(text, box[0], y + dy * pixel);
      return;
    }
  }

  /** Draw points: one metric against another. */
  function scatter(place, points, front, labels) {
    const ordered = [...points].sort((a, b) => a.x[0] - b.x[0]);
    const xs = ordered.map((each) => each.x[0]);
    const ranges = ["x", "y"].map((side) => padded(points.flatMap((each) => [each[side][0], each[side][2], each[side][3]])));
    const decimals = (_, splits) => splits.map((each) => number(each, 2));
    const options = {
      width: place.clientWidth, height: 420, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false, range: () => ranges[0] }, y: { range: () => ranges[1] } },
      axes: [axis(labels[0], { values: decimals, space: 80 }), axis(labels[1], { size: 60, values: decimals })],
      series: [{}, ...ordered.map((each) => ({ stroke: each.colour, width: 0, points: { show: true, size: 9, fill: each.colour } }))],
      hooks: { draw: [(plot) => crosses(plot, ordered, front)] },
    };
    return new uPlot(options, [xs, ...ordered.map((each, n) => xs.map((_, m) => (m === n ? each.y[0] : null)))], place);
  }

  return { lines, scatter, styles };
})();
