// The wallboard: draws the newest snapshot. What the figures are, and how good they are, comes in the rows.

import { drawn, paintHours } from "./charts.js";
import { keyed, make, setClass, setText } from "./dom.js";
import { figureRows } from "./figures.js";
import { makeFormat } from "./format.js";
import { serviceRows } from "./services.js";
import { follow } from "./stream.js";

const page = JSON.parse(document.getElementById("words").textContent);
const words = page.words;
const format = makeFormat(words, page.timezone);
const $ = (id) => document.getElementById(id);

let offset = page.now_ms - Date.now(); // the service's clock minus ours
let board = null;
let connected = true;
let heardAt = Date.now();
let hoursShown = [];
let seen = null;

const now = () => Date.now() + offset;
/** Until when we know what happens: without a connection nobody's wait may grow, for it may be over. */
const known = () => (connected ? now() : heardAt + offset);
const local = (row, field) =>
  (page.lang === "th" ? row[`${field}_th`] || row[`${field}_en`] : row[`${field}_en`] || row[`${field}_th`]) || "";

const services = serviceRows({ words, format, local, now: known });
const figures = figureRows({ words, format, local, onDefinition: () => { $("details").open = true; } });

// --- now ---------------------------------------------------------------------------------------

function figure(el, text, unit, empty) {
  if (el.number === undefined) {
    el.number = make("span", "number");
    el.unit = make("span", "unit");
    el.replaceChildren(el.number, el.unit);
  }
  setText(el.number, text);
  setText(el.unit, unit);
  setClass(el, "empty", empty);
  setClass(el, "long", !empty && text.length > 5);
}

function showCount(el, count, unit) {
  figure(el, format.count(count), format.missing(count) ? "" : unit, format.missing(count));
}

function showWait(el, count, sinceMs) {
  if (format.missing(sinceMs)) {
    figure(el, count === 0 ? words.nobody_waiting : words.no_data, "", true);
    return;
  }
  const seconds = (known() - sinceMs) / 1000;
  figure(el, format.stopwatch(seconds), format.unitWord("seconds", seconds), false);
}

function tickNow() {
  const n = board.now;
  showWait($("longest-ticket-wait").lastElementChild, n.tickets_waiting, n.longest_ticket_wait_since_ms);
  showWait($("longest-call-wait").lastElementChild, n.calls_waiting, n.longest_call_wait_since_ms);
}

// --- below -------------------------------------------------------------------------------------

function buildFigures() {
  const cells = ["th", "td", "td", "td"].map((tag) => make(tag));
  cells[0].scope = "row";
  return { cells, root: make("tr", "", ...cells) };
}

function sourceText(source) {
  const age = format.missing(source.last_event_ms) ? "" : format.age(known() - source.last_event_ms);
  const line = format.fill("source_line", {
    kind: words[`source_${source.kind}`] ?? source.kind, id: source.id, state: words[`state_${source.state}`] ?? source.state,
  });
  return source.state === "online" || !age ? line : `${line} ${age}`;
}

function tickSources() {
  const bad = board.sources.filter((s) => s.state === "silent" || s.state === "offline");
  const online = board.sources.filter((s) => s.state === "online").length;
  const all = board.sources.length;
  const line = $("sources-line");
  // The first two are named on the wall; all of them stand in the list below.
  const rest = bad.length > 2 ? ` +${bad.length - 2}` : "";
  setText(line, bad.length ? bad.slice(0, 2).map(sourceText).join(" · ") + rest : all ? format.fill("sources_online", { n: online, all }) : "");
  setClass(line, "trouble", bad.length > 0);
  keyed($("sources"), board.sources, (s) => s.id, () => ({ root: make("li") }), (parts, s) => {
    const last = format.missing(s.last_event_ms) ? "" : ` · ${words.last_event} ${format.fill("ago", { age: format.age(known() - s.last_event_ms) })}`;
    setText(parts.root, s.state === "online" ? sourceText(s) + last : sourceText(s));
  });
}

// --- the whole ---------------------------------------------------------------------------------

const drawHours = drawn($("hours"), words.by_hour, (...size) => paintHours(hoursShown, format, words.no_data)(...size));

function render() {
  format.setZone(board.timezone);
  showCount($("tickets-waiting").lastElementChild, board.now.tickets_waiting, words.tickets_unit);
  showCount($("calls-waiting").lastElementChild, board.now.calls_waiting, words.calls_unit);
  keyed($("units"), board.units, (u) => u.unit, services.build, services.update);
  const period = figures.commonPeriod(board.today);
  setText($("period"), board.today.length ? period : words.no_kpis);
  keyed($("kpis"), board.today, (row) => row.kpi, figures.buildKpi, (parts, row) => figures.updateKpi(parts, row, period));
  $("no-services").hidden = board.units.length > 0;
  $("units").parentElement.style.setProperty("--rows", Math.max(board.units.length, 1));
  // A histogram is as tall as two other rows.
  const tall = board.today.filter((row) => row.unit_kind === "histogram").length;
  $("kpis").style.setProperty("--rows", Math.max(board.today.length + tall, 1));
  keyed($("definitions"), board.today, (row) => row.kpi, figures.buildDefinition, figures.updateDefinition);
  keyed($("figures"), board.hours, (h) => h.hour, buildFigures, (parts, h) => {
    const texts = [`${String(h.hour).padStart(2, "0")}`, ...[h.tickets_issued, h.calls_offered, h.calls_lost].map(format.count)];
    texts.forEach((text, i) => setText(parts.cells[i], text));
  });
  const hours = JSON.stringify(board.hours);
  if (hours !== seen) {
    [seen, hoursShown] = [hours, board.hours];
    drawHours();
  }
  setText($("as-of"), format.fill("as_of", { time: format.clock(board.as_of_ms, "clock_seconds") }));
  $("board").removeAttribute("aria-busy");
  document.documentElement.dataset.version = board.version;
  tick();
}

function tick() {
  setText($("clock"), format.clock(now()));
  setText($("date"), format.dateWords("date_long", now()));
  // Only the words are announced by screen readers; the age beside them grows every second.
  setText($("lost-what"), connected ? "" : words.connection_lost);
  setText($("lost-age"), connected ? "" : format.fill("received_ago", { age: format.age(Date.now() - heardAt) }));
  $("lost").hidden = connected;
  setClass(document.documentElement, "stale", !connected);
  if (!board) return;
  tickNow();
  for (const parts of $("units").kept?.values() ?? []) services.tick(parts);
  tickSources();
}

/** Screens run for months: after an update of the service they load the page that belongs to it, once. */
function reloadIfReplaced(current) {
  if (current === page.page || sessionStorage.getItem("loaded") === current) return;
  sessionStorage.setItem("loaded", current);
  location.reload();
}

follow(`v1/stream?${new URLSearchParams({ site: page.site })}`, {
  board(next) {
    board = next;
    render();
  },
  beat(beat) {
    const fresh = beat.now_ms - Date.now();
    if (Math.abs(fresh - offset) > 500) offset = fresh; // less is the network's jitter, which would make clocks stumble
    reloadIfReplaced(beat.page);
  },
  state(isConnected, at) {
    [connected, heardAt] = [isConnected, at];
    tick();
  },
});

function everySecond() {
  tick();
  setTimeout(everySecond, 1000 - (now() % 1000) + 5);
}
everySecond();
