const drawingNamespace = "http://www.w3.org/2000/svg";

// The slider below a drawing: it draws every line that follows steps up to one step, with a dot at its end.
for (const control of document.querySelectorAll(".steps")) {
  const drawing = control.closest("figure").querySelector("svg");
  const slider = control.querySelector("input");
  const output = control.querySelector("output");
  const readings = Object.entries(JSON.parse(drawing.dataset.readings));
  const lines = [...drawing.querySelectorAll("[data-steps]")].map(lineOf);
  const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((first, second) => first - second);
  const last = steps.at(-1);

  function show() {
    const step = steps[slider.value];
    for (const line of lines) truncate(line, step, last);
    const position = `${step.toLocaleString("en")} of ${last.toLocaleString("en")}`;
    const values = readings.map(([name, texts]) => `loss of ${name}: ${texts[Math.min(step, texts.length - 1)]}`);
    output.textContent = [position, ...values].join("\n");
    slider.setAttribute("aria-valuetext", position);
  }

  slider.max = steps.length - 1;
  slider.value = slider.max;
  slider.addEventListener("input", show);
  control.hidden = false;
  show();
}

// A line of a drawing: its vertices as texts and as points, the step of each, its markers, and a dot.
function lineOf(group) {
  const path = group.querySelector(":scope > path");
  const markers = [...group.querySelectorAll(":scope > g > use")];
  const vertices = path?.getAttribute("d").split(" ") ?? [];
  const points = path
    ? vertices.map((vertex) => vertex.match(/-?[\d.]+/g))
    : markers.map((marker) => [marker.getAttribute("x"), marker.getAttribute("y")]);
  const steps = group.dataset.steps ? group.dataset.steps.split(" ").map(Number) : points.map((_, index) => index);
  const style = getComputedStyle(path ?? markers[0]);
  const head = document.createElementNS(drawingNamespace, "circle");
  head.setAttribute("r", 3.5);
  head.style.fill = style.stroke === "none" ? style.fill : style.stroke;
  head.style.stroke = "white";
  head.style.opacity = style.strokeOpacity;
  const frame = document.createElementNS(drawingNamespace, "g");
  frame.setAttribute("clip-path", (path ?? markers[0].parentElement).getAttribute("clip-path") ?? "none");
  frame.append(head);
  group.append(frame);
  return { path, markers, vertices, points, steps, head };
}

function truncate({ path, markers, vertices, points, steps, head }, step, last) {
  const count = steps.filter((own) => own <= step).length;
  path?.setAttribute("d", vertices.slice(0, count).join(" "));
  markers.forEach((marker, index) => { marker.style.display = index < count ? "" : "none"; });
  head.style.display = step < last && count ? "" : "none"; // the whole drawing has no dots, as in the file
  const [x, y] = points[Math.max(count, 1) - 1];
  head.setAttribute("cx", x);
  head.setAttribute("cy", y);
}
