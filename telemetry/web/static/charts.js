// Small charts, drawn as SVG at the size of their box, so that letters keep their shape on every screen.

const NS = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const el = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, value);
  for (const child of children) el.append(child);
  return el;
}

/** A mark that differs in shape, not only in colour. */
export function mark(verdict) {
  const shapes = {
    met: svg("path", { d: "M4 12.5l5.2 5.3L20 6.5" }),
    not_met: svg("path", { d: "M5.5 5.5l13 13M18.5 5.5l-13 13" }),
    insufficient_data: svg("path", { d: "M5 12h.01M12 12h.01M19 12h.01" }),
  };
  return svg("svg", { viewBox: "0 0 24 24", class: "mark", "aria-hidden": "true" }, shapes[verdict]);
}

/** A round number that is at least `max` and divides well into the lines of an axis. */
function ceiling(max) {
  if (max <= 4) return 4;
  const step = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 4, 6, 8, 10].map((k) => k * step).find((top) => top >= max);
}

/** Draw again whenever the box changes its size. `paint(width, height, rem)` gives the children. */
export function drawn(box, label, paint) {
  const again = () => {
    const { width, height } = box.getBoundingClientRect();
    if (width < 10 || height < 10) return;
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    root.append(...paint(width, height, rem));
    box.replaceChildren(root);
  };
  new ResizeObserver(again).observe(box);
  return again;
}

const text = (x, y, content, cls, anchor = "middle") => {
  const el = svg("text", { x, y, class: cls, "text-anchor": anchor });
  el.textContent = content;
  return el;
};

const bar = (x, y, width, height, cls) =>
  svg("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), rx: Math.min(3, width / 4), class: cls });

/** Arrivals of each hour: tickets, and calls with the lost ones at their foot. */
export function paintHours(hours, format, noData) {
  return (width, height, rem) => {
    if (!hours.length) return [text(width / 2, height / 2, noData, "nothing")];
    const size = rem * 0.95;
    const [left, top, bottom] = [size * 2.4, size * 0.9, size * 1.6];
    const max = ceiling(Math.max(1, ...hours.flatMap((h) => [h.tickets_issued, h.calls_offered])));
    const y = (n) => top + (height - top - bottom) * (1 - n / max);
    const out = [];
    for (const n of [0, max / 2, max]) {
      out.push(svg("line", { x1: left, x2: width, y1: y(n), y2: y(n), class: n ? "grid" : "axis" }));
      out.push(text(left - size * 0.5, y(n) + size * 0.35, format.count(n), "tick", "end"));
    }
    const slot = (width - left) / Math.max(hours.length, 1);
    const thick = Math.min(slot * 0.36, rem * 2.2);
    const every = Math.ceil((size * 2.2) / slot);
    hours.forEach((h, i) => {
      const mid = left + slot * (i + 0.5);
      const gap = Math.min(2, thick / 6);
      out.push(bar(mid - thick - gap, y(h.tickets_issued), thick, y(0) - y(h.tickets_issued), "tickets"));
      out.push(bar(mid + gap, y(h.calls_offered), thick, y(h.calls_lost) - y(h.calls_offered), "calls"));
      out.push(bar(mid + gap, y(h.calls_lost), thick, y(0) - y(h.calls_lost), "calls-lost"));
      if (i % every === 0) out.push(text(mid, height - size * 0.3, String(h.hour).padStart(2, "0"), "tick"));
    });
    return out;
  };
}

/** A value on a track, its target as a tick. */
export function paintGauge(row) {
  const { value, target } = row;
  const known = [value, target].filter((v) => Number.isFinite(v));
  const whole = { __proto__: null, ratio: 1, percent: 100 }[row.unit_kind];
  // Where less is better the target would sit at the very edge of a full scale, so the scale is around it.
  const full = whole && row.better !== "lower" ? whole : Math.max(...known, (target ?? 0) * 2) * 1.02;
  const scale = whole ? Math.min(full, whole) : full;
  return (width, height) => {
    const x = (v) => Math.min(1, Math.max(0, v / (scale || 1))) * width;
    const [top, tall] = [height * 0.25, height * 0.5];
    const out = [svg("rect", { x: 0, y: top, width, height: tall, rx: tall / 2, class: "track" })];
    if (Number.isFinite(value)) {
      out.push(svg("rect", { x: 0, y: top, width: Math.max(x(value), tall), height: tall, rx: tall / 2, class: "fill" }));
    }
    if (Number.isFinite(target)) {
      const at = Math.min(width - 2, Math.max(2, x(target)));
      out.push(svg("line", { x1: at, x2: at, y1: 0, y2: height, class: "target" }));
    }
    return out;
  };
}

/** Bars of a histogram with their counts; those beyond the target are hollow. */
export function paintBins(bins, format) {
  return (width, height, rem) => {
    const size = rem * 0.9;
    const [top, bottom] = [size * 1.25, size * 1.3];
    const max = Math.max(1, ...bins.map((b) => b.count));
    const slot = width / Math.max(bins.length, 1);
    const thick = Math.min(slot * 0.66, rem * 3);
    return bins.flatMap((b, i) => {
      const tall = (height - top - bottom) * (b.count / max);
      const mid = slot * (i + 0.5);
      return [
        bar(mid - thick / 2, height - bottom - tall, thick, Math.max(tall, 1), b.over ? "bin over" : "bin"),
        text(mid, height - bottom - tall - size * 0.3, format.count(b.count), "tick strong"),
        text(mid, height - size * 0.2, b.label, "tick"),
      ];
    });
  };
}
