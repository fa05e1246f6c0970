// One row for each figure against its target, and its definition. How a row looks depends on its unit,
// its direction and its verdict, never on which figure it is.

import { drawn, mark, paintBins, paintGauge } from "./charts.js";
import { make, setClass, setText } from "./dom.js";

const VERDICTS = ["met", "not_met", "insufficient_data"];
const GOALS = { __proto__: null, higher: "target_at_least", lower: "target_at_most" };

/** `build` and `update` of a figure's row and of its definition; `page` has words, format and local. */
export function figureRows({ words, format, local, onDefinition }) {
  function buildKpi() {
    const parts = {
      label: make("a", "label"), number: make("span", "number"), verdict: make("p", "verdict"),
      chart: make("div", "gauge"), target: make("span"), sample: make("span"),
    };
    parts.label.href = "#details";
    parts.label.addEventListener("click", onDefinition);
    parts.root = make("li", "kpi", make("h3", "", parts.label), make("p", "value", parts.number), parts.verdict,
      make("p", "about", parts.target, parts.sample), parts.chart);
    return parts;
  }

  function updateKpi(parts, row, common) {
    const state = JSON.stringify([row, common]);
    if (parts.state === state) return;
    parts.state = state;
    const [shown, target] = format.valueAndTarget(row);
    setText(parts.label, local(row, "label"));
    parts.label.title = local(row, "definition");
    // A histogram shows itself; it has a figure only when there is nothing to draw.
    const bins = row.unit_kind === "histogram" && row.bins?.length && row.n > 0 ? row.bins : null;
    setText(parts.number, bins ? "" : shown);
    setClass(parts.root, "empty", !bins && format.missing(row.value));
    setText(parts.target, target === null ? words.no_target : format.fill(GOALS[row.better] ?? "target_plain", { t: target }));
    const period = format.period(row.from, row.to);
    const own = period && period !== common ? `${period} · ` : "";
    setText(parts.sample, own + format.fill("sample", { n: format.count(row.n) }));
    parts.sample.title = [fraction(row), interval(row)].filter(Boolean).join(" · ");
    for (const v of VERDICTS) setClass(parts.root, v, v === row.verdict);
    parts.verdict.replaceChildren(...(VERDICTS.includes(row.verdict) ? [mark(row.verdict), words[row.verdict]] : []));
    setClass(parts.root, "histogram", Boolean(bins));
    parts.paint = bins ? paintBins(bins, format) : paintGauge(row);
    parts.draw ??= drawn(parts.chart, local(row, "label"), (...size) => parts.paint(...size));
    parts.draw();
  }

  function fraction(row) {
    if (format.missing(row.numerator) || format.missing(row.denominator)) return "";
    return format.fill("fraction", { numerator: format.count(row.numerator), denominator: format.count(row.denominator) });
  }

  function interval(row) {
    if (format.missing(row.ci_low) || format.missing(row.ci_high)) return "";
    const [low, high] = [row.ci_low, row.ci_high].map((v) => format.value(row.unit_kind, v));
    return format.fill("interval", { low, high });
  }

  /** The period that most rows share stands once, in the heading. */
  function commonPeriod(rows) {
    const counts = new Map();
    for (const row of rows) {
      const period = format.period(row.from, row.to);
      counts.set(period, (counts.get(period) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
  }

  function buildDefinition() {
    const parts = { term: make("dt"), text: make("p"), facts: make("p", "dim") };
    parts.root = make("div", "", parts.term, make("dd", "", parts.text, parts.facts));
    return parts;
  }

  function updateDefinition(parts, row) {
    setText(parts.term, local(row, "label"));
    setText(parts.text, local(row, "definition"));
    const facts = [format.period(row.from, row.to), format.fill("sample", { n: format.count(row.n) }), fraction(row), interval(row)];
    setText(parts.facts, facts.filter(Boolean).join(" · "));
  }

  return { buildKpi, updateKpi, buildDefinition, updateDefinition, commonPeriod };
}
