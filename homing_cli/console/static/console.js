// What the pages do besides htmx: count down, switch theme and time zone, copy, choose all.
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

function switchTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  localStorage.setItem("theme", next);
  document.dispatchEvent(new CustomEvent("theme"));
}

// Local time, if chosen: the style sheet shows `data-local` after each time.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function localTime(instant) {
  const at = new Date(instant);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString([], { month: "short", day: "numeric" })} ${time}`;
}

function showZone() {
  const isLocal = localStorage.getItem("zone") === "local";
  for (const element of document.querySelectorAll("time[datetime]")) {
    const text = isLocal ? localTime(element.getAttribute("datetime")) : "";
    if ((element.dataset.local || "") === text) continue;
    if (text) element.dataset.local = text;
    else delete element.dataset.local;
  }
  const button = document.querySelector("[data-zone-button]");
  button.setAttribute("aria-pressed", String(isLocal));
  const label = isLocal ? "UTC + local" : "UTC";
  if (button.textContent !== label) button.textContent = label;
  document.querySelector("[data-zone-note]").hidden = !isLocal;
  document.querySelector("[data-zone-name]").textContent = zone;
}

function switchZone() {
  localStorage.setItem("zone", localStorage.getItem("zone") === "local" ? "utc" : "local");
  showZone();
}

async function copy(button) {
  const label = button.getAttribute("aria-label");
  const said = await navigator.clipboard.writeText(button.dataset.copy).then(() => "Copied", () => "Not copied");
  document.querySelector("[data-said]").textContent = `${said}: ${label.replace("Copy the ", "")}`;
  button.dataset.said = said;
  setTimeout(() => delete button.dataset.said, 1500);
}

document.addEventListener("click", (event) => {
  const copying = event.target.closest("[data-copy]");
  if (copying) copy(copying);
  if (event.target.closest("[data-theme-button]")) switchTheme();
  if (event.target.closest("[data-zone-button]")) switchZone();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  const boxes = event.target.form.querySelectorAll('input[name="id"]');
  for (const box of boxes) box.checked = event.target.checked;
});

// Runs after htmx has changed the page, before the next paint.
new MutationObserver(showZone).observe(document.getElementById("main"), {
  childList: true, subtree: true, attributes: true, attributeFilter: ["datetime", "data-local"],
});

// A list does not refresh itself while rows are selected. A response that is already on its way when a row is
// selected is dropped: it may contain other rows, and htmx would keep the selection on positions, not on rows.
function waitWhileChosen(event) {
  const asked = event.detail.ctx.sourceElement; // not event.target: the document, once the element has left the page
  if (asked.matches("[data-refresh]") && document.querySelector("#list input:checked")) event.preventDefault();
}
document.addEventListener("htmx:before:request", waitWhileChosen);
document.addEventListener("htmx:before:swap", waitWhileChosen);

setInterval(countDown, 100);
countDown();
showZone();
