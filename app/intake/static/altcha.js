// A form's captcha. Calculates the answer to the relay's own (ALTCHA) without stopping the page: relayAltcha(address of a
// challenge) promises it. On a form with an element data-relay-captcha it does so once a visitor begins to fill it in, and
// holds the form until the answer is there, or that of a service's widget; but never for good: a person decides on the rest.
(() => {
  if (window.relayAltcha) return;
  const home = document.currentScript ? document.currentScript.src : location.href; // addresses start at the relay's

  const AT_ONCE = 4; // tries that a browser calculates beside each other
  const MOST = 1e4; // tries after which a challenge is none
  const SLICE = 12; // milliseconds of calculating without the browser's help between two looks at the page
  const PATIENCE = 15e3; // milliseconds that a form is held for
  const FRESH = 15 * 60e3; // milliseconds that an answer is good for

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (two) => parseInt(two, 16));
  const hexOf = (array) => Array.from(array, (one) => one.toString(16).padStart(2, "0")).join("");
  const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part)));

  // PBKDF2 with SHA-256, by the browser. It does not block the page.
  const derive = async (salt, cost, length, password) => {
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations: cost };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, length * 8));
  };

  // The same by hand, for pages without TLS, where browsers do not help. For passwords of up to 64 bytes, salts of up to
  // 51 and keys of up to 32.
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
  const K = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
  const BEGIN = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
  const w = new Int32Array(64);

  // Takes the 16 words at the beginning of `w` into a state, and writes the next one into another.
  const compress = (state, next) => {
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      (h = g), (g = f), (f = e), (e = (d + t1) | 0), (d = c), (c = b), (b = a), (a = (t1 + t2) | 0);
    }
    const made = [a, b, c, d, e, f, g, h];
    for (let at = 0; at < 8; at++) next[at] = state[at] + made[at];
    return next;
  };
  const take = (state, words, next = new Int32Array(8)) => (w.set(words), compress(state, next));
  const block = (some, before) => {
    const view = new DataView(new ArrayBuffer(64));
    some.forEach((one, at) => view.setUint8(at, one));
    if (before !== undefined) {
      view.setUint8(some.length, 128);
      view.setUint32(60, (before + some.length) * 8);
    }
    return Int32Array.from({ length: 16 }, (_, at) => view.getInt32(at * 4));
  };
  let looked = 0; // when the page last had its turn
  const deriveByHand = async (salt, cost, length, password) => {
    const key = block(password);
    const inner = take(BEGIN, key.map((word) => word ^ 0x36363636));
    const outer = take(BEGIN, key.map((word) => word ^ 0x5c5c5c5c));
    const digest = Int32Array.from({ length: 16 }, (_, at) => (at === 8 ? 1 << 31 : at === 15 ? 96 * 8 : 0));
    const hmac = (words) => {
      take(inner, words, digest);
      take(outer, digest, digest);
    };
    hmac(block(joined(salt, [0, 0, 0, 1]), 64));
    const made = digest.slice(0, 8);
    for (let i = 1; i < cost; i++) {
      hmac(digest);
      for (let at = 0; at < 8; at++) made[at] ^= digest[at];
      if (i % 200 === 0 && performance.now() - looked > SLICE) {
        await pause(0);
        looked = performance.now();
      }
    }
    const view = new DataView(new ArrayBuffer(32));
    made.forEach((word, at) => view.setInt32(at * 4, word));
    return new Uint8Array(view.buffer).slice(0, length);
  };

  const solve = async ({ nonce, salt, cost, keyLength, keyPrefix }) => {
    const began = performance.now();
    const isHelped = window.crypto && crypto.subtle;
    const attempt = async (counter) => {
      const password = joined(bytes(nonce), [24, 16, 8, 0].map((shift) => (counter >>> shift) & 255));
      return hexOf(await (isHelped ? derive : deriveByHand)(bytes(salt), cost, keyLength, password));
    };
    const step = isHelped ? AT_ONCE : 1;
    for (let counter = 0; counter < MOST; counter += step) {
      const keys = await Promise.all(Array.from({ length: step }, (_, at) => attempt(counter + at)));
      const found = keys.findIndex((key) => key.startsWith(keyPrefix));
      if (found >= 0)
        return { counter: counter + found, derivedKey: keys[found], time: Math.round(performance.now() - began) };
    }
    throw new Error("This challenge has no solution.");
  };

  window.relayAltcha = async (address) => {
    const told = await fetch(new URL(address, home), { credentials: "omit" });
    if (!told.ok) throw new Error("There is no challenge: " + told.status);
    const challenge = await told.json();
    if (challenge.parameters.algorithm !== "PBKDF2/SHA-256") throw new Error("This challenge is of another kind.");
    return btoa(JSON.stringify({ challenge, solution: await solve(challenge.parameters) }));
  };

  // <div data-relay-captcha="PROVIDER" data-field="NAME"> within a form, see templates/captcha.html.
  const begun = new WeakMap(); // form → { answer: a promise, until: when it is too old }
  const native = HTMLFormElement.prototype; // as a form's fields may be called like what a form can do
  const captchaOf = (form) =>
    [...document.querySelectorAll("[data-relay-captcha]")].find((one) => form && one.closest("form") === form);
  const answerOf = (captcha) =>
    [...captcha.querySelectorAll(`[name="${captcha.dataset.field}"]`)].map((one) => one.value).find(Boolean) || "";
  const answered = async (captcha) => {
    for (let waited = 0; waited < PATIENCE && !answerOf(captcha); waited += 100) await pause(100);
    return answerOf(captcha);
  };
  const scored = ({ siteKey, action }) =>
    new Promise((done, failed) => {
      window.grecaptcha.ready(() => window.grecaptcha.execute(siteKey, { action }).then(done, failed));
    });

  // Begins to work on the answer, unless it is under way. Nobody waits for a hand that has to tick a box.
  const begin = (form, captcha) => {
    const known = begun.get(form);
    if (known && known.until > Date.now()) return known.answer;
    const kind = captcha.dataset.relayCaptcha;
    const answer =
      kind === "altcha"
        ? window.relayAltcha(captcha.dataset.challenge)
        : kind === "recaptcha-v3"
          ? scored(captcha.dataset)
          : answered(captcha);
    const until = Date.now() + FRESH;
    begun.set(form, { answer, until });
    answer.catch(() => begun.delete(form));
    return answer;
  };

  const complete = async (form, captcha, submitter) => {
    const hint = captcha.querySelector("[data-hint]");
    const isPatient = captcha.dataset.byHand === undefined && (!hint || hint.hidden);
    const answer = await Promise.race([begin(form, captcha), pause(isPatient ? PATIENCE : 0)]).catch(() => "");
    await pause(0); // a form cannot be sent anew before the event of its sending is over
    begun.delete(form);
    const own = captcha.querySelector(":scope > input"); // a widget brings its own
    if (answer && own) own.value = answer;
    if (!answer && hint && hint.hidden && captcha.firstElementChild.firstElementChild) {
      hint.hidden = false;
      return hint.scrollIntoView({ block: "center" });
    }
    captcha.dataset.isLetThrough = "";
    native.requestSubmit ? native.requestSubmit.call(form, submitter) : native.submit.call(form);
  };

  const touched = ({ target }) => {
    const form = target.form || (target.closest && target.closest("form"));
    const captcha = captchaOf(form);
    if (captcha && captcha.dataset.relayCaptcha === "altcha") begin(form, captcha).catch(() => 0);
  };
  const held = new WeakSet();
  const submitted = (event) => {
    const form = event.target;
    const captcha = captchaOf(form);
    if (!captcha) return;
    if (captcha.dataset.isLetThrough !== undefined || (answerOf(captcha) && captcha.dataset.byHand !== undefined))
      return delete captcha.dataset.isLetThrough;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (held.has(form)) return;
    held.add(form);
    native.setAttribute.call(form, "aria-busy", true);
    complete(form, captcha, event.submitter).finally(() => {
      held.delete(form);
      native.removeAttribute.call(form, "aria-busy");
    });
  };
  // What a widget answered was for what is sent already: the next message needs an answer of its own.
  const again = () => {
    for (const name of ["turnstile", "hcaptcha", "grecaptcha"])
      try {
        window[name].reset();
      } catch {}
  };
  document.addEventListener("reset", (event) => captchaOf(event.target) && again());
  addEventListener("pageshow", (event) => event.persisted && again());
  document.addEventListener("focusin", touched);
  document.addEventListener("input", touched);
  document.addEventListener("submit", submitted, true);
})();
