// A page that is written by the service and stays current: whenever something has happened it is fetched again, and what
// differs is put in place. Elements that are the same stay, and with them focus, scroll and what is open.

import { follow } from "./stream.js";

const { stream, page, least } = document.body.dataset;
const LEAST_MS = Number(least || 2) * 1000; // between two fetches, however much happens
const FRESH_MS = 4000; // a new call draws the eye for so long, and then stands still
const box = document.getElementById("live");
const lost = document.getElementById("lost");

let fetchedAt = Date.now();
let due = 0;
let asking = false;

function attributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "data-fresh" && !(name === "open" && from.localName === "details")) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !(name === "open" && from.localName === "details")) from.setAttribute(name, value);
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? (node.dataset?.key ?? null) : null);
const alike = (a, b) => a && a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function appear(node, flashes) {
  if (!flashes || keyOf(node) === null) return;
  node.dataset.fresh = "";
  setTimeout(() => delete node.dataset.fresh, FRESH_MS);
}

/** Make `from` as `to` is. */
export function become(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  attributes(from, to);
  const kept = new Map([...from.children].filter((el) => keyOf(el) !== null).map((el) => [keyOf(el), el]));
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const key = keyOf(next);
    const same = key !== null ? kept.get(key) : alike(at, next) ? at : null;
    if (same && same.nodeName === next.nodeName) {
      if (same === at) at = at.nextSibling;
      else from.insertBefore(same, at);
      become(same, next);
    } else {
      const made = document.importNode(next, true);
      from.insertBefore(made, at);
      appear(made, "flash" in from.dataset);
    }
  }
  while (at) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

async function refresh() {
  due = 0;
  asking = true;
  fetchedAt = Date.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.ok) {
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = made.getElementById("live");
      if (fresh) become(box, fresh);
    }
  } catch {
    // The stream tells when the service is back.
  }
  asking = false;
}

function soon() {
  if (due) return;
  const wait = asking ? LEAST_MS : Math.max(0, LEAST_MS - (Date.now() - fetchedAt));
  due = setTimeout(refresh, wait);
}

let seen = null;
follow(stream, {
  board({ version }) {
    if (seen !== null && seen !== version) soon();
    seen = version;
    document.documentElement.dataset.version = version;
  },
  beat(beat) {
    soon(); // ages and estimates go on
    if (beat.page !== page && sessionStorage.getItem("loaded") !== beat.page) {
      sessionStorage.setItem("loaded", beat.page);
      location.reload();
    }
  },
  state(connected) {
    lost.hidden = connected;
  },
});
