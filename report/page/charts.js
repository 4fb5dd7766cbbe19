// Each kind of chart is drawn by a function of (chart, width, hidden) and returns what the figure needs of it:
// svg; count, the places that can be pointed at; place(x, y), the nearest of them; show(i), which marks it and
// says what is there; clear(); step(i, dx, dy), the next place of an arrow key; follow(link).

const slant = 40 * Math.PI / 180; // of names below an axis

// frame is an empty plot with its axes. The margins are as wide as the names need.
function frame(chart, width, height, xs, ys, small) {
  const names = chart.x.names, yNames = chart.y.names;
  const longest = small ? 70 : width < 500 ? 100 : 150;
  const cut = s => fitted(s, longest);
  const bottom = (names ? Math.sin(slant) * Math.max(...names.map(n => wide(cut(n)))) + 20 : 22) + (chart.x.label ? 18 : 0);
  const probe = yNames ? null : scaled(chart.y, ys, height - bottom, 20, small ? 3 : 5);
  const tickWide = Math.max(...(yNames ? yNames.map(n => wide(cut(n))) : probe.ticks.map(t => wide(t.name))), 8);
  const hang = names ? Math.cos(slant) * wide(cut(names[0])) - 14 : 0;
  const left = Math.max(tickWide + 10 + (chart.y.label ? 18 : 0), hang), right = width - (names ? 8 : 14);
  const top = (small ? 20 : 8) + 15 * (chart.marks || []).length;
  const svg = node("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: "0"});
  const low = height - bottom;
  const x = names ? named(chart.x, left, right, 21, chart.kind === "matrix" ? (right - left) / names.length / 2 : 12) : scaled(chart.x, xs, left, right, width / 90);
  const y = yNames ? named(chart.y, top, low, 13, (low - top) / yNames.length / 2) : scaled(chart.y, ys, low, top, small ? 3 : 5);
  for (const t of y.ticks) {
    if (!yNames) svg.append(node("line", {class: "grid", x1: left, x2: right, y1: y.at(t.at), y2: y.at(t.at)}));
    svg.append(node("text", {x: left - 6, y: y.at(t.at) + 4, "text-anchor": "end"}, cut(t.name)));
  }
  svg.append(node("line", {class: "edge", x1: left, x2: right, y1: low, y2: low}));
  for (const t of x.ticks) {
    const px = x.at(t.at);
    svg.append(node("line", {class: "edge", x1: px, x2: px, y1: low, y2: low + 4}));
    svg.append(names ? node("text", {transform: `translate(${px + 4},${low + 14}) rotate(-40)`, "text-anchor": "end"}, cut(t.name))
      : node("text", {x: px, y: low + 16, "text-anchor": "middle"}, t.name));
  }
  if (chart.x.label) svg.append(node("text", {x: (left + right) / 2, y: height - 4, "text-anchor": "middle"}, chart.x.label));
  if (chart.y.label) svg.append(node("text", {transform: `translate(12,${(top + low) / 2}) rotate(-90)`, "text-anchor": "middle"}, fitted(chart.y.label, low - top + bottom)));
  if (chart.title) svg.append(node("text", {class: "name", x: 0, y: 12}, fitted(chart.title, width, 600)));
  return {svg, x, y, left, right, top, low};
}

// glyph is the mark of a point, by colour, so that curves are told apart without colours too.
function glyph(n, x, y, r = 3) {
  const at = (dx, dy) => `${x + dx * r} ${y + dy * r}`;
  const paths = {0: null, 1: `M${at(0, -1.2)}L${at(1.1, 0.9)}L${at(-1.1, 0.9)}Z`, 2: `M${at(-0.9, -0.9)}L${at(0.9, -0.9)}L${at(0.9, 0.9)}L${at(-0.9, 0.9)}Z`,
    3: `M${at(0, 1.2)}L${at(1.1, -0.9)}L${at(-1.1, -0.9)}Z`, 4: `M${at(0, -1.3)}L${at(1.1, 0)}L${at(0, 1.3)}L${at(-1.1, 0)}Z`};
  const d = paths[n === -1 ? 2 : n % 5];
  return d ? node("path", {d, fill: colour(n)}) : node("circle", {cx: x, cy: y, r, fill: colour(n)});
}

const xOf = (c, i) => c.x ? c.x[i] : i;

// path joins the points that are known; a gap where one is not.
function path(points) {
  let d = "", on = false;
  for (const [x, y] of points) {
    if (!known(y) || !Number.isFinite(y)) { on = false; continue; }
    d += `${on ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    on = true;
  }
  return d;
}

// band outlines the intervals of a curve, a piece for each run of known ones.
function band(c, f) {
  let d = "", run = [];
  const close = () => {
    if (run.length) d += "M" + run.map(i => `${f.x.at(xOf(c, i)).toFixed(2)} ${f.y.at(c.high[i]).toFixed(2)}`).join("L") +
      "L" + run.reverse().map(i => `${f.x.at(xOf(c, i)).toFixed(2)} ${f.y.at(c.low[i]).toFixed(2)}`).join("L") + "Z";
    run = [];
  };
  c.low.forEach((v, i) => known(v) && known(c.high[i]) ? run.push(i) : close());
  close();
  return d;
}

function drawCurve(c, f) {
  const g = node("g", {class: "curve", "data-link": c.link});
  if (c.low) g.append(node("path", {class: c.area ? "band alone" : "band", d: band(c, f), fill: colour(c.colour)}));
  if (c.area) return g;
  const on = v => known(v) && f.y.low <= v && v <= f.y.high ? f.y.at(v) : null;
  g.append(node("path", {class: "line" + (c.dashed ? " dashed" : ""), stroke: colour(c.colour), d: path(c.y.map((v, i) => [f.x.at(xOf(c, i)), on(v)]))}));
  if (c.y.length <= (f.right - f.left) / 11) c.y.forEach((v, i) => known(on(v)) && g.append(glyph(c.colour, f.x.at(xOf(c, i)), on(v))));
  return g;
}

const shownOf = (list, hidden) => (list || []).filter(c => !hidden.has(c.name));

function drawLines(chart, width, hidden, range) {
  const small = Boolean(chart.title), curves = shownOf(chart.curves, hidden), levels = shownOf(chart.levels, hidden);
  const numbers = range || [...curves.flatMap(c => [...(c.area ? [] : c.y), ...(c.low || []), ...(c.high || [])]), ...levels.map(l => l.value)];
  const places = chart.x.names ? chart.x.names.map((_, i) => i) : [...new Set(curves.flatMap(c => c.x || []))].sort((a, b) => a - b);
  const f = frame(chart, width, small ? 190 : Math.max(300, Math.min(400, width * 0.42)), places, numbers, small);
  for (const c of curves.filter(c => c.area)) f.svg.append(drawCurve(c, f));
  for (const l of levels) {
    const y = f.y.at(l.value);
    if (Number.isFinite(y)) f.svg.append(node("line", {class: "level", stroke: colour(l.colour), x1: f.left, x2: f.right, y1: y, y2: y}));
  }
  for (const c of curves.filter(c => !c.area)) f.svg.append(drawCurve(c, f));
  (chart.marks || []).forEach((m, i) => {
    const x = f.x.at(m.at), y = (small ? 20 : 6) + 15 * i, end = x > (f.left + f.right) / 2;
    f.svg.prepend(node("line", {class: "mark", x1: x, x2: x, y1: y, y2: f.low}));
    f.svg.append(node("text", {class: "marked", x: end ? x - 5 : x + 5, y: y + 8, "text-anchor": end ? "end" : "start"}, m.name));
  });
  const focus = node("g");
  f.svg.append(focus);
  const nearest = v => places.reduce((best, p, i) => Math.abs(f.x.at(p) - v) < Math.abs(f.x.at(places[best]) - v) ? i : best, 0);
  const handle = {
    svg: f.svg, count: places.length,
    place: x => places.length ? nearest(x) : null,
    step: (i, dx) => Math.max(0, Math.min(places.length - 1, i + dx)),
    clear: () => focus.replaceChildren(),
    show(i) {
      const at = places[i], x = f.x.at(at), rows = [];
      focus.replaceChildren(node("line", {class: "focus", x1: x, x2: x, y1: f.top, y2: f.low}));
      for (const c of curves) {
        const j = c.x ? c.x.indexOf(at) : i;
        if (j < 0 || !c.area && !known(c.y[j])) continue;
        rows.push({colour: c.colour, name: c.name, value: (c.area ? "" : text(c.y[j])) + (c.low ? between(c.low[j], c.high[j]) : "")});
        if (!c.area && Number.isFinite(f.y.at(c.y[j]))) focus.append(node("circle", {class: "ring", cx: x, cy: f.y.at(c.y[j]), r: 4.5, stroke: colour(c.colour)}));
      }
      for (const l of levels) rows.push({colour: l.colour, name: l.name, value: text(l.value)});
      const name = f.x.names ? `${i + 1}. ${f.x.names[i]}` : `${chart.x.label || "at"} ${text(at)}`;
      return {title: name, rows, x, y: f.top, link: chart.link ? `${chart.link}:${i}` : ""};
    },
    follow(link) {
      const [kind, i] = (link || "").split(":");
      if (chart.link && kind === chart.link) handle.show(Number(i)); else handle.clear();
    }
  };
  return handle;
}

function drawScatter(chart, width, hidden) {
  const curves = shownOf(chart.curves, hidden), levels = shownOf(chart.levels, hidden);
  const f = frame(chart, width, Math.max(320, Math.min(460, width * 0.55)), curves.flatMap(c => c.x),
    [...curves.flatMap(c => [...c.y, ...(c.low || []), ...(c.high || [])]), ...levels.map(l => l.value)], false);
  for (const l of levels) f.svg.append(node("line", {class: "level", stroke: colour(l.colour), x1: f.left, x2: f.right, y1: f.y.at(l.value), y2: f.y.at(l.value)}));
  const points = [];
  for (const c of curves) c.y.forEach((v, i) => {
    if (!known(v) || !known(c.x[i])) return;
    const x = f.x.at(c.x[i]), y = f.y.at(v), link = (c.links || [])[i] || c.link, g = node("g", {class: "dot", "data-link": link});
    if (!Number.isFinite(y)) return;
    if (c.low && known(c.low[i])) g.append(node("line", {class: "whisker", stroke: colour(c.colour), x1: x, x2: x, y1: f.y.at(c.low[i]), y2: f.y.at(c.high[i])}));
    if (c.xlow && known(c.xlow[i])) g.append(node("line", {class: "whisker", stroke: colour(c.colour), x1: f.x.at(c.xlow[i]), x2: f.x.at(c.xhigh[i]), y1: y, y2: y}));
    g.append(glyph(c.colour, x, y, 4.5));
    f.svg.append(g);
    points.push({c, i, x, y, link});
  });
  points.sort((a, b) => a.x - b.x || a.y - b.y);
  const focus = node("g");
  f.svg.append(focus);
  const far = (p, x, y) => Math.hypot(p.x - x, p.y - y);
  return {
    svg: f.svg, count: points.length,
    place: (x, y) => points.length ? points.reduce((best, p, i) => far(p, x, y) < far(points[best], x, y) ? i : best, 0) : null,
    step: (i, dx, dy) => (i + (dx || -dy) + points.length) % points.length,
    clear: () => focus.replaceChildren(), follow() {},
    show(n) {
      const {c, i, x, y, link} = points[n];
      focus.replaceChildren(node("circle", {class: "ring", cx: x, cy: y, r: 7, stroke: colour(c.colour), "fill-opacity": 0}));
      return {title: (c.names || [])[i] || c.name, x, y, link, rows: [
        {colour: c.colour, name: chart.y.label, value: text(c.y[i]) + (c.low ? between(c.low[i], c.high[i]) : "")},
        {colour: c.colour, name: chart.x.label, value: text(c.x[i]) + (c.xlow ? between(c.xlow[i], c.xhigh[i]) : "")},
        ...levels.map(l => ({colour: l.colour, name: l.name, value: text(l.value)}))]};
    }
  };
}

// shade runs from the paper to blue as a share goes from 0 to 1.
const shade = t => `color-mix(in oklab, var(--c0) ${(100 * Math.max(0, Math.min(1, t))).toFixed(1)}%, var(--raised))`;

function drawMatrix(chart, width, hidden, range) {
  const columns = chart.x.names.length, rows = chart.y.names.length, numbers = chart.cells.flat();
  const cell = chart.title ? 9 : Math.max(7, Math.min(34, (width - 120) / columns));
  const f = frame(chart, width, Math.max(180, Math.min(900, rows * cell + 130)), [], [], Boolean(chart.title));
  const [least, high] = extent(range || numbers), low = known(chart.y.low) ? chart.y.low : least;
  const w = (f.right - f.left) / columns, h = (f.low - f.top) / rows, at = v => (v - low) / (high - low || 1);
  chart.cells.forEach((row, r) => row.forEach((v, c) => {
    if (!known(v)) return;
    const x = f.left + c * w, y = f.top + r * h;
    f.svg.append(node("rect", {x: x + 0.4, y: y + 0.4, width: Math.max(0.5, w - 0.8), height: Math.max(0.5, h - 0.8), fill: shade(at(v))}));
    if (w > 26 && h > 14 && chart.unit === "count") f.svg.append(node("text", {x: x + w / 2, y: y + h / 2 + 4, "text-anchor": "middle", style: at(v) > 0.55 ? "fill:var(--paper)" : "fill:var(--ink)"}, String(v)));
  }));
  const focus = node("g");
  f.svg.append(focus);
  const handle = {
    svg: f.svg, count: columns * rows, low, high,
    place(x, y) {
      const c = Math.floor((x - f.left) / w), r = Math.floor((y - f.top) / h);
      return c >= 0 && c < columns && r >= 0 && r < rows ? r * columns + c : null;
    },
    step: (i, dx, dy) => Math.max(0, Math.min(rows - 1, Math.floor(i / columns) + dy)) * columns + Math.max(0, Math.min(columns - 1, i % columns + dx)),
    clear: () => focus.replaceChildren(),
    show(i) {
      const r = Math.floor(i / columns), c = i % columns, x = f.left + c * w, y = f.top + r * h;
      focus.replaceChildren(node("rect", {x, y, width: w, height: h, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5}));
      return {title: `${f.y.names[r]}, ${chart.x.label} ${f.x.names[c]}`, x: x + w, y, link: chart.link ? `${chart.link}:${r}` : "",
        rows: [{colour: 0, name: chart.y.label, value: chart.unit === "count" ? String(chart.cells[r][c]) : text(chart.cells[r][c])}]};
    },
    follow(link) {
      const [kind, i] = (link || "").split(":"), r = Number(i);
      if (!chart.link || kind !== chart.link || r >= rows) return handle.clear();
      focus.replaceChildren(node("rect", {x: f.left, y: f.top + r * h, width: f.right - f.left, height: h, fill: "none", stroke: "var(--ink)"}));
    }
  };
  return handle;
}
