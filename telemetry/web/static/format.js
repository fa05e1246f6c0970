// Numbers, durations, dates and times as people read them. Pure functions over the words of one language.

export function makeFormat(words, timezone) {
  const fill = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const list = (key) => words[key].split("|");
  const grouped = [0, 1, 2, 3].map(
    (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  );
  const pad = (n) => String(n).padStart(2, "0");
  const missing = (value) => value === null || value === undefined || Number.isNaN(value);
  let zone = null;
  let parts = null;

  function setZone(name) {
    if (name === zone) return;
    try {
      parts = new Intl.DateTimeFormat("en-US", {
        timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
        hour: "numeric", minute: "numeric", second: "numeric",
      });
      zone = name;
    } catch {
      if (parts === null) setZone("UTC"); // a browser without this zone; never the browser's own zone
    }
  }

  /** Calendar fields of an instant in the site's zone. */
  function fields(ms) {
    const f = {};
    for (const part of parts.formatToParts(ms)) f[part.type] = part.value;
    return f;
  }

  function dateWords(key, ms) {
    const f = fields(ms);
    const [year, month, day] = [Number(f.year), Number(f.month), Number(f.day)];
    return fill(key, {
      weekday: list("weekdays")[new Date(Date.UTC(year, month - 1, day)).getUTCDay()],
      day,
      month: list("months")[month - 1],
      month_short: list("months_short")[month - 1],
      year: year + Number(words.year_offset),
    });
  }

  function clock(ms, key = "clock") {
    const f = fields(ms);
    return fill(key, { h: pad(f.hour), m: pad(f.minute), s: pad(f.second) });
  }

  /** 0:45, 14:32, 1:02:14. */
  function stopwatch(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
    return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
  }

  /** An age in words, coarse on purpose: people read it in passing. */
  function age(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return fill("seconds", { n: s });
    if (s < 3600) return fill("minutes", { n: Math.floor(s / 60) });
    if (s >= 172800) return fill("days", { n: Math.floor(s / 86400) });
    const m = Math.floor((s % 3600) / 60);
    return m ? fill("hours_minutes", { n: Math.floor(s / 3600), m }) : fill("hours", { n: Math.floor(s / 3600) });
  }

  function percent(value, digits = 1) {
    return `${grouped[digits].format(value)}%`;
  }

  /** A figure of a row in the row's unit; `digits` beyond the usual ones only for percentages. */
  function value(kind, v, digits = 1) {
    if (missing(v)) return words.no_data;
    if (kind === "ratio") return percent(v * 100, digits);
    if (kind === "percent") return percent(v, digits);
    if (kind === "seconds") return stopwatch(Math.round(v));
    return grouped[Number.isInteger(v) ? 0 : 1].format(v);
  }

  /** The row's value and target; with more digits where rounding would make a missed target look reached. */
  function valueAndTarget(row) {
    let [shown, target] = [value(row.unit_kind, row.value), missing(row.target) ? null : value(row.unit_kind, row.target)];
    for (let digits = 2; digits <= 3 && shown === target && row.value !== row.target; digits += 1) {
      shown = value(row.unit_kind, row.value, digits);
      target = value(row.unit_kind, row.target, digits);
    }
    return [shown, target];
  }

  /** The word that stands small beside a figure. */
  function unitWord(kind, v) {
    if (kind !== "seconds" || missing(v)) return "";
    return v >= 3600 ? words.unit_hours : words.unit_minutes;
  }

  /** "08.30–09.41 น." within one day, else with dates. */
  function period(from, to) {
    const [a, b] = [Date.parse(from), Date.parse(to)];
    if (Number.isNaN(a) || Number.isNaN(b)) return "";
    const [dayA, dayB] = [dateWords("date_short", a), dateWords("date_short", b)];
    const at = (ms) => clock(ms, "period_clock");
    if (dayA === dayB) return `${dayA} ${fill("period_day", { from: at(a), to: at(b) })}`;
    return `${dayA} ${clock(a)} – ${dayB} ${clock(b)}`;
  }

  setZone(timezone);
  return {
    age, clock, dateWords, fill, missing, period, setZone, stopwatch, unitWord, value, valueAndTarget,
    count: (n) => (missing(n) ? words.no_data : grouped[0].format(n)),
  };
}
