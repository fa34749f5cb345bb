// What the server tells, as who is logged in to Airflow.

import { base } from "./airflow.js";

export class Refusal extends Error {
  constructor(status, message, advice) {
    super(message);
    this.status = status;
    this.advice = advice;
  }
}

async function get(path, query = {}) {
  const url = `${base}/ard-orders/data/${path}?${new URLSearchParams(query)}`;
  let answer = await fetch(url, { credentials: "same-origin" });
  if (answer.status === 401) {
    // Airflow 3.1.0 keeps the login here, later ones in a cookie.
    const token = localStorage.getItem("token");
    if (token) answer = await fetch(url, { headers: { Authorization: `Bearer ${token.replaceAll('"', "")}` } });
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const said = typeof body.detail === "string" ? body.detail : `Airflow answered with status ${answer.status}.`;
  throw new Refusal(answer.status, said, body.advice ?? null);
}

const objects = (columns, rows) => rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])));

export const connections = async () => (await get("connections")).connections;

const MOST_ERAS = 8;

/**
 * The orders of a connection, kept up to date by asking only for what has changed.
 *
 * Each process of the API server has read them by itself, and begins a new era when the connection changes: what is
 * known of each era is kept, and the orders of one are shown until another has been read to its end.
 */
export class Orders {
  constructor(connection) {
    this.connection = connection;
    this.rows = new Map();
    this.complete = false;
    this.eras = new Map();
  }

  /** Ask once more; returns whether anything has changed, and the server's own facts. */
  async refresh() {
    const seen = [...this.eras].map(([era, { version }]) => ["seen", `${era}:${version}`]);
    const answer = await get("orders", [["connection", this.connection], ...seen]);
    const { rows } = this.eras.get(answer.era) ?? { rows: new Map() };
    for (const row of objects(answer.columns, answer.rows)) rows.set(row.id, row);
    // The era that was heard of last is the last to be forgotten.
    this.eras.delete(answer.era);
    this.eras.set(answer.era, { rows, version: answer.version });
    if (this.eras.size > MOST_ERAS) this.eras.delete(this.eras.keys().next().value);
    const shown = this.rows;
    if (answer.complete || (!this.complete && rows.size >= shown.size)) this.rows = rows;
    this.complete ||= answer.complete;
    return { ...answer, changed: this.rows !== shown || (this.rows === rows && answer.rows.length > 0) };
  }
}

/** The orders of a task instance through a connection; without any, those of its DAG run. */
export async function taskOrders(connection, task) {
  const { dag_id, run_id, task_id } = task;
  const index = task.map_index === null ? {} : { map_index: task.map_index };
  const answer = await get("run", { connection, dag_id, run_id, task_id, ...index });
  return objects(answer.columns, answer.rows).map((row) => ({ ...row, connection }));
}

export async function orderDetails(connection, order) {
  const answer = await get("order", { connection, order });
  return { ...answer, row: objects(answer.columns, [answer.row])[0] };
}
