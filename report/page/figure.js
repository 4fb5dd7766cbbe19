// A figure is one of its charts at a time, with a switch between them, a legend whose entries show and hide
// curves, and a box that says what is under the pointer.

const draws = {lines: drawLines, scatter: drawScatter, matrix: drawMatrix, map: drawMap};

function mount(figure, views) {
  const box = figure.querySelector(".chart"), tools = node("div", {class: "tools"}), plots = node("div", {class: "plots"});
  const tip = node("div", {class: "tip"}), hidden = new Set();
  let view = 0, handles = [], at = null, drawnWidth = 0;
  tip.hidden = true;
  box.append(tools, plots, tip);

  const charts = () => views[view].kind === "panels" ? views[view].panels : [views[view]];

  function render() {
    const many = charts().length > 1 || views[view].kind === "panels";
    plots.classList.toggle("many", many);
    plots.replaceChildren();
    const whole = drawnWidth = Math.max(280, box.clientWidth);
    const columns = Math.max(1, Math.floor((whole + 16) / (240 + 16)));
    const width = many ? (whole - 16 * (columns - 1)) / columns : whole;
    const all = charts().flatMap(c => c.cells ? c.cells.flat() : shownOf(c.curves, hidden).flatMap(v => [...(v.y || []), ...(v.low || []), ...(v.high || [])]));
    const range = views[view].kind === "panels" ? all : undefined;
    handles = charts().map(c => {
      const h = draws[c.kind](c, Math.floor(width), hidden, range);
      h.svg.setAttribute("aria-label", `${figure.querySelector("h2").textContent}${c.title ? ", " + c.title : ""}: arrow keys read the values`);
      plots.append(h.svg);
      listen(h);
      return h;
    });
  }

  // say shows what is at place i of a chart, and marks it in all others.
  function say(h, i, aloud) {
    at = i;
    const found = h.show(i);
    light(found.link);
    h.show(i);
    tip.replaceChildren(...picture(found.picture, "pic large"), node("b", {}, found.title), ...found.rows.map(r =>
      node("div", {}, node("i", {style: `background:${r.paint || colour(r.colour)}`}), node("span", {}, r.name), node("span", {class: "value"}, r.value))));
    tip.hidden = false;
    const plot = h.svg.getBoundingClientRect(), all = box.getBoundingClientRect(), scale = plot.width / h.svg.viewBox.baseVal.width;
    const x = plot.left - all.left + found.x * scale, y = plot.top - all.top + found.y * scale;
    const left = x + 14 + tip.offsetWidth > all.width ? x - 14 - tip.offsetWidth : x + 14;
    tip.style.left = `${Math.max(0, Math.min(left, all.width - tip.offsetWidth))}px`;
    tip.style.top = `${y}px`;
    if (aloud) document.getElementById("said").textContent = found.title + ": " + found.rows.map(r => r.name + " " + r.value).join("; ");
  }

  function hush() {
    tip.hidden = true;
    at = null;
    for (const h of handles) h.clear();
    light("");
  }

  function listen(h) {
    const point = e => {
      const r = h.svg.getBoundingClientRect(), scale = h.svg.viewBox.baseVal.width / r.width;
      const i = h.place((e.clientX - r.left) * scale, (e.clientY - r.top) * scale);
      if (i === null) hush(); else if (i !== at || tip.hidden) say(h, i);
    };
    h.svg.addEventListener("pointermove", point);
    h.svg.addEventListener("pointerdown", point);
    h.svg.addEventListener("pointerleave", e => { if (e.pointerType === "mouse") hush(); });
    h.svg.addEventListener("blur", hush);
    h.svg.addEventListener("keydown", e => {
      const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[e.key] || [0, 0];
      if (e.key === "Escape") return hush();
      if (!h.count || !dx && !dy && e.key !== "Home" && e.key !== "End") return;
      e.preventDefault();
      say(h, e.key === "Home" ? 0 : e.key === "End" ? h.count - 1 : at === null ? 0 : h.step(at, dx, dy), true);
    });
  }

  // swatch is a curve as the legend shows it.
  function swatch(c) {
    const s = node("svg", {width: 26, height: 12, viewBox: "0 0 26 12", "aria-hidden": "true"});
    if (c.area) s.append(node("rect", {x: 1, y: 1, width: 24, height: 10, fill: colour(c.colour), "fill-opacity": 0.3}));
    else if (known(c.value)) s.append(node("line", {x1: 1, x2: 25, y1: 6, y2: 6, class: "level", stroke: colour(c.colour)}));
    else {
      if (views[view].kind !== "scatter") s.append(node("line", {x1: 0, x2: 26, y1: 6, y2: 6, class: c.dashed ? "line dashed" : "line", stroke: colour(c.colour)}));
      s.append(glyph(c.colour, 13, 6, 3.4));
    }
    return s;
  }

  function legend() {
    tools.replaceChildren();
    if (views.length > 1) {
      const choice = node("select", {"aria-label": "what is drawn"}, ...views.map((v, i) => node("option", {value: i}, v.name)));
      choice.value = view;
      choice.onchange = () => { view = Number(choice.value); hush(); legend(); render(); };
      tools.append(choice);
    }
    if (charts()[0].map) return mapTools(tools, charts()[0], hidden, () => { hush(); legend(); render(); }, () => handles[0]);
    const seen = new Set();
    for (const c of charts().flatMap(c => [...(c.curves || []), ...(c.levels || [])])) {
      if (seen.has(c.name)) continue;
      seen.add(c.name);
      const b = node("button", {type: "button", "aria-pressed": String(!hidden.has(c.name)), "data-link": c.link}, swatch(c), known(c.value) ? `${c.name} ${text(c.value)}` : c.name);
      b.onclick = () => {
        if (!hidden.delete(c.name)) hidden.add(c.name);
        b.setAttribute("aria-pressed", String(!hidden.has(c.name)));
        render();
      };
      tools.append(b);
    }
    if (charts()[0].kind === "matrix") {
      const [low, high] = extent(charts().flatMap(c => c.cells.flat()));
      tools.append(node("span", {class: "scale"}, text(low), node("i", {style: `background:linear-gradient(to right, ${shade(0)}, ${shade(1)})`}), text(high), ` ${charts()[0].y.label || ""}`));
    }
  }

  followers.add(link => { for (const h of handles) h.follow(link); });
  legend();
  render();
  const fit = () => { if (Math.abs(box.clientWidth - drawnWidth) > 2 && box.clientWidth > 0) { hush(); render(); } };
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(box);
}
