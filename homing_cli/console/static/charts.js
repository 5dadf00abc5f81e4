// Draws every figure.chart from the JSON in its data-chart, and again whenever the data or the theme changes.
"use strict";

const drawn = new Map();

// A canvas does not support light-dark(), so each colour is read from an element that is styled with it.
const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;

function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function translucent(name) {
  return colour(name).replace("rgb(", "rgba(").replace(")", ", 0.2)");
}

function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}

function span(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (Math.abs(seconds) >= size) return `${+(seconds / size).toFixed(1)} ${unit}`;
  }
  return `${+seconds.toFixed(1)} s`;
}

function stacked(series) {
  let below = null;
  return series.map((one) => {
    below = one.y.map((value, i) => value + (below ? below[i] : 0));
    return below;
  });
}

function seriesOf(data) {
  const bars = data.kind === "bars" && uPlot.paths.bars({ size: [0.8, 24] });
  const made = data.series.map((one) => ({
    label: one.label,
    stroke: colour(one.tone),
    width: data.kind === "bars" ? 0 : one.tone === "band" ? 1 : 2,
    fill: data.kind === "bars" ? colour(one.tone) : data.kind === "area" ? translucent(one.tone) : undefined,
    paths: bars || undefined,
    points: { show: data.kind === "lines" || (data.kind === "band" && one.tone !== "band"), size: 5 },
  }));
  return data.kind === "bars" ? made.reverse() : made;
}

function columns(data) {
  if (data.kind !== "bars") return [data.x, ...data.series.map((one) => one.y)];
  return [data.x, ...stacked(data.series).reverse()];
}

function axes(data) {
  const look = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const x = { ...look, size: 28 };
  if (data.xLabel === "attempt") { x.values = (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick : "")); }
  else { x.values = (_, ticks) => ticks.map(data.xLabel ? span : clock); }
  const y = { ...look, size: 64 };
  if (data.unit === "s") y.values = (_, ticks) => ticks.map(span);
  return [x, y];
}

function options(data, plot) {
  return {
    width: plot.clientWidth,
    height: plot.clientHeight,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: {
      x: { time: !data.xLabel },
      y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    series: [{}, ...seriesOf(data)],
    bands: data.kind === "band" ? [{ series: [3, 1], fill: translucent("p50") }] : [],
    axes: axes(data),
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
  };
}

function legend(figure, data) {
  let list = figure.querySelector(".legend");
  if (!list) {
    list = document.createElement("ul");
    list.className = "legend";
    figure.querySelector("figcaption").append(list);
  }
  list.replaceChildren(...data.series.filter((one) => one.tone !== "band").map((one) => {
    const item = document.createElement("li");
    item.className = `tone-${one.tone}`;
    item.textContent = one.label;
    return item;
  }));
}

function draw(figure, anew) {
  const plot = figure.querySelector(".plot");
  const known = drawn.get(plot);
  const text = figure.dataset.chart;
  if (!anew && known && known.text === text) return;
  const data = JSON.parse(text);
  if (known) known.chart.destroy();
  const chart = new uPlot(options(data, plot), columns(data), plot);
  drawn.set(plot, { chart, text });
  if (data.series.length > 1 && data.kind !== "band") legend(figure, data);
}

function drawAll(anew) {
  for (const [plot, known] of drawn) {
    if (!plot.isConnected) { known.chart.destroy(); drawn.delete(plot); }
  }
  for (const figure of document.querySelectorAll("figure.chart")) draw(figure, anew === true);
}

document.addEventListener("htmx:after:swap", () => drawAll());
document.addEventListener("htmx:after:settle", () => drawAll());
document.addEventListener("theme", () => drawAll(true));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(true));
let resizing;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => drawAll(true), 150); });
drawAll();
