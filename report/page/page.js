// The page is put together: figures, tables, the switch between light and dark, and the headline, which grows
// small once the page is scrolled.
const views = JSON.parse(document.getElementById("figures").textContent);
for (const figure of document.querySelectorAll("[data-figure]")) {
  try { mount(figure, views[figure.dataset.figure]); } catch (e) { fail(`${figure.dataset.figure}: ${e.stack}`); }
}
for (const section of document.querySelectorAll("section.table")) {
  const table = section.querySelector("table");
  sortable(table);
  filterable(section, table);
  linked(table.querySelectorAll("tr[data-link]"));
}
linked(document.querySelectorAll(".card"));

// A file that is opened from a disk may have no storage.
const stored = (...v) => { try { return v.length ? localStorage.setItem("memprobe-theme", v[0]) : localStorage.getItem("memprobe-theme"); } catch { return null; } };
const theme = () => document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const wanted = new URLSearchParams(location.search).get("theme") || stored();
if (wanted === "light" || wanted === "dark") document.documentElement.dataset.theme = wanted;
document.getElementById("theme").onclick = () => {
  document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
  stored(document.documentElement.dataset.theme);
};

// The headline grows at another place than it shrinks, since either moves what is below it.
addEventListener("scroll", () => {
  const lead = document.getElementById("lead");
  if (scrollY > 240) lead.classList.add("scrolled"); else if (scrollY < 40) lead.classList.remove("scrolled");
}, {passive: true});
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details")) d.open = true; });
document.documentElement.dataset.ready = document.querySelectorAll(".plots svg").length;
document.documentElement.dataset.errors ||= 0;
