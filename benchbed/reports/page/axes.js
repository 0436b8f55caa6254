"use strict";
// Other axes of the charts: calls, steps or seconds, linear or logarithmic. The page contains the paths of the default
// view only; from them and the scale of each axis this script computes all others.
const drawAxes = (() => {
  const WIDTH = 3600, HEIGHT = 2100; // the area of a plot, as in charts.py
  const all = (selector, scope) => [...scope.querySelectorAll(selector)];
  const originals = new WeakMap();

  // The points of a path, each with the command M at a start and L after it; z closes.
  function decode(path) {
    const points = [];
    let x = 0, y = 0;
    for (const [, command, text] of path.matchAll(/([MlhvHz])([^MlhvHz]*)/g)) {
      const [first, second] = (text.match(/-?\d+/g) ?? []).map(Number);
      if (command === "M") [x, y] = [first, second];
      else if (command === "l") [x, y] = [x + first, y + second];
      else if (command === "h") x += first;
      else if (command === "H") x = first;
      else if (command === "v") y += first;
      points.push(command === "z" ? ["z"] : [command === "M" ? "M" : "L", x, y]);
    }
    return points;
  }

  function encode(points, x, y) {
    return points.map(([command, column, row]) => (command === "z" ? "z" : `${command}${Math.round(x(column))} ${Math.round(y(row))}`)).join("");
  }

  function originalOf(figure) {
    if (!originals.has(figure)) {
      const groups = all(".ticks-x, .ticks-y, .label-x", figure).map((group) => [group, [...group.childNodes]]);
      const paths = all("g[data-o] > path, .level", figure).map((path) => [path, path.getAttribute("d"), decode(path.getAttribute("d"))]);
      originals.set(figure, { groups, paths });
    }
    return originals.get(figure);
  }

  const superscript = (power) => [...String(power)].map((digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]).join("");

  function format(value, digits = 6) {
    if (value === 0) return "0";
    const power = Math.floor(Math.log10(Math.abs(value)) + 1e-9);
    if (power >= -2 && power < 6) return String(Number(value.toPrecision(digits))).replace(/\B(?=(\d{3})+$)/g, "\u{2009}").replace("-", "−");
    const factor = Number((value / 10 ** power).toPrecision(digits / 2));
    return `${factor === 1 ? "" : factor === -1 ? "−" : `${factor}·`.replace("-", "−")}10${superscript(power)}`;
  }

  function linearTicks(low, high) {
    const raw = (high - low) / 5, size = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].find((factor) => factor * size >= raw * (1 - 1e-9)) * size;
    const ticks = [];
    for (let index = Math.ceil(low / step - 1e-9); index * step <= high * (1 + 1e-9); index++) ticks.push(index * step);
    return ticks;
  }

  function decadeTicks(low, high) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first) / 6));
    const ticks = [];
    for (let power = first; power <= last; power += step) ticks.push(10 ** power);
    return ticks.length > 1 ? ticks : [low, high];
  }

  // Cost of a call of a line in the unit of the axis; NaN if it is unknown.
  function costOf(line, svg, unit) {
    if (unit === "calls") return 1;
    const [steps, seconds] = (line.dataset.cost ?? svg.dataset.cost ?? "NaN NaN").split(" ").map(Number);
    return unit === "steps" ? steps : seconds;
  }

  function horizontal(svg, lines, view) {
    const [start, end, below] = svg.dataset.x.split(" ").map(Number);
    const costs = new Map(lines.map((line) => [line, costOf(line, svg, view.unit)]));
    const shown = lines.filter((line) => !line.classList.contains("muted"));
    const known = (shown.length ? shown : lines).map((line) => costs.get(line)).filter((cost) => !Number.isNaN(cost));
    if (!known.length) known.push(1);
    const lowest = start * Math.min(...known), highest = end * Math.max(...known);
    const calls = (share) => (share < below ? (share / below) * start : start * (end / start) ** ((share - below) / (1 - below)));
    const share = view.x === "linear" ? (value) => value / highest
      : (value) => (value < lowest ? (below * value) / lowest : below + ((1 - below) * Math.log(value / lowest)) / Math.log(highest / lowest));
    const ticks = view.x === "linear" ? linearTicks(0, highest) : [...(below ? [0] : []), ...decadeTicks(lowest, highest)];
    return {
      place: (line) => { const cost = costs.get(line); return (column) => share(calls(column / WIDTH) * cost) * WIDTH; },
      isKnown: (line) => !Number.isNaN(costs.get(line)),
      ticks: ticks.map((value) => [share(value) * WIDTH, format(value)]),
    };
  }

  function vertical(svg, lines, decoded) {
    const [bottom, top, threshold, height] = svg.dataset.y.split(" ").map(Number);
    const forward = (value) => (Math.abs(value) <= threshold ? value / threshold : Math.sign(value) * (1 + Math.log10(Math.abs(value) / threshold)));
    const inverse = (level) => threshold * (Math.abs(level) <= 1 ? level : Math.sign(level) * 10 ** (Math.abs(level) - 1));
    const valueOf = (row) => threshold
      ? inverse(forward(bottom) + (row / height) * (forward(top) - forward(bottom)))
      : bottom * (top / bottom) ** (row / height);
    const shown = lines.filter((line) => !line.classList.contains("muted"));
    const rows = (shown.length ? shown : lines).flatMap((line) => all(".line, .dots", line).flatMap((path) => decoded.get(path)))
      .filter(([command, , row]) => command !== "z" && row <= height).map(([, , row]) => row);
    const low = threshold ? valueOf(Math.min(height, ...rows)) : 0;
    const highest = valueOf(Math.max(0, ...rows));
    const high = highest + ((highest - low) || Math.abs(low) || 1) * 0.05;
    const share = (value) => (value - low) / (high - low);
    return {
      place: (row) => (row > height ? row : Math.min(1, Math.max(0, share(valueOf(row)))) * height),
      isInside: (row) => share(valueOf(row)) <= 1 && share(valueOf(row)) >= 0,
      ticks: linearTicks(low, high).map((value) => [share(value) * height, format(value, 12)]),
    };
  }

  function element(name, attributes, text = "") {
    const created = document.createElementNS(document.querySelector("svg").namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
    created.textContent = text;
    return created;
  }

  function ticksX(ticks) {
    return ticks.flatMap(([position, text]) => {
      const x = (66 + position / 10).toFixed(1);
      return [element("path", { d: `M${x} 220v4` }), element("text", { x, y: 237, "text-anchor": "middle" }, text)];
    });
  }

  function ticksY(ticks) {
    return ticks.flatMap(([position, text]) => [
      element("path", { d: `M66 ${(220 - position / 10).toFixed(1)}h360` }),
      element("text", { x: 61, y: (224 - position / 10).toFixed(1), "text-anchor": "end" }, text),
    ]);
  }

  // Draw a chart again; `view` has the unit of the horizontal axis, and "log" or "linear" for x and y.
  return (figure, view) => {
    const svg = figure.querySelector("svg[data-x], svg[data-y]");
    const isDefault = view.unit === "calls" && view.x === "log" && view.y === "log";
    if (!svg || (isDefault && !originals.has(figure))) return;
    const { groups, paths } = originalOf(figure);
    for (const [group, nodes] of groups) group.replaceChildren(...nodes);
    const lines = all("g[data-o]", svg);
    const x = svg.dataset.x && !(view.unit === "calls" && view.x === "log") ? horizontal(svg, lines, view) : null;
    const y = svg.dataset.y && view.y === "linear" ? vertical(svg, lines, new Map(paths.map(([path, , points]) => [path, points]))) : null;
    const same = (position) => position;
    for (const [path, text, points] of paths) {
      const line = path.closest("g[data-o]");
      const placeX = x && line ? x.place(line) : same, placeY = y ? y.place : same;
      if (!x && !y) path.setAttribute("d", text);
      else if (!line) path.setAttribute("d", !y || y.isInside(points[0][2]) ? encode(points, same, placeY) : "");
      else if (x && !x.isKnown(line)) path.setAttribute("d", "");
      else if (path.classList.contains("lost")) {
        path.setAttribute("d", `M${Math.round(placeX(points[0][1] + 40)) - 40} ${points[0][2]}${text.slice(text.indexOf("l"))}`);
      } else path.setAttribute("d", encode(points, placeX, placeY));
    }
    if (x) svg.querySelector(".ticks-x").replaceChildren(...ticksX(x.ticks));
    if (x) svg.querySelector(".label-x").textContent = view.unit;
    if (y) {
      const group = svg.querySelector(".ticks-y");
      const lost = svg.querySelector(".strip") ? [...group.childNodes].slice(-2) : [];
      group.replaceChildren(...ticksY(y.ticks), ...lost);
    }
  };
})();
