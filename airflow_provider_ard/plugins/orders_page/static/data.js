// Requests to the server, as the logged-in user of Airflow.

import { base } from "./airflow.js";

export class RequestError extends Error {
  constructor(status, message, { suggestion = null, fields = [] } = {}) {
    super(message);
    Object.assign(this, { status, suggestion, fields });
  }
}

const urlOf = (path, query) => `${base}/ard-orders/data/${path}?${new URLSearchParams(query)}`;

async function request(path, query) {
  const url = urlOf(path, query);
  let response = await fetch(url, { credentials: "same-origin" });
  if (response.status === 401) {
    // Airflow 3.1.0 stores the login here, later versions in a cookie.
    const token = localStorage.getItem("token");
    if (token) response = await fetch(url, { headers: { Authorization: `Bearer ${token.replaceAll('"', "")}` } });
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const message = typeof body.detail === "string" ? body.detail : `Airflow responded with status ${response.status}.`;
  throw new RequestError(response.status, message, body);
}

const get = async (path, query = {}) => (await request(path, query)).json();

const objects = (columns, rows) => rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));

export const connections = async () => (await get("connections")).connections;

const MAX_GENERATIONS = 8;

/**
 * The orders of a connection, updated by requesting only the changes.
 *
 * Each process of the API server has its own cache, with a new generation when the connection changes. The page caches
 * each generation, and shows the orders of one until another is complete.
 */
export class Orders {
  constructor(connection) {
    this.connection = connection;
    this.rows = new Map();
    this.complete = false;
    this.generations = new Map();
  }

  /** Request the changes; return the server's metadata and whether anything has changed. */
  async refresh() {
    const knownVersions = [...this.generations].map(([generation, { version }]) => ["known_versions", `${generation}:${version}`]);
    const response = await get("orders", [["connection", this.connection], ...knownVersions]);
    const { rows } = this.generations.get(response.generation) ?? { rows: new Map() };
    for (const row of objects(response.columns, response.rows)) rows.set(row.id, row);
    // The least recently used generation is dropped first.
    this.generations.delete(response.generation);
    this.generations.set(response.generation, { rows, version: response.version });
    if (this.generations.size > MAX_GENERATIONS) this.generations.delete(this.generations.keys().next().value);
    const previous = this.rows;
    if (response.complete || (!this.complete && rows.size >= previous.size)) this.rows = rows;
    this.complete ||= response.complete;
    return { ...response, changed: this.rows !== previous || (this.rows === rows && response.rows.length > 0) };
  }
}

/** The orders of a task instance through a connection; without any, those of its DAG run. */
export async function taskOrders(connection, task) {
  const { dag_id, run_id, task_id } = task;
  const index = task.map_index === null ? {} : { map_index: task.map_index };
  const response = await get("run", { connection, dag_id, run_id, task_id, ...index });
  return objects(response.columns, response.rows).map((row) => ({ ...row, connection }));
}

export async function orderDetails(connection, order) {
  const response = await get("order", { connection, order });
  return { ...response, row: objects(response.columns, [response.row])[0] };
}

export const quicklookUrl = (connection, acquisition, cell) => urlOf("quicklook", { connection, acquisition, cell });

/** Return a tile's quicklook as a blob. */
export const quicklook = async (connection, acquisition, cell) => (await request("quicklook", { connection, acquisition, cell })).blob();
