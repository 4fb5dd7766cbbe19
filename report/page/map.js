// A map shows where points lie at a layer. chart.at is the layer that is shown, chart.by what the colours say.

const listed = 20; // names beyond which there is no legend

// picture shows a picture of the page by its number, from 1; nothing for 0.
function picture(number, name) {
  const columns = Number(getComputedStyle(document.documentElement).getPropertyValue("--columns"));
  return number ? [node("span", {class: name, style: `--x:${(number - 1) % columns};--y:${Math.floor((number - 1) / columns)}`})] : [];
}

// paint is the colour of a name: of the palette where that has enough. Ordered ones run from the palette's first to
// its second; the last is none of them.
function paint(by, n) {
  const last = by.names.length - 1;
  if (by.ordered) return n === last ? "var(--grey)" : `color-mix(in oklab, var(--c1) ${(100 * n / Math.max(1, last - 1)).toFixed(0)}%, var(--c0))`;
  return by.names.length <= 6 ? colour(n) : `oklch(0.65 0.14 ${(360 * n / by.names.length).toFixed(0)})`;
}

function mark(by, n, x, y, r) {
  const g = glyph(by.ordered ? 0 : n % listed, x, y, r);
  g.setAttribute("fill", paint(by, n));
  return g;
}

function drawMap(chart, width, hidden) {
  const m = chart.map, height = Math.min(width, 540), edge = 12, by = m.colours[chart.by ??= 0];
  chart.at ??= m.start;
  const svg = node("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: "0"});
  const dots = m.links.map((link, i) => {
    const g = node("g", {class: "dot", "data-link": link}, mark(by, by.of[i], 0, 0, 3.6));
    if (hidden.has(by.names[by.of[i]])) g.style.display = "none";
    return g;
  });
  const focus = node("g");
  svg.append(...dots, focus);
  let spots = [];
  const shown = i => dots[i].style.display !== "none";
  const far = (i, x, y) => Math.hypot(spots[i][0] - x, spots[i][1] - y);
  const handle = {
    svg, count: dots.length,
    // move brings the points to where they lie at layer chart.at.
    move() {
      const l = m.layers[chart.at], w = Math.max(1, ...l.x), h = Math.max(1, ...l.y), scale = Math.min((width - 2 * edge) / w, (height - 2 * edge) / h);
      spots = l.x.map((x, i) => [(width - w * scale) / 2 + x * scale, (height + h * scale) / 2 - l.y[i] * scale]);
      dots.forEach((g, i) => { g.style.transform = `translate(${spots[i][0].toFixed(1)}px,${spots[i][1].toFixed(1)}px)`; });
      handle.clear();
    },
    place(x, y) {
      const i = spots.reduce((best, _, i) => shown(i) && (best === null || far(i, x, y) < far(best, x, y)) ? i : best, null);
      return i !== null && far(i, x, y) < 24 ? i : null;
    },
    step: (i, dx, dy) => (i + (dx || -dy) + dots.length) % dots.length,
    clear: () => focus.replaceChildren(),
    show(i) {
      const [x, y] = spots[i];
      focus.replaceChildren(node("circle", {class: "ring", cx: x, cy: y, r: 7, stroke: "var(--ink)", "fill-opacity": 0}));
      return {title: m.names[i], x, y, link: m.links[i], picture: (m.pictures || [])[i],
        rows: m.colours.map(c => ({name: c.name, value: c.names[c.of[i]], paint: paint(c, c.of[i])}))};
    },
    follow(link) {
      const i = m.links.indexOf(link);
      if (i < 0 || !link) handle.clear(); else handle.show(i);
    }
  };
  handle.move();
  return handle;
}

// mapTools are the switch of colours, the slider through the layers and the legend.
function mapTools(tools, chart, hidden, redraw, handle) {
  const m = chart.map, said = node("output", {class: "said"});
  const choice = node("select", {"aria-label": "colours"}, ...m.colours.map((c, i) => node("option", {value: i}, `colours: ${c.name}`)));
  choice.value = chart.by ??= 0;
  choice.onchange = () => { chart.by = Number(choice.value); hidden.clear(); redraw(); };
  const slider = node("input", {type: "range", min: 0, max: m.layers.length - 1, step: 1, "aria-label": "layer"});
  slider.value = chart.at ??= m.start;
  const share = v => known(v) ? `${(100 * v).toFixed(1)} %` : "nothing to explain";
  const say = () => {
    const l = m.layers[chart.at];
    said.textContent = `layer ${chart.at + 1} of ${m.layers.length}: ${l.name}; across ${share(l.explained[0])} of the variance, upwards ${share(l.explained[1])}`;
  };
  slider.oninput = () => { chart.at = Number(slider.value); handle().move(); say(); };
  say();
  tools.append(choice, slider, said);
  const by = m.colours[chart.by], legend = node("div", {class: "names"});
  if (by.names.length > listed && !by.ordered) return tools.append(node("span", {class: "scale"}, `${by.names.length} names: point at an image to read its own`));
  for (const n of new Set([...by.of].sort((a, b) => a - b))) {
    const name = by.names[n], b = node("button", {type: "button", "aria-pressed": String(!hidden.has(name))},
      node("svg", {width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true"}, mark(by, n, 6, 6, 3.8)), name);
    b.onclick = () => { if (!hidden.delete(name)) hidden.add(name); redraw(); };
    legend.append(b);
  }
  tools.append(legend);
}
