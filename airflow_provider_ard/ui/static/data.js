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

/** The orders of a connection, kept up to date by asking only for what has changed. */
export class Orders {
  constructor(connection) {
    this.connection = connection;
    this.rows = new Map();
    this.era = "";
    this.version = 0;
  }

  /** Ask once more; returns whether anything has changed, and the server's own facts. */
  async refresh() {
    const answer = await get("orders", { connection: this.connection, since: this.version, era: this.era });
    if (answer.era !== this.era) this.rows.clear();
    for (const row of objects(answer.columns, answer.rows)) this.rows.set(row.id, row);
    const changed = answer.rows.length > 0 || answer.era !== this.era;
    this.era = answer.era;
    this.version = answer.version;
    return { ...answer, changed };
  }
}

export async function runOrders(connection, task) {
  const answer = await get("run", { connection, dag_id: task.dag_id, run_id: task.run_id });
  return objects(answer.columns, answer.rows).map((row) => ({ ...row, connection }));
}

export async function orderDetails(connection, order, columns) {
  const answer = await get("order", { connection, order });
  return { ...answer, row: objects(columns ?? answer.columns, [answer.row])[0] };
}
