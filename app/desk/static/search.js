// Keeps what is looked for with its place in the browser's history, so that going back leads to what was found.
// States, forms and days stand in the address; words are somebody's name, and stay in this tab until nobody is logged in.
"use strict";

(() => {
  const KEPT = "searches", MOST = 20;
  if (document.body.dataset.seen === undefined) {
    sessionStorage.removeItem(KEPT);
    return;
  }
  const form = document.querySelector("#search");
  if (!form) return;
  const words = form.elements.words;
  const isNew = performance.getEntriesByType("navigation")[0]?.type === "navigate";
  const place = String((!isNew && history.state?.search) || Date.now());
  const before = searches().find(([its]) => its === place)?.[1];
  let goesTo; // gives the row that gets the focus once the rows have come

  function searches() {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  }

  function keep(opened) {
    const others = searches().filter(([its]) => its !== place);
    sessionStorage.setItem(KEPT, JSON.stringify([...others.slice(1 - MOST), [place, { words: words.value, opened }]]));
  }

  function address() {
    const asked = [...new FormData(form)].filter(([name, value]) => value && name !== "words" && !name.startsWith("_"));
    const query = asked.length ? `?${new URLSearchParams(asked)}` : "";
    history.replaceState({ search: place }, "", location.pathname + query);
  }

  const linked = (path) => path && rows().find((row) => row.querySelector("a")?.pathname === path);

  form.addEventListener("input", () => {
    goesTo = undefined;
    keep();
  });
  words.addEventListener("change", (event) => event.stopPropagation()); // they were looked for, and a row may be clicked
  form.addEventListener("change", address);
  form.addEventListener("submit", () => {
    goesTo ??= () => rows()[0];
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    select(goesTo?.());
    goesTo = undefined;
  });
  window.addEventListener("pagehide", () => {
    keep((document.activeElement?.closest("[data-row]") ?? current())?.querySelector("a")?.pathname);
  });
  window.addEventListener("pageshow", (event) => {
    address();
    if (event.persisted || !before) return;
    if (before.words === words.defaultValue) {
      select(linked(before.opened));
      return;
    }
    words.value = before.words;
    goesTo = () => linked(before.opened);
    form.requestSubmit();
  });
})();
