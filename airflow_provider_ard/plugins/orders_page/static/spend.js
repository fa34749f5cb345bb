// Spend over time: the cost of orders per day or month, in UTC like budgets, and DAG.

const MAX_BARS = { day: 62, month: 36 };
// Each DAG has a color, except those with the smallest cost.
const MAX_SERIES = 6;
const OTHERS = "other DAGs";
const DAY_MS = 86_400_000;

/** Return the series of a row: its DAG. */
function seriesOf(row) {
  if (row.dag) return row.dag;
  return row.map_index === -2 ? "DAGs without permission" : "outside of Airflow";
}

const dayOf = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

/** Return the keys of all periods from the first to the last one: `2026-11-28` or `2026-11`. */
function periodsBetween(first, last, unit) {
  const periods = [];
  for (let time = Date.parse(unit === "day" ? first : `${first}-01`); ; ) {
    const key = new Date(time).toISOString().slice(0, unit === "day" ? 10 : 7);
    periods.push(key);
    if (key >= last) return periods;
    const date = new Date(time);
    time = unit === "day" ? time + DAY_MS : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }
}

/**
 * Add up the cost of orders per period, `day` or `month`, and DAG. Failed orders are presumably not billed.
 *
 * Returns the latest `periods` (`key`, `total`, `costs` by series), and the names of the `series`, the largest first.
 */
export function spendOverTime(rows, unit) {
  const priced = rows.filter((row) => row.state !== "failed" && row.cost !== null && row.created !== null);
  if (!priced.length) return { periods: [], series: [] };
  const [costs, totals] = [new Map(), new Map()];
  for (const row of priced) {
    const [key, name] = [dayOf(row.created).slice(0, unit === "day" ? 10 : 7), seriesOf(row)];
    if (!costs.has(key)) costs.set(key, new Map());
    costs.get(key).set(name, (costs.get(key).get(name) ?? 0) + row.cost);
    totals.set(name, (totals.get(name) ?? 0) + row.cost);
  }
  const ranked = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a) || (a < b ? -1 : 1));
  const series = ranked.length > MAX_SERIES ? [...ranked.slice(0, MAX_SERIES - 1), OTHERS] : ranked;
  const keys = [...costs.keys()].sort();
  const latest = periodsBetween(keys[0], keys.at(-1), unit).slice(-MAX_BARS[unit]);
  const periods = latest.map((key) => {
    const byName = new Map();
    for (const [name, cost] of costs.get(key) ?? []) {
      const target = series.includes(name) ? name : OTHERS;
      byName.set(target, (byName.get(target) ?? 0) + cost);
    }
    return { key, costs: byName, total: [...byName.values()].reduce((sum, cost) => sum + cost, 0) };
  });
  return { periods, series };
}

/** Return the budgets that limit the cost of each period: of the account, or of the only DAG that is latest. */
export function limitsOf(budgets, unit, isOneDag) {
  return budgets.filter(({ cost, per, scope }) => cost !== undefined && per === unit && (scope === "account" || (scope === "dag" && isOneDag)));
}
