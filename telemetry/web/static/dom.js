// The few things that the parts of the page do with elements. Text goes in as text, never as markup.

export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

export function setClass(el, name, on) {
  if (el.classList.contains(name) !== on) el.classList.toggle(name, on);
}

export function make(tag, className = "", ...children) {
  const el = document.createElement(tag);
  if (className) el.className = className;
  el.append(...children);
  return el;
}

/** Keep one child of `box` for each row, in the rows' order; elements stay, so that focus and charts do. */
export function keyed(box, rows, key, build, update) {
  const kept = (box.kept ??= new Map());
  const found = new Set();
  rows.forEach((row, i) => {
    const id = key(row);
    found.add(id);
    if (!kept.has(id)) kept.set(id, build(row));
    const parts = kept.get(id);
    if (box.children[i] !== parts.root) box.insertBefore(parts.root, box.children[i] ?? null);
    update(parts, row);
  });
  for (const [id, parts] of kept) {
    if (!found.has(id)) {
      parts.root.remove();
      kept.delete(id);
    }
  }
}
