// Sorting, filtering, hiding and links of the page. The state of the view is in the fragment of the address, such as
// #track=tuned&unit=steps&y=linear&mute=sgd&sort=0.2.down&at=p0-o3, so that a link shows the same view.
(() => {
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const legend = all("[data-legend]");
  const tracks = all(".tracks button");
  const find = document.getElementById("find");
  const tables = all("table.sortable");
  const original = tables.map((table) => all("tbody tr", table));
  const axes = all(".axes select");
  const charts = all("figure");
  const fresh = () => ({
    mute: new Set(), track: document.body.dataset.track, find: "", sort: new Map(), at: "",
    ...Object.fromEntries(axes.map((select) => [select.id, select.options[0].value])),
  });
  let state = fresh();
  let filtered = ""; // the text by which rows are filtered

  function read() {
    state = fresh();
    const fragment = location.hash.slice(1);
    if (!fragment.includes("=")) {
      state.at = fragment;
      return;
    }
    const values = new URLSearchParams(fragment);
    state.mute = new Set(values.getAll("mute"));
    state.track = values.get("track") ?? state.track;
    state.find = values.get("find") ?? "";
    state.at = values.get("at") ?? "";
    for (const { id, options } of axes) {
      if ([...options].some((option) => option.value === values.get(id))) state[id] = values.get(id);
    }
    for (const text of values.getAll("sort")) {
      const [table, column, direction] = text.split(".");
      state.sort.set(Number(table), { column: Number(column), down: direction === "down" });
    }
  }

  function address() {
    const values = new URLSearchParams();
    for (const name of state.mute) values.append("mute", name);
    if (state.track !== document.body.dataset.track) values.set("track", state.track);
    if (state.find) values.set("find", state.find);
    for (const { id, options } of axes) if (state[id] !== options[0].value) values.set(id, state[id]);
    for (const [table, { column, down }] of state.sort) values.append("sort", `${table}.${column}.${down ? "down" : "up"}`);
    if (state.at) values.set("at", state.at);
    return `#${values}`;
  }

  // The fragment changes without an entry in the history, except when a link is followed.
  function change(update) {
    update();
    history.replaceState(null, "", address());
    apply();
  }

  const isOpen = (element) => element.closest("details:not([open]) > :not(summary)") === null;

  function apply() {
    const muted = new Set(legend.filter((entry) => state.mute.has(entry.dataset.name)).map((entry) => entry.dataset.legend));
    for (const entry of legend) entry.setAttribute("aria-pressed", String(!muted.has(entry.dataset.legend)));
    for (const element of all("g[data-o], tr[data-o]")) {
      element.classList.toggle("muted", element.dataset.o.split(" ").some((number) => muted.has(number)));
    }
    for (const chart of all("figure:not(.pairing figure)")) {
      chart.classList.toggle("many", all("g[data-o]:not(.muted) .band", chart).length > 3);
    }
    for (const select of axes) select.value = state[select.id];
    charts.filter(isOpen).forEach((chart) => drawAxes(chart, state));
    for (const button of tracks) button.setAttribute("aria-pressed", String(button.dataset.track === state.track));
    for (const element of all("[data-t]")) {
      element.classList.toggle("other-track", state.track !== "" && element.dataset.t !== state.track);
    }
    find.value = state.find;
    if (state.find !== filtered) filter();
    tables.forEach((table, index) => sort(table, index, state.sort.get(index)));
  }

  function filter() {
    filtered = state.find;
    const wanted = filtered.trim().toLowerCase();
    for (const row of all("tr[data-o]:not(.pairing tr)")) {
      const names = wanted === "" ? [] : all(".text, th", row).map((cell) => cell.textContent.toLowerCase());
      row.classList.toggle("filtered", wanted !== "" && !names.some((name) => name.includes(wanted)));
    }
    for (const pairing of all(".pairing")) {
      pairing.classList.toggle("filtered", !pairing.dataset.name.toLowerCase().includes(wanted));
    }
  }

  function numberOf(text) {
    if (text.startsWith("∞")) return Infinity;
    return text === "" || text === "–" ? null : parseFloat(text.replaceAll("\u{2009}", "")); // thin spaces between thousands
  }

  function sort(table, index, order) {
    const headers = all("thead th", table);
    if (!order && !headers.some((header) => header.hasAttribute("aria-sort"))) return;
    headers.forEach((header) => header.removeAttribute("aria-sort"));
    let rows = original[index];
    if (order && headers[order.column]) {
      headers[order.column].setAttribute("aria-sort", order.down ? "descending" : "ascending");
      const texts = new Map(rows.map((row) => [row, row.cells[order.column].textContent.trim()]));
      const numbers = new Map(rows.map((row) => [row, numberOf(texts.get(row))]));
      const areNumbers = ![...numbers.values()].some(Number.isNaN);
      const sign = order.down ? -1 : 1;
      rows = [...rows].sort((first, second) => {
        if (!areNumbers) return sign * texts.get(first).localeCompare(texts.get(second), undefined, { numeric: true });
        const [a, b] = [numbers.get(first), numbers.get(second)];
        if (a === null || b === null) return (a === null) - (b === null); // missing values come last
        return a === b ? 0 : sign * (a < b ? -1 : 1);
      });
    }
    table.tBodies[0].append(...rows);
  }

  function reveal(id) {
    const target = id && document.getElementById(id);
    all(".opened").forEach((element) => element.classList.remove("opened"));
    if (!target) return;
    for (let element = target; element; element = element.parentElement) {
      if (element.tagName === "DETAILS") element.open = true;
    }
    target.classList.add("opened");
    clearToolbar(); // the view that is restored may have changed its height
    (target.closest(".pairing") ?? target).scrollIntoView();
    target.focus({ preventScroll: true });
  }

  function highlight(number) {
    document.documentElement.classList.toggle("highlight", number !== null);
    for (const element of all("g[data-o], tr[data-o]")) {
      element.classList.toggle("on", number !== null && element.dataset.o.split(" ").includes(number));
    }
  }

  for (const entry of legend) {
    const { name, legend: number } = entry.dataset;
    entry.title = "Click: hide or show. Double click: show only this one.";
    entry.addEventListener("click", () => change(() => state.mute.delete(name) || state.mute.add(name)));
    entry.addEventListener("dblclick", () =>
      change(() => { state.mute = new Set(legend.map((other) => other.dataset.name).filter((other) => other !== name)); }));
    for (const event of ["pointerenter", "focus"]) entry.addEventListener(event, () => highlight(number));
    for (const event of ["pointerleave", "blur"]) entry.addEventListener(event, () => highlight(null));
  }
  for (const line of all(".charts > figure g[data-o]")) {
    if (line.closest(".pairing")) continue;
    line.addEventListener("pointerenter", () => highlight(line.dataset.o));
    line.addEventListener("pointerleave", () => highlight(null));
  }
  for (const button of tracks) button.addEventListener("click", () => change(() => { state.track = button.dataset.track; }));
  for (const select of axes) select.addEventListener("change", () => change(() => { state[select.id] = select.value; }));
  addEventListener("toggle", ({ target }) => all("figure", target).filter(isOpen).forEach((chart) => drawAxes(chart, state)), true);
  find.addEventListener("input", () => change(() => { state.find = find.value; }));
  document.getElementById("reset").addEventListener("click", () => change(() => { state = fresh(); }));

  tables.forEach((table, index) => all("thead th:not(.plain)", table).forEach((header) => {
    const column = header.cellIndex;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => change(() => {
      const before = state.sort.get(index);
      const isNumber = original[index].every((row) => !Number.isNaN(numberOf(row.cells[column].textContent.trim())));
      state.sort.set(index, { column, down: before?.column === column ? !before.down : isNumber });
    }));
  }));

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    state.at = link.getAttribute("href").slice(1);
    history.pushState(null, "", address());
    reveal(state.at);
  });
  // Links lead below the legend, whose height depends on the number of optimizers.
  const toolbar = document.querySelector(".toolbar");
  const clearToolbar = () => { document.documentElement.style.scrollPaddingTop = `${toolbar.offsetHeight + 8}px`; };
  new ResizeObserver(clearToolbar).observe(toolbar);
  const restore = () => { read(); apply(); reveal(state.at); };
  addEventListener("hashchange", restore);
  addEventListener("popstate", restore);
  document.documentElement.classList.add("js");
  restore();
})();
