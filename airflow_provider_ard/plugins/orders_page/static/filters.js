// Filters of the orders, and their totals.

import * as format from "./format.js";
import { make } from "./format.js";

const seconds = (text, days) => (text ? new Date(`${text}T00:00`).getTime() / 1000 + days * 86_400 : null);

export class Filters {
  /** `onChange()` is called when the filters change. */
  constructor(form, onChange) {
    this.form = form;
    this.state = "";
    this.onChange = onChange;
    this.fields = Object.fromEntries(["text", "dag", "from", "to"].map((id) => [id, form.querySelector(`#${id}`)]));
    this.states = form.querySelector("#states");
    this.clear = form.querySelector("#clear");
    form.addEventListener("input", () => onChange());
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => {
      this.state = "";
      setTimeout(onChange);
    });
    this.states.addEventListener("click", (event) => {
      const selectedValue = event.target.closest("button")?.dataset.state;
      if (selectedValue === undefined) return;
      this.state = selectedValue;
      onChange();
    });
  }

  get isSet() {
    return this.state !== "" || Object.values(this.fields).some((field) => field.value);
  }

  /** Update the form's options and return the rows that match. */
  apply(rows) {
    const words = this.fields.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [dag, from, to] = [this.fields.dag.value, seconds(this.fields.from.value, 0), seconds(this.fields.to.value, 1)];
    const matching = rows.filter((row) => {
      if (dag && row.dag !== dag) return false;
      if (from !== null && !(row.created >= from)) return false;
      if (to !== null && !(row.created !== null && row.created < to)) return false;
      if (!words.length) return true;
      row.words ??= [row.id, row.status, row.dag, row.task, row.run, row.destination, row.message].join(" ").toLowerCase();
      return words.every((word) => row.words.includes(word));
    });
    this.offer(rows, matching);
    this.clear.hidden = !this.isSet;
    return this.state ? matching.filter((row) => row.state === this.state) : matching;
  }

  offer(rows, matching) {
    const counts = Object.groupBy ? Object.groupBy(matching, (row) => row.state) : {};
    const all = ["", ...Object.keys(format.STATES)];
    const buttons = all
      .filter((state) => state !== "unknown" || counts.unknown || this.state === "unknown")
      .map((state) => {
        const number = state ? (counts[state]?.length ?? 0) : matching.length;
        const label = state ? format.STATES[state] : "All";
        return make(
          "button",
          { type: "button", "data-state": state, "aria-pressed": String(this.state === state), className: state },
          `${label} `, make("b", {}, format.count(number)),
        );
      });
    const focused = this.states.contains(document.activeElement) ? document.activeElement.dataset.state : null;
    this.states.replaceChildren(...buttons);
    if (focused !== null) this.states.querySelector(`[data-state="${focused}"]`)?.focus();
    const dags = [...new Set(rows.map((row) => row.dag).filter(Boolean))].sort();
    if (dags.join("\n") !== this.dags) {
      this.dags = dags.join("\n");
      const selectedValue = this.fields.dag.value;
      this.fields.dag.replaceChildren(make("option", { value: "" }, "all"), ...dags.map((dag) => make("option", { value: dag }, dag)));
      this.fields.dag.value = dags.includes(selectedValue) ? selectedValue : "";
    }
  }
}

/** Return the totals of orders, without failed ones, which are presumably not billed. */
export function totals(rows) {
  const billed = rows.filter((row) => row.state !== "failed");
  const priced = billed.filter((row) => row.cost !== null);
  const total = (name) => billed.reduce((sum, row) => sum + (row[name] ?? 0), 0);
  const estimated = priced.filter((row) => row.estimate).reduce((sum, row) => sum + row.cost, 0);
  const remarks = [
    estimated ? `${format.cost(estimated)} of it estimated` : null,
    billed.length > priced.length ? `${format.count(billed.length - priced.length)} without a price` : null,
    rows.length > billed.length ? `${format.count(rows.length - billed.length)} failed, excluded` : null,
  ].filter(Boolean);
  return [
    make("span", {}, make("b", {}, format.count(rows.length)), rows.length === 1 ? " order" : " orders"),
    make("span", {}, make("b", {}, format.area(total("area"))), " km²"),
    make("span", {}, "cost ", make("b", {}, format.cost(total("cost")))),
    make("span", { className: "quiet" }, remarks.join(" · ")),
  ];
}
