// Keeps an open page up to date: new leads, states, counts. Without it, every page is up to date when it is reloaded.
"use strict";

(() => {
  const AT_ONCE = 150, OFTEN = 1000, SELDOM = 5000, TICK = 10000, LATER = 15000, AGAIN = 60000, MOST_ROWS = 500, ANY = "";
  const main = document.querySelector("#main");
  let seen = document.body.dataset.seen;
  if (seen === undefined) return;

  let source, waitsUntilOpen;
  let hasGap = false, news = new Set(), owed = 0, swaps = 0;
  const due = { list: 0, parts: 0 }, planned = {}, again = {};

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(`/desk/events?since=${encodeURIComponent(seen)}`);
    source.addEventListener("lead", (event) => note(event, JSON.parse(event.data)));
    source.addEventListener("gap", (event) => note(event));
    source.addEventListener("waiting", (event) => count(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // else the browser tries again by itself
      close();
      waitsUntilOpen = setTimeout(open, LATER);
    });
  }

  function close() {
    clearTimeout(waitsUntilOpen);
    source?.close();
    source = undefined;
  }

  function note(event, lead) {
    seen = event.lastEventId || seen;
    if (lead) {
      news.add(lead.id);
      const its = rowsOf(lead.id);
      if (its.length) inPlace(() => its.forEach((row) => chip(row, lead)));
      const queue = document.querySelector("[data-queue]");
      if (queue && (lead.state === queue.dataset.queue) !== its.length > 0) offer("This list has changed");
    } else {
      hasGap = true;
      news.add(ANY);
    }
    plan("list", OFTEN, list);
    plan("parts", SELDOM, parts);
  }

  // What is asked for while the work is under way may have happened too late for its answer: it is done once more then.
  function plan(what, often, work) {
    again[what] = true;
    planned[what] ??= setTimeout(async () => {
      again[what] = false;
      due[what] = Date.now() + often;
      try {
        await work(); // where the relay is away for a moment, it is done with what comes next
      } finally {
        planned[what] = undefined;
        if (again[what]) plan(what, often, work);
      }
    }, Math.max(AT_ONCE, due[what] - Date.now()));
  }

  function count(waiting) {
    for (const [state, number] of Object.entries(waiting)) {
      const mark = document.querySelector(`header nav a[href="/desk/${state}"] .count`);
      if (!mark) continue;
      mark.hidden = !number;
      mark.textContent = number > 999 ? "999+" : String(number);
    }
  }

  const idOf = (row) => row.querySelector("a[href^='/desk/leads/']")?.pathname.split("/")[3] ?? "";
  const rowsOf = (id) => [...document.querySelectorAll("[data-row]")].filter((row) => idOf(row) === id);

  function chip(row, lead) {
    const is = row.querySelector(".chip");
    if (!is || is.classList.contains(lead.state)) return;
    is.className = `chip ${lead.state}`;
    is.removeAttribute("title");
    const mark = document.createElement("span");
    mark.ariaHidden = "true";
    mark.textContent = lead.mark;
    is.replaceChildren(mark, ` ${lead.state}`);
    while (is.nextSibling) is.nextSibling.remove(); // the reason of the state before
  }

  async function page(address, options) {
    const answer = await fetch(address, options);
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  // The list of leads is asked for again as its own form would, and only what is new in it is put in.
  async function list() {
    const found = document.querySelector("[data-list]");
    const form = main.querySelector("form[role=search]");
    if (!found || !form) return;
    const gap = hasGap;
    hasGap = false;
    const asked = [...new FormData(form)].filter(([name]) => !name.startsWith("_"));
    const body = new URLSearchParams(new FormData(form));
    const before = swaps;
    const next = await page(form.action, { method: "POST", headers: { "HX-Request": "true" }, body }).catch(() => null);
    if (!next || swaps !== before || found.matches(".htmx-request")) { // or meanwhile something else is looked for
      hasGap ||= gap;
      return next && plan("list", OFTEN, list);
    }
    const shown = [...found.querySelectorAll("[data-row]")];
    const known = new Map(shown.map((row) => [idOf(row), row]));
    const oldest = shown.length ? idOf(shown.at(-1)) : "";
    const fresh = [], changed = [];
    for (const row of next.querySelectorAll("[data-row]")) {
      const old = known.get(idOf(row)), cells = old && [old, row].map((one) => one.querySelector(".chip")?.closest("td"));
      if (!old && idOf(row) > oldest) fresh.push(row);
      else if (cells?.every(Boolean) && !cells[0].contains(document.activeElement)) changed.push(cells);
    }
    inPlace(() => changed.forEach(([old, now]) => (old.innerHTML = now.innerHTML)));
    if (!fresh.length) return;
    const asks = asked.some(([, value]) => value);
    if (shown.length && (asks || gap || shown.length > MOST_ROWS)) {
      const many = gap ? "Many" : fresh.length;
      return offer(`${many} new lead${many === 1 ? "" : "s"}`, form);
    }
    inPlace(() => insert(found, fresh, shown, next));
  }

  // Rows above what is read may come, grow and shrink: the first row that is in sight stays where it is. Browsers scroll
  // by whole pixels; what that leaves is owed to the next time.
  function inPlace(change) {
    const shown = window.scrollY > 0 ? [...document.querySelectorAll("[data-row]")] : [];
    const kept = shown.find((row) => row.getBoundingClientRect().top >= 0) ?? shown.at(-1);
    const before = kept?.getBoundingClientRect().top - owed;
    const off = () => kept.getBoundingClientRect().top - before;
    change();
    if (kept) window.scrollBy(0, off());
    owed = kept && Math.abs(off()) < 1 ? off() : 0;
  }

  function insert(found, fresh, shown, next) {
    if (shown.length) {
      for (const row of fresh) shown.find((one) => idOf(one) < idOf(row)).before(row);
      const [old, now] = [found, next].map((one) => one.querySelector(":scope > p, body > p"));
      if (old && now) old.textContent = now.textContent;
    } else {
      found.replaceChildren(...next.body.childNodes);
      window.htmx?.process(found);
    }
  }

  const activeIn = (part) => (part.contains(document.activeElement) ? document.activeElement : null);
  const isInUse = (part) => part.querySelector("details[open]") || activeIn(part)?.matches("input, textarea, select, button");

  // Parts that are shown as a whole: the overview, a lead. Not while somebody types in one, or has opened something.
  async function parts() {
    const ids = news;
    news = new Set();
    for (const part of document.querySelectorAll("[data-refresh]")) {
      const { refresh, lead } = part.dataset;
      if (lead && !ids.has(lead) && !ids.has(ANY)) continue;
      const active = activeIn(part);
      if (isInUse(part)) {
        offer(lead ? "This lead has changed" : "There is something new");
        continue;
      }
      const shown = await page(refresh).catch(() => null);
      if (!shown) return ids.forEach((id) => news.add(id));
      const next = shown.querySelector(`#${part.id}`);
      if (!next) continue;
      part.replaceChildren(...next.childNodes);
      window.htmx?.process(part);
      if (active?.matches("a[href]")) part.querySelector(`a[href="${CSS.escape(active.getAttribute("href"))}"]`)?.focus();
    }
  }

  function offer(words, form) {
    const link = document.createElement("a");
    link.href = document.querySelector("[data-refresh]")?.dataset.refresh ?? location.pathname + location.search;
    link.textContent = "Show";
    if (form) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        document.querySelector("#news").remove();
        form.requestSubmit();
      });
    }
    let note = document.querySelector("#news");
    if (note?.textContent === `${words}. Show`) return; // else it would be read out again
    const isHeld = note?.contains(document.activeElement);
    inPlace(() => {
      if (!note) {
        note = document.createElement("p");
        note.id = "news";
        note.className = "well";
        note.setAttribute("role", "status");
        main.prepend(note);
      }
      note.replaceChildren(`${words}. `, link);
    });
    if (isHeld) link.focus({ preventScroll: true });
  }

  // How long ago something was goes on, by the relay's clock as it was when the page came.
  const ahead = Date.now() - Date.parse(document.body.dataset.now);
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  function ago(then) {
    const seconds = Math.trunc((Date.now() - ahead - then) / 1000), span = Math.abs(seconds);
    const [size, unit] = UNITS.find(([its]) => span >= its) ?? [];
    if (!size) return "now";
    const number = `${Math.trunc(span / size)} ${unit}`;
    return seconds > 0 ? `${number} ago` : `in ${number}`;
  }

  function tick() {
    for (const time of document.querySelectorAll("time")) {
      const words = ago(Date.parse(time.dateTime));
      if (time.textContent !== words) time.firstChild.data = words;
    }
  }

  setInterval(() => document.hidden || inPlace(tick), TICK);

  // No lead tells of an hour that is over, of a form that is silent for too long, or of a way that is shut.
  const glance = document.querySelector("#glance");
  if (glance) setInterval(() => document.hidden || isInUse(glance) || plan("parts", SELDOM, parts), AGAIN);
  document.addEventListener("htmx:afterSwap", () => swaps++);
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
})();
