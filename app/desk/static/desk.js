// What the desk's pages do beyond links and forms: the keyboard, and choosing all. Every page works without it.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];
const current = () => document.querySelector('[data-row][aria-selected="true"]');

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  all.forEach((row) => row.setAttribute("aria-selected", String(row === next)));
  next.querySelector("a")?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function choose(row) {
  const box = row?.querySelector('input[type="checkbox"]');
  if (box) box.checked = !box.checked;
}

function press(button) {
  const chosen = document.querySelector('[data-row] input[type="checkbox"]:checked');
  if (button.closest("#queue") && !chosen) choose(current());
  if (button.tagName === "DETAILS") {
    button.open = true;
    button.querySelector("input:not([type=hidden])")?.focus();
  } else {
    button.click();
  }
}

const KEYS = {
  "/": () => document.querySelector("input[type=search]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  x: () => choose(current()),
  "?": () => document.querySelector("#keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
  const button = /^[a-z]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
  const action = KEYS[event.key] || (button && (() => press(button)));
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-every]")) return;
  for (const box of document.querySelectorAll('[data-row] input[type="checkbox"]')) box.checked = event.target.checked;
});
