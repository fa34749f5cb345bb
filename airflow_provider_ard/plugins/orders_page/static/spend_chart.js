// The chart of spend over time: bars of SVG, lines for budgets, and the same as a table.

import * as format from "./format.js";
import { make } from "./format.js";
import { limitsOf, spendOverTime } from "./spend.js";

const HEIGHT = 150;
const MARGIN = { top: 10, right: 6, bottom: 20, left: 56 };
// A budget far above the bars would flatten them: it is only in the legend.
const MAX_BUDGET_RATIO = 4;
const STORAGE_KEY = "ard-spend";

/** Return about four round values from 0 to at least `maximum`. */
function ticks(maximum) {
  const magnitude = 10 ** Math.floor(Math.log10(maximum / 3 || 1));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((candidate) => maximum / candidate <= 4);
  return Array.from({ length: Math.ceil(maximum / step - 1e-9) + 1 }, (_, index) => index * step);
}

const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const dayName = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const monthName = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" });

const nameOf = (key) => (key.length === 10 ? dayName : monthName).format(Date.parse(key.length === 10 ? key : `${key}-01`));

function describe({ key, total, costs }, series) {
  const parts = series.filter((name) => costs.get(name)).map((name) => `${name} ${format.cost(costs.get(name))}`);
  return `${nameOf(key)}: ${format.cost(total)}${parts.length > 1 ? ` (${parts.join(", ")})` : parts.length ? ` (${series.find((name) => costs.get(name))})` : ""}`;
}

function describeAll(periods) {
  if (!periods.length) return "";
  const total = periods.reduce((sum, period) => sum + period.total, 0);
  return `${nameOf(periods[0].key)} to ${nameOf(periods.at(-1).key)}: ${format.cost(total)}`;
}

