// What the desk's pages do beyond links and forms: the keyboard, choosing all, and a word where the relay is away.
// Every page works without it.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];
const current = () => document.querySelector('[data-row][aria-selected="true"]');
const PLACE = "row of " + location.pathname;

function select(row) {
  if (!row) return;
  rows().forEach((one) => one.setAttribute("aria-selected", String(one === row)));
  row.querySelector("a")?.focus();
  row.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const all = rows();
  select(all[Math.min(Math.max(all.indexOf(current()) + step, 0), all.length - 1)]);
}

function choose(row) {
  const box = row?.querySelector('input[type="checkbox"]');
  if (box) box.checked = !box.checked;
}

function press(button) {
  if (button.closest("#queue")) {
    const chosen = document.querySelector('#queue input[type="checkbox"]:checked:not([data-every]):not([name=allow])');
    if (!chosen && !current()) return;
    if (!chosen) choose(current());
    sessionStorage.setItem(PLACE, String(Math.max(rows().indexOf(current()), 0)));
  }
  button.click();
}

function edit() {
  const form = document.querySelector("#edit");
  const link = current()?.querySelector("a");
  if (link) location.assign(`${link.href}#edit`);
  else if (form) {
    form.closest("details").open = true;
    (form.querySelector("[data-first]") ?? form.querySelector("input:not([type=hidden])")).focus();
  }
}

const KEYS = {
  "/": () => (document.querySelector("input[type=search]") ?? location.assign("/desk/leads#search"))?.focus?.(),
  j: () => move(1),
  k: () => move(-1),
  x: () => choose(current()),
  e: edit,
  "?": () => document.querySelector("#keys")?.showModal(),
  Escape: () => document.querySelectorAll(".menu[open]").forEach((menu) => (menu.open = false)),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
  const button = /^[a-z]$/.test(event.key) && document.querySelector(`button[data-key="${event.key}"]`);
  const action = KEYS[event.key] || (button && (() => press(button)));
  if (!action) return;
  event.preventDefault();
  if (!button || !event.repeat) action();
});

function copy(button) {
  const from = document.querySelector(button.dataset.copy);
  getSelection().selectAllChildren(from);
  navigator.clipboard?.writeText(from.textContent.trim()).then(() => {
    button.textContent = "Copied";
  });
}

document.addEventListener("click", (event) => {
  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (event.target.closest('a[href="#edit"]')) {
    event.preventDefault();
    edit();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.submit();
  if (!event.target.matches("[data-every]")) return;
  for (const box of document.querySelectorAll('[data-row] input[type="checkbox"]')) box.checked = event.target.checked;
});

// What was sent from a form stays in this tab until it was taken: where it was refused unread, as when the session was
// over, it stands there again. What nobody had changed of a lead does not: somebody else may have meanwhile.
const TYPED = "typed";
const who = document.querySelector(".out bdi")?.textContent;
const fields = (form) => [...form.elements].filter((one) => one.matches("textarea, select, input:not([type=hidden])"));

function keep({ target: form }) {
  if (form.matches("[action='/desk/logout']")) sessionStorage.removeItem(TYPED);
  if (!form.dataset.keeps) return;
  const typed = fields(form).filter((one) => form.elements[`was.${one.name}`]?.value !== one.value);
  const values = typed.map((one) => [one.name, one.value]);
  sessionStorage.setItem(TYPED, JSON.stringify({ who, page: form.dataset.keeps, values }));
}
for (const name of ["submit", "htmx:beforeRequest"]) document.addEventListener(name, keep);

// A second press while the first is under way would be answered in its place, as one that came too late.
const AWHILE = 5000;
let pressed = -AWHILE;
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.matches("[method=dialog], [action$='/export']")) return;
  if (performance.now() - pressed < AWHILE) event.preventDefault();
  else pressed = performance.now();
});
addEventListener("pageshow", () => (pressed = -AWHILE));

function bring() {
  const kept = JSON.parse(sessionStorage.getItem(TYPED));
  if (!kept) return;
  const isRefused = document.querySelector("[data-refused]") && kept.who === who;
  if (!who || isRefused) return sessionStorage.setItem(TYPED, JSON.stringify({ ...kept, isLost: true }));
  const form = document.querySelector(`[data-keeps="${CSS.escape(kept.page)}"]`);
  const isMine = kept.isLost && kept.who === who;
  if (isMine && !form) return;
  sessionStorage.removeItem(TYPED);
  if (!isMine) return;
  for (const [name, value] of kept.values) if (form.elements[name]) form.elements[name].value = value;
  const note = document.createElement("p");
  note.className = "well";
  note.setAttribute("role", "status");
  note.textContent = "This is what you typed before; nothing was done with it.";
  form.prepend(note);
  if (form.closest("details")) form.closest("details").open = true;
  note.scrollIntoView({ block: "center" });
}

function away(event) {
  const words = document.querySelector("#away");
  if (words) words.hidden = event.type === "htmx:afterOnLoad";
}
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:afterOnLoad"]) document.addEventListener(name, away);

// By whose clock the relay writes times and days.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; secure" : "";
document.cookie = `relay_zone=${zone}; path=/desk; max-age=31536000; samesite=lax${secure}`;

document.body.dataset.scripted = "";
bring();
const place = sessionStorage.getItem(PLACE);
sessionStorage.removeItem(PLACE);
if (place !== null) select(rows()[Math.min(Number(place), rows().length - 1)]);
if (location.hash === "#search") KEYS["/"]();
if (location.hash === "#edit") {
  history.replaceState(null, "", location.pathname); // else the browser goes there once more, and takes the focus along
  edit();
}
