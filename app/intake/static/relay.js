// Lead Relay: sends every <form data-relay> without leaving its page. docs/forms.md tells what a site can do with it.
// Where this cannot run, or is not let through, the form is posted as any other.
(() => {
  const native = HTMLFormElement.prototype;
  if (window.leadRelay || !native.requestSubmit) return;

  // What is said until the relay has told the same in the visitor's language.
  const ENGLISH = {
    sending: "Sending…",
    offline: "You are offline. This is sent as soon as you are online.",
    again: "Trying again…",
    failed: "This could not be sent. Please try again.",
  };
  const TRIES = 7; // 1, 2, 4 … seconds apart
  const PATIENCE = 20; // seconds to get ready, and to stay offline before a try
  const LONGEST = 120; // seconds that a server may make a visitor wait
  const FRESH = 24e4; // milliseconds for which a captcha is good
  const REPEAT = 6e5; // milliseconds in which the same again counts as sent already
  const UNTYPED = /^_stamp$|^_idempotency|captcha|altcha|turnstile/; // fields that nobody typed

  const blocked = []; // addresses that the page's own policy forbids to call
  const relays = new WeakMap();
  let count = 0;
  let kept = {}; // where a page may store nothing, a key lasts as long as the page
  try {
    kept = sessionStorage;
  } catch {}

  const pause = (seconds) =>
    new Promise((done) => {
      setTimeout(done, seconds * 1000);
      addEventListener("online", done, { once: true });
    });
  const stay = (event) => event.preventDefault();
  const add = (parent, tag, attributes) => {
    const made = document.createElement(tag);
    for (const name in attributes) made.setAttribute(name, attributes[name]);
    parent.append(made);
    return made;
  };

  const relay = (form) => {
    const action = new URL(form.getAttribute("action"), document.baseURI);
    const start = new URL(action);
    start.pathname = start.pathname.replace(/\/?$/, "/start");
    const notes = [];
    let words = {};
    let key, stamp, ready, began, isBusy, isPlain;

    const word = (name) => form.getAttribute("data-relay-" + name) || words[name] || ENGLISH[name];
    const status = () =>
      form.querySelector(".relay-status") || add(form, "p", { class: "relay-status", role: "status", tabindex: -1 });
    const show = (state, text) => {
      form.dataset.relayState = state;
      status().textContent = text;
    };
    const tell = (name, detail) =>
      form.dispatchEvent(new CustomEvent("relay:" + name, { bubbles: true, cancelable: true, detail }));

    // Asks for what a form needs that somebody begins to fill in; gives the solution of a captcha, if there is one.
    const begin = () => {
      status();
      if (ready && Date.now() - began < FRESH) return;
      began = Date.now();
      ready = fetch(start)
        .then((answer) => answer.json())
        .then(async (told) => {
          words = told.words || words;
          stamp = stamp || told.stamp;
          const captcha = told.captcha || {};
          if (captcha.provider !== "altcha") return;
          const src = new URL(captcha.script, action);
          if (!window.relayAltcha) await new Promise((done) => (add(document.head, "script", { src }).onload = done));
          return window.relayAltcha(captcha.challenge);
        })
        .catch(() => (began += 1e4 - FRESH)); // not again with every key that is pressed
    };

    // One key for what is typed, also after a reload: who sends it twice has sent it once.
    const keyOf = (data) => {
      let text = "";
      let hash = 0;
      for (const [name, value] of data)
        if (!UNTYPED.test(name)) text += [name, value.name, value.size, value.lastModified, value, ""];
      for (const char of text) hash = Math.imul(hash ^ char.codePointAt(), 16777619);
      key = JSON.parse(kept[action] || "{}");
      if (!key.seed || (key.until && (key.hash !== hash || key.until < Date.now())))
        key = { seed: Date.now() + "-" + Math.random() };
      key.hash = hash;
      kept[action] = JSON.stringify(key);
      return key.seed + "-" + hash;
    };

    // By XMLHttpRequest, as fetch does not tell how much of an upload is through. The key is a field rather than a
    // header, so that browsers need not ask first.
    const post = (data, bar) =>
      new Promise((done) => {
        const request = new XMLHttpRequest();
        request.open("POST", action);
        request.setRequestHeader("Accept", "application/json");
        request.timeout = bar ? 6e5 : 6e4;
        if (bar) request.upload.onprogress = (event) => (bar.value = event.loaded / event.total);
        request.onloadend = () => {
          const code = request.status;
          let body = {};
          try {
            body = JSON.parse(request.responseText) || body;
          } catch {}
          const isOver = body.ok || /^4(?!08|29)/.test(code); // too slow and too many may come again
          done({ code, body, isOver, after: +request.getResponseHeader("Retry-After") });
        };
        request.send(data);
      });

    // Tries until there is an answer, and gives the last one; null where the page's script is not let through.
    const persist = async (data, bar) => {
      let unreadable = 0;
      for (let tries = 0; ; ) {
        begin();
        const solved = await Promise.race([ready, pause(PATIENCE)]);
        if (solved) data.set("altcha", solved);
        const answer = await post(data, bar);
        if (answer.isOver) return answer;
        if (!answer.code && !navigator.onLine) {
          show("waiting", word("offline"));
          await pause(PATIENCE);
          continue;
        }
        if (!answer.code) await fetch(start, { mode: "no-cors" }).then(() => unreadable++, () => 0);
        if (unreadable > 1 || blocked.some((uri) => uri.startsWith(action.origin))) return null;
        if (tries === TRIES || answer.after > LONGEST) return answer;
        show("waiting", word("again"));
        await pause(Math.max(answer.after || 0, 2 ** tries++ + Math.random()));
      }
    };

    const mark = (field, text) => {
      const note = add(form, "p", { class: "relay-error", id: "relay-error-" + ++count });
      const before = field.getAttribute("aria-describedby") || "";
      const clear = () => {
        note.remove();
        field.removeAttribute("aria-invalid");
        field.setAttribute("aria-describedby", before);
      };
      note.textContent = text;
      (field.closest("label") || field).after(note);
      field.setAttribute("aria-invalid", true);
      field.setAttribute("aria-describedby", before + " " + note.id);
      field.addEventListener("input", clear, { once: true });
      notes.push(clear);
    };

    const failed = (body) => {
      const rest = [];
      if (!tell("failed", body)) return show("failed", "");
      for (const name in body.errors) {
        const field = [...form.elements].filter((one) => one.name === name).pop();
        field ? mark(field, body.errors[name]) : rest.push(body.errors[name]);
      }
      show("failed", [(body.errors ? body.title : body.detail) || word("failed"), ...rest].join(" "));
      (form.querySelector("[aria-invalid=true]") || status()).focus();
    };
    const sent = (body) => {
      key.until = Date.now() + REPEAT;
      kept[action] = JSON.stringify(key);
      stamp = "";
      if (!tell("sent", body)) return show("sent", "");
      native.reset.call(form);
      show("sent", word("thanks") || body.message);
      status().focus();
      const to = form.getAttribute("data-relay-redirect");
      if (to || (to === null && body.redirect)) location = to || body.redirect;
    };
    const plainly = (data, submitter) => {
      const complete = ({ formData }) => {
        for (const [name, value] of data) if (UNTYPED.test(name)) formData.set(name, value);
      };
      form.addEventListener("formdata", complete, { once: true });
      isPlain = true;
      native.requestSubmit.call(form, submitter);
    };

    // The button stays where the keyboard is: one that is disabled would lose it, and stay so over a reload.
    const busy = (is, button) => {
      isBusy = is;
      if (button) for (const name of ["aria-busy", "aria-disabled"]) button.setAttribute(name, is);
      (is ? addEventListener : removeEventListener)("beforeunload", stay);
    };
    const send = async (submitter) => {
      const data = new FormData(form, submitter);
      data.set("_idempotency_key", keyOf(data));
      if (stamp) data.set("_stamp", stamp);
      notes.splice(0).forEach((clear) => clear());
      busy(true, submitter);
      show("sending", word("sending"));
      const bar =
        [...data.values()].some((value) => value.size) &&
        add(form, "progress", { class: "relay-progress", "aria-label": word("sending") });
      const answer = await persist(data, bar);
      if (bar) bar.remove();
      busy(false, submitter);
      if (!answer) return plainly(data, submitter);
      ready = null;
      for (const name of ["turnstile", "hcaptcha", "grecaptcha"])
        try {
          window[name].reset();
        } catch {}
      answer.body.ok ? sent(answer.body) : failed(answer.body);
    };

    return {
      begin,
      submit: (event) => {
        if (isPlain) return (isPlain = false);
        event.preventDefault();
        if (!isBusy) send(event.submitter);
      },
    };
  };

  const of = (form) => relays.get(form) || relays.set(form, relay(form)).get(form);
  const touched = ({ target }) => {
    if (target.form && target.form.matches("[data-relay]")) of(target.form).begin();
  };
  window.leadRelay = true;
  document.addEventListener("focusin", touched);
  document.addEventListener("input", touched);
  touched({ target: document.activeElement || document });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-relay]") && !event.defaultPrevented) of(event.target).submit(event);
  });
  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.effectiveDirective === "connect-src" && event.disposition === "enforce") blocked.push(event.blockedURI);
  });
})();
