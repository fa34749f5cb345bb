// Values formatted for the browser's language.

const number = (digits) => new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const [whole, tenth, cents] = [number(0), number(1), number(2)];
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const count = (value) => whole.format(value);
export const area = (value) => (value === null ? "–" : (value >= 10_000 ? whole : tenth).format(value));
export const cost = (value) => (value === null ? "–" : cents.format(value));
export const time = (seconds) => (seconds === null ? "" : dateTime.format(seconds * 1000));

export function span(seconds) {
  const minutes = Math.max(0, seconds) / 60;
  if (minutes < 1) return `${Math.floor(minutes * 60)} s`;
  if (minutes < 60) return `${Math.floor(minutes)} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440)} d`;
}

export const age = (row) => (row.created === null ? "–" : span(Date.now() / 1000 - row.created));

export const STATES = {
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  unknown: "Unknown",
};

/** Create an element with properties and children; `null` children are skipped. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key in element && !key.startsWith("aria")) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