function shape(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function drawChart({ periods, series }, limits, width) {
  const largest = Math.max(...periods.map(({ total }) => total));
  const visibleLimits = limits.filter(({ cost }) => cost <= largest * MAX_BUDGET_RATIO);
  const marks = ticks(Math.max(largest, ...visibleLimits.map(({ cost }) => cost)) || 1);
  const [plotWidth, plotHeight] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const y = (cost) => MARGIN.top + plotHeight * (1 - cost / marks.at(-1));
  const slot = plotWidth / periods.length;
  const barWidth = Math.max(1, Math.min(44, slot * 0.78));
  const grid = marks.flatMap((mark) => [
    shape("line", { class: "mark", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(mark), y2: y(mark) }),
    shape("text", { x: MARGIN.left - 6, y: y(mark) + 3.5, "text-anchor": "end" }, compact.format(mark)),
  ]);
  const everyNth = Math.ceil(64 / slot);
  const bars = periods.map((period, index) => {
    const center = MARGIN.left + slot * (index + 0.5);
    let base = 0;
    const parts = series.flatMap((name, number) => {
      const cost = period.costs.get(name);
      if (!cost) return [];
      base += cost;
      return [shape("rect", { class: `s${number}`, x: center - barWidth / 2, width: barWidth, y: y(base), height: y(base - cost) - y(base) })];
    });
    // The whole slot can be pointed at.
    const hit = shape("rect", { class: "hit", x: center - slot / 2, width: slot, y: MARGIN.top, height: plotHeight });
    const group = shape("g", { class: "bar", role: "img", tabindex: index === periods.length - 1 ? 0 : -1, "aria-label": describe(period, series), "data-index": index }, hit, ...parts);
    const fromEnd = periods.length - 1 - index;
    const label = fromEnd % everyNth === 0 && center > MARGIN.left + 14 ? [shape("text", { x: Math.min(center, width - 24), y: HEIGHT - 5, "text-anchor": "middle" }, nameOf(period.key))] : [];
    return [group, ...label];
  });
  const budgetLines = visibleLimits.map(({ cost }) => shape("line", { class: "budget", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(cost), y2: y(cost) }));
  return shape("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "group", "aria-label": "Cost over time; arrow keys move between the bars" }, ...grid, ...bars.flat(), ...budgetLines);
}

function drawTable({ periods, series }) {
  const head = make("tr", {}, make("th", { scope: "col" }, "UTC"), ...series.map((name) => make("th", { scope: "col" }, name)), make("th", { scope: "col" }, "Total"));
  const body = periods.toReversed().filter(({ total }) => total).map(({ key, costs, total }) =>
    make("tr", {}, make("th", { scope: "row" }, key), ...series.map((name) => make("td", {}, format.cost(costs.get(name) ?? null))), make("td", {}, format.cost(total))),
  );
  const table = make("table", { className: "prices" }, make("thead", {}, head), make("tbody", {}, ...body));
  return make("div", { className: "scroller", role: "region", "aria-label": "Spend over time", tabIndex: 0 }, table);
}

const budgetText = ({ cost, per, scope }) => `Budget: ${format.cost(cost)} per ${per}${scope === "account" ? "" : scope === "dag" ? " and DAG" : `, by ${scope.slice(4)}`}`;

export class SpendChart {
  /** Draws into a `<details>` element, only while it is open. */
  constructor(element) {
    this.element = element;
    this.unit = "day";
    this.rows = [];
    this.budgets = [];
    this.chart = element.querySelector(".chart");
    this.readout = element.querySelector(".readout");
    this.legend = element.querySelector(".legend");
    this.table = element.querySelector(".table");
    element.open = localStorage.getItem(STORAGE_KEY) !== "closed";
    element.addEventListener("toggle", () => {
      localStorage.setItem(STORAGE_KEY, element.open ? "open" : "closed");
      this.draw();
    });
    this.table.addEventListener("toggle", () => this.drawTable());
    element.querySelector(".units").addEventListener("click", (event) => {
      this.unit = event.target.closest("button")?.dataset.unit ?? this.unit;
      this.draw();
    });
    this.chart.addEventListener("keydown", (event) => this.pressed(event));
    for (const type of ["pointerover", "focusin"]) this.chart.addEventListener(type, (event) => this.describe(event.target.closest(".bar")));
    this.chart.addEventListener("pointerleave", () => this.describe(null));
    new ResizeObserver(() => this.draw()).observe(this.chart);
  }

  /** Show the cost of these orders. `budgets`: those of the Connection. */
  show(rows, budgets) {
    this.rows = rows;
    this.budgets = budgets;
    this.draw();
  }

  draw() {
    if (!this.element.open || !this.chart.clientWidth) return;
    this.spend = spendOverTime(this.rows, this.unit);
    for (const button of this.element.querySelectorAll("[data-unit]")) button.setAttribute("aria-pressed", String(button.dataset.unit === this.unit));
    const { periods, series } = this.spend;
    const focused = this.chart.contains(document.activeElement) ? document.activeElement.dataset.index : null;
    const limits = limitsOf(this.budgets, this.unit, series.length === 1);
    this.chart.replaceChildren(periods.length ? drawChart(this.spend, limits, this.chart.clientWidth) : make("p", { className: "quiet" }, "No costs to show."));
    if (focused !== null) this.focus(Math.min(focused, periods.length - 1));
    this.legend.replaceChildren(
      ...series.map((name, number) => make("li", {}, make("i", { className: `s${number}` }), name)),
      ...this.budgets.filter(({ cost }) => cost !== undefined).map((budget) => make("li", {}, limits.includes(budget) ? make("i", { className: "budget" }) : null, budgetText(budget))),
    );
    this.describe(null);
    this.drawTable();
  }

  drawTable() {
    this.table.querySelector(".scroller")?.remove();
    if (this.table.open && this.spend?.periods.length) this.table.append(drawTable(this.spend));
  }

  describe(bar) {
    const { periods, series } = this.spend ?? { periods: [], series: [] };
    const period = periods[bar?.dataset.index];
    this.readout.textContent = period ? describe(period, series) : describeAll(periods);
  }

  focus(index) {
    for (const bar of this.chart.querySelectorAll(".bar")) bar.setAttribute("tabindex", bar.dataset.index === String(index) ? 0 : -1);
    this.chart.querySelector(`.bar[data-index="${index}"]`)?.focus();
  }

  pressed(event) {
    const index = Number(event.target.closest(".bar")?.dataset.index);
    const last = this.spend.periods.length - 1;
    const target = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: last }[event.key];
    if (target === undefined || Number.isNaN(index)) return;
    event.preventDefault();
    this.focus(Math.max(0, Math.min(last, target)));
  }
}
