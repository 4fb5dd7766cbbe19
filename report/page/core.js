"use strict";

// What fails is counted at the document's root, where a test finds it, and said at the top of the page.
function fail(message) {
  const root = document.documentElement;
  root.dataset.errors = Number(root.dataset.errors || 0) + 1;
  const box = document.getElementById("broken") || document.createElement("p");
  box.id = "broken";
  box.textContent = "A part of this page failed: " + message + ". All numbers are in the tables and in probe.json.";
  document.body.prepend(box);
}
addEventListener("error", e => fail(e.message));
addEventListener("unhandledrejection", e => fail(String(e.reason)));

const known = v => v !== null && v !== undefined;

// text writes a number for people.
function text(v) {
  if (!known(v)) return "not measured";
  const size = Math.abs(v);
  if (v === Math.round(v) && size >= 10) return v.toLocaleString("en");
  return size !== 0 && (size < 0.001 || size >= 10000) ? v.toPrecision(3) : v.toFixed(size >= 100 ? 1 : 3);
}

const between = (low, high) => known(low) && known(high) ? ` (${text(low)} to ${text(high)})` : "";

// node makes an element of SVG where its name is one of SVG's, else of HTML.
const drawn = new Set(["svg", "g", "path", "line", "rect", "circle", "text"]);
function node(name, attributes = {}, ...children) {
  const e = drawn.has(name) ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, v] of Object.entries(attributes)) if (v !== undefined && v !== "") e.setAttribute(key, v);
  e.append(...children);
  return e;
}

const colour = n => n === -1 ? "var(--grey)" : n === -2 ? "var(--ink)" : `var(--c${n % 8})`;

const pen = document.createElement("canvas").getContext("2d");
function wide(s, weight = 400) {
  pen.font = `${weight} 11.5px system-ui, "Liberation Sans", sans-serif`;
  return pen.measureText(s).width;
}

// fitted keeps the end of a name, where names differ, in so many pixels.
function fitted(name, room, weight) {
  if (wide(name, weight) <= room) return name;
  let low = 1, high = name.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (wide("…" + name.slice(mid), weight) <= room) high = mid; else low = mid + 1;
  }
  return "…" + name.slice(low);
}

// followers are told which thing is lit: charts, which show it.
const followers = new Set();

// light marks all that is about one thing, such as "layer:3", in tables and figures; "" for nothing.
function light(link) {
  for (const e of document.querySelectorAll(".lit")) e.classList.remove("lit");
  for (const e of document.querySelectorAll(".dim")) e.classList.remove("dim");
  if (link) for (const e of document.querySelectorAll(`[data-link="${CSS.escape(link)}"]`)) {
    e.classList.add("lit");
    e.closest("svg")?.classList.add("dim");
  }
  for (const f of followers) f(link);
}
