// What the pages do besides htmx: count down, switch the theme, choose all.
"use strict";

function words(seconds) {
  if (seconds <= 0) return "any moment now";
  if (seconds < 60) return `in ${seconds.toFixed(1)} s`;
  const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
  const [size, unit, smaller, small] = units.find(([size]) => seconds >= size);
  return `in ${Math.floor(seconds / size)} ${unit} ${Math.floor((seconds % size) / smaller)} ${small}`;
}

function countDown() {
  for (const element of document.querySelectorAll(".countdown[data-until]")) {
    element.textContent = words((Date.parse(element.dataset.until) - Date.now()) / 1000);
  }
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-button]")) return;
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  localStorage.setItem("theme", next);
  document.dispatchEvent(new CustomEvent("theme"));
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  const boxes = event.target.form.querySelectorAll('input[name="id"]');
  for (const box of boxes) box.checked = event.target.checked;
});

setInterval(countDown, 100);
countDown();
