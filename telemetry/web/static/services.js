// One row for each service: who waits, how long, and who was called last.

import { mark } from "./charts.js";
import { make, setClass, setText } from "./dom.js";

/** `build`, `update` and `tick` of a service's row; `page` has words, format, local and now. */
export function serviceRows({ words, format, local, now }) {
  function buildUnit() {
    const cell = (label, ...children) => {
      const td = make("td", "", ...children);
      td.setAttribute("role", "cell");
      td.dataset.label = label;
      return td;
    };
    const parts = {
      name: make("span"), over: make("span", "over"), wait: make("span", "wait"), target: make("small"),
      ticket: make("span"), counter: make("small"), waiting: cell(words.waiting), calls: cell(words.calls_waiting),
    };
    parts.over.append(mark("not_met"), words.over_target);
    const name = make("th", "", parts.name, parts.over);
    name.scope = "row";
    name.setAttribute("role", "rowheader");
    const wait = cell(words.wait_against_target, parts.wait, parts.target);
    const called = cell(words.called_to, parts.ticket, parts.counter);
    for (const td of [parts.waiting, wait, parts.calls]) td.classList.add("num");
    parts.root = make("tr", "", name, parts.waiting, wait, called, parts.calls);
    parts.root.setAttribute("role", "row");
    return parts;
  }

  function updateUnit(parts, unit) {
    parts.row = unit;
    setText(parts.name, local(unit, "name") || unit.unit);
    setText(parts.target, format.missing(unit.target_minutes) || format.missing(unit.tickets_waiting) ? "" : `/ ${format.stopwatch(unit.target_minutes * 60)}`);
    for (const [el, n] of [[parts.waiting, unit.tickets_waiting], [parts.calls, unit.calls_waiting]]) {
      setText(el, format.count(n));
      setClass(el, "none", format.missing(n));
    }
    setText(parts.ticket, unit.last_called ?? "–");
    setClass(parts.ticket, "none", !unit.last_called);
    setText(parts.counter, unit.last_counter ? `/ ${unit.last_counter}` : "");
    tickUnit(parts);
  }

  function tickUnit(parts) {
    const unit = parts.row;
    const since = unit.longest_ticket_wait_since_ms;
    const seconds = format.missing(since) ? null : Math.max(0, (now() - since) / 1000);
    const over = seconds !== null && !format.missing(unit.target_minutes) && seconds > unit.target_minutes * 60;
    const nobody = unit.tickets_waiting === 0 ? "–" : words.no_data;
    setText(parts.wait, seconds === null ? nobody : format.stopwatch(seconds));
    setClass(parts.wait, "none", seconds === null);
    parts.over.hidden = !over;
    setClass(parts.root, "late", over);
  }

  return { build: buildUnit, update: updateUnit, tick: tickUnit };
}
