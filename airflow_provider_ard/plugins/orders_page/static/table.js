// The table: of thousands of rows, only the visible ones are in the document.

import * as format from "./format.js";
import { make } from "./format.js";
import { runUrl, taskUrl } from "./airflow.js";

const ROW = 32;
const SPARE = 8;

export const HIDDEN = "Placed by a DAG that was deleted or that you do not have permission to read";

const text = (value) => make("span", { title: value ?? "" }, value ?? "–");

// The time identifies a run; the complete ID is in the title.
const shortRun = (run) => run.replace(/^[a-z_]+?__(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$/, "$1 $2");

export const placedBy = (row) => {
  if (row.map_index === -2) return make("span", { className: "quiet", title: HIDDEN }, "deleted or no permission");
  if (!row.dag) return make("span", { className: "quiet" }, "outside of Airflow");
  const index = row.map_index >= 0 ? ` [${row.map_index}]` : "";
  return make("a", { href: taskUrl(row), tabIndex: -1, title: `${row.dag} · ${row.task}${index}` }, `${row.dag} · ${row.task}${index}`);
};

export const status = (row) =>
  make("span", { className: `state ${row.state}`, title: row.message ?? row.status }, format.STATES[row.state] === "Unknown" ? row.status || "Unknown" : format.STATES[row.state]);

const COLUMNS = [
  { key: "state", label: "Status", cell: status, value: (row) => row.state },
  { key: "id", label: "Order", cell: (row) => text(row.id), value: (row) => row.id, className: "mono" },
  {
    key: "created", label: "Age", right: true, value: (row) => row.created === null ? null : -row.created,
    cell: (row) => make("span", { title: format.time(row.created) }, format.age(row)),
  },
  { key: "area", label: "Area, km²", right: true, value: (row) => row.area, cell: (row) => text(format.area(row.area)) },
  {
    key: "cost", label: "Cost", right: true, value: (row) => row.cost,
    cell: (row) => make("span", { title: row.estimate ? "Estimate until the order is done" : "In the account's currency" }, `${row.estimate && row.cost !== null ? "≈ " : ""}${format.cost(row.cost)}`),
  },
  { key: "dag", label: "DAG · task", value: (row) => (row.dag ? `${row.dag} ${row.task} ${String(row.map_index).padStart(6)}` : null), cell: placedBy },
  {
    key: "run", label: "Run", value: (row) => row.run,
    cell: (row) => (row.run ? make("a", { href: runUrl(row), tabIndex: -1, title: row.run }, shortRun(row.run)) : text(null)),
  },
];

export class Table {
  /** `onSelect(row)` is called with the selected row. */
  constructor({ head, scroll, body, grid, onSelect }) {
    Object.assign(this, { head, scroll, body, grid, onSelect });
    this.rows = [];
    this.order = { key: "created", down: false };
    this.active = null;
    this.selected = null;
    this.rendered = new Map();
    this.drawHead();
    scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(scroll);
    body.addEventListener("click", (event) => this.clicked(event));
    body.addEventListener("keydown", (event) => this.pressed(event));
  }

  drawHead() {
    const cells = COLUMNS.map((column) => {
      const sorted = this.order.key === column.key;
      const button = make("button", { type: "button" }, column.label);
      button.addEventListener("click", () => this.sortBy(column.key));
      const direction = sorted ? (this.order.down ? "descending" : "ascending") : "none";
      return make("div", { role: "columnheader", className: `c-${column.key}${column.right ? " right" : ""}`, "aria-sort": direction }, button);
    });
    this.head.replaceChildren(...cells);
  }

  sortBy(key) {
    this.order = { key, down: this.order.key === key ? !this.order.down : false };
    this.drawHead();
    this.head.querySelector(`.c-${key} button`).focus();
    this.show(this.rows);
    this.scroll.scrollTop = 0;
  }

  /** Show rows in the selected sort order. */
  show(rows) {
    const { value } = COLUMNS.find((column) => column.key === this.order.key);
    const factor = this.order.down ? -1 : 1;
    const keyed = rows.map((row) => [value(row), row]);
    keyed.sort(([a, first], [b, second]) => {
      if (a === b) return first.id < second.id ? 1 : -1;
      // Unknown values come last in both directions.
      if (a === null) return 1;
      if (b === null) return -1;
      return (a < b ? -1 : 1) * factor;
    });
    this.rows = keyed.map(([, row]) => row);
    this.grid.setAttribute("aria-rowcount", this.rows.length + 1);
    this.body.style.height = `${this.rows.length * ROW}px`;
    if (!this.rows.some((row) => row.id === this.active)) this.active = this.rows[0]?.id ?? null;
    this.draw(true);
  }

  select(id) {
    this.selected = id;
    this.active = id ?? this.active;
    this.draw(true);
  }

  /** Scroll a row into view. */
  scrollTo(id) {
    const index = this.rows.findIndex((row) => row.id === id);
    if (index < 0) return;
    const { scrollTop, clientHeight } = this.scroll;
    if (index * ROW < scrollTop) this.scroll.scrollTop = index * ROW;
    else if ((index + 1) * ROW > scrollTop + clientHeight) this.scroll.scrollTop = (index + 1) * ROW - clientHeight;
    this.draw();
  }

  /** Focus a row, or the last active one if it is not in the list. */
  focus(id) {
    if (this.rows.some((row) => row.id === id)) this.active = id;
    this.scrollTo(this.active);
    this.draw();
    this.rendered.get(this.active)?.focus({ preventScroll: true });
  }

  draw(redraw = false) {
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.scroll.scrollTop + this.scroll.clientHeight) / ROW) + SPARE);
    const focused = document.activeElement?.closest?.("[data-id]")?.dataset.id;
    const rendered = new Map();
    for (let index = first; index < last; index += 1) {
      const row = this.rows[index];
      const element = (!redraw && this.rendered.get(row.id)) || this.make(row);
      element.style.transform = `translateY(${index * ROW}px)`;
      element.setAttribute("aria-rowindex", index + 2);
      element.tabIndex = row.id === this.active ? 0 : -1;
      rendered.set(row.id, element);
    }
    const elements = [...rendered.values()];
    if (elements.length !== this.body.children.length || elements.some((element, index) => this.body.children[index] !== element)) {
      this.body.replaceChildren(...elements);
      if (focused && rendered.has(focused)) rendered.get(focused).focus({ preventScroll: true });
    }
    this.rendered = rendered;
  }

  make(row) {
    const cells = COLUMNS.map((column) =>
      make("div", { role: "gridcell", className: `c-${column.key} ${column.right ? "right" : ""} ${column.className ?? ""}` }, column.cell(row)),
    );
    return make("div", { role: "row", className: "row", "data-id": row.id, "aria-selected": String(row.id === this.selected) }, ...cells);
  }

  clicked(event) {
    const id = event.target.closest("[data-id]")?.dataset.id;
    if (!id || event.target.closest("a")) return;
    this.choose(id);
  }

  choose(id) {
    this.active = id;
    this.onSelect(this.rows.find((row) => row.id === id));
  }

  pressed(event) {
    const index = this.rows.findIndex((row) => row.id === this.active);
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length };
    if (event.key in steps) {
      event.preventDefault();
      const next = this.rows[Math.min(this.rows.length - 1, Math.max(0, index + steps[event.key]))];
      if (!next) return;
      this.focus(next.id);
    } else if ((event.key === "Enter" || event.key === " ") && index >= 0 && !event.target.closest("a")) {
      event.preventDefault();
      this.choose(this.rows[index].id);
    }
  }
}
