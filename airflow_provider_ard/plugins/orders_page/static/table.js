// The table: thousands of rows, of which only those in sight are in the document.

import * as format from "./format.js";
import { make } from "./format.js";
import { runUrl, taskUrl } from "./airflow.js";

const ROW = 32;
const SPARE = 8;

export const HIDDEN = "Placed by a DAG that is gone, or that you may not read";

const text = (value) => make("span", { title: value ?? "" }, value ?? "–");

// The time of the run is what tells one from another; the whole name is in the title.
const shortRun = (run) => run.replace(/^[a-z_]+?__(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$/, "$1 $2");

export const placedBy = (row) => {
  if (row.map_index === -2) return make("span", { className: "quiet", title: HIDDEN }, "another DAG");
  if (!row.dag) return make("span", { className: "quiet" }, "not by Airflow");
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
    cell: (row) => make("span", { title: row.estimate ? "An estimate, until the order is done" : "In the account's currency" }, `${row.estimate && row.cost !== null ? "≈ " : ""}${format.cost(row.cost)}`),
  },
  { key: "dag", label: "DAG · task", value: (row) => (row.dag ? `${row.dag} ${row.task} ${String(row.map_index).padStart(6)}` : null), cell: placedBy },
  {
    key: "run", label: "Run", value: (row) => row.run,
    cell: (row) => (row.run ? make("a", { href: runUrl(row), tabIndex: -1, title: row.run }, shortRun(row.run)) : text(null)),
  },
];

export class Table {
  /** `onSelect(row)` is called with the row that was chosen. */
  constructor({ head, scroll, body, grid, onSelect }) {
    Object.assign(this, { head, scroll, body, grid, onSelect });
    this.rows = [];
    this.order = { key: "created", down: false };
    this.active = null;
    this.selected = null;
    this.drawn = new Map();
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

  /** Show these rows, in the order chosen. */
  show(rows) {
    const { value } = COLUMNS.find((column) => column.key === this.order.key);
    const sign = this.order.down ? -1 : 1;
    const keyed = rows.map((row) => [value(row), row]);
    keyed.sort(([one, first], [other, second]) => {
      if (one === other) return first.id < second.id ? 1 : -1;
      // What is not known comes last, whichever way round.
      if (one === null) return 1;
      if (other === null) return -1;
      return (one < other ? -1 : 1) * sign;
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

  /** Bring a row into sight. */
  reveal(id) {
    const at = this.rows.findIndex((row) => row.id === id);
    if (at < 0) return;
    const { scrollTop, clientHeight } = this.scroll;
    if (at * ROW < scrollTop) this.scroll.scrollTop = at * ROW;
    else if ((at + 1) * ROW > scrollTop + clientHeight) this.scroll.scrollTop = (at + 1) * ROW - clientHeight;
    this.draw();
  }

  /** Go to a row, or to the one that the keys were at last if this one is not in the list. */
  focus(id) {
    if (this.rows.some((row) => row.id === id)) this.active = id;
    this.reveal(this.active);
    this.draw();
    this.drawn.get(this.active)?.focus({ preventScroll: true });
  }

  draw(anew = false) {
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.scroll.scrollTop + this.scroll.clientHeight) / ROW) + SPARE);
    const focused = document.activeElement?.closest?.("[data-id]")?.dataset.id;
    const drawn = new Map();
    for (let at = first; at < last; at += 1) {
      const row = this.rows[at];
      const element = (!anew && this.drawn.get(row.id)) || this.make(row);
      element.style.transform = `translateY(${at * ROW}px)`;
      element.setAttribute("aria-rowindex", at + 2);
      element.tabIndex = row.id === this.active ? 0 : -1;
      drawn.set(row.id, element);
    }
    const wanted = [...drawn.values()];
    if (wanted.length !== this.body.children.length || wanted.some((element, at) => this.body.children[at] !== element)) {
      this.body.replaceChildren(...wanted);
      if (focused && drawn.has(focused)) drawn.get(focused).focus({ preventScroll: true });
    }
    this.drawn = drawn;
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
    const at = this.rows.findIndex((row) => row.id === this.active);
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length };
    if (event.key in steps) {
      event.preventDefault();
      const next = this.rows[Math.min(this.rows.length - 1, Math.max(0, at + steps[event.key]))];
      if (!next) return;
      this.focus(next.id);
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0 && !event.target.closest("a")) {
      event.preventDefault();
      this.choose(this.rows[at].id);
    }
  }
}
