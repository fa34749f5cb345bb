// The page: loads the orders, keeps them up to date, and shows them in table, map and panel.

import { parseRequest, base, followLinks, updateAddress } from "./airflow.js";
import { Orders, connections, orderDetails, taskOrders } from "./data.js";
import { Filters, totals } from "./filters.js";
import * as format from "./format.js";
import { make } from "./format.js";
import { addLand, createMap } from "./map_loader.js";
import { Poller } from "./poller.js";
import { fill } from "./panel.js";
import { Quicklooks } from "./quicklooks.js";
import { SpendChart } from "./spend_chart.js";
import { Table } from "./table.js";

const POLL_MS = 10_000;
const LOADING_POLL_MS = 150;

const $ = (id) => document.getElementById(id);
const request = parseRequest();
const task = request.dag_id ? { ...request, map_index: /^\d+$/.test(request.map_index) ? Number(request.map_index) : null } : null;

const state = { rows: [], visible: [], connection: "", selected: null, details: null, quicklooks: null, budgets: [], paused: false, updated: null, complete: false, problems: {} };
let orders = null;
let poller = null;

const table = new Table({ head: $("head"), scroll: $("scroll"), body: $("rows"), grid: $("grid"), onSelect: (row) => select(row) });
const filters = new Filters($("filters"), () => draw({ fit: true }));
const spendChart = new SpendChart($("spend"));
let map = null;

followLinks();
start();

async function start() {
  $("pause").addEventListener("click", pause);
  document.addEventListener("visibilitychange", () => poller?.pollNow());
  document.addEventListener("keydown", (event) => event.key === "Escape" && state.selected && !task && close());
  setInterval(updateLiveState, 1_000);
  try {
    const connectionIds = await connections();
    if (request.connection && !connectionIds.includes(request.connection)) connectionIds.unshift(request.connection);
    if (!connectionIds.length) return showNoConnections();
    task ? startTask(connectionIds) : startPage(connectionIds);
  } catch (error) {
    showProblem(error);
  }
}

/** Replace the current poller. A pause takes effect once all orders are loaded. */
function startPolling(poll) {
  poller?.stop();
  poller = new Poller(poll, () => state.paused && state.complete);
  poller.pollNow();
}

// One connection's orders -----------------------------------------------------------------------------------------

function startPage(connectionIds) {
  const list = $("connection");
  list.replaceChildren(...connectionIds.map((id) => make("option", { value: id }, id)));
  list.value = request.connection || (connectionIds.includes("ard_default") ? "ard_default" : connectionIds[0]);
  list.addEventListener("change", () => open(list.value));
  open(list.value, request.order);
}

function open(connection, order = null) {
  select(null);
  Object.assign(state, { connection, rows: [], budgets: [], complete: false, updated: null, problems: {}, request: order });
  orders = new Orders(connection);
  updateAddress({ connection, order });
  draw({ fit: true });
  const source = orders;
  startPolling(() => refresh(source));
}

async function refresh(source) {
  try {
    const response = await source.refresh();
    if (source !== orders) return null;
    const first = !state.complete;
    Object.assign(state, { complete: source.complete, budgets: response.budgets, updated: Date.now() });
    if (response.changed) {
      state.rows = [...source.rows.values()];
      draw({ fit: first });
    } else if (first) draw({ fit: true });
    if (state.scrollToLater && source.rows.has(state.scrollToLater)) {
      table.scrollTo(state.scrollToLater);
      state.scrollToLater = null;
    }
    response.error ? showProblem({ ...response.error, message: response.error.detail }) : clearProblem();
    if (state.request) await showRequestedOrder(source);
    return response.complete || response.error ? POLL_MS : LOADING_POLL_MS;
  } catch (error) {
    if (source !== orders) return null;
    showProblem(error);
    return error.status === 401 || error.status === 403 ? null : POLL_MS;
  }
}

/** Select the order of a link. If the list does not contain it, request the order itself. */
async function showRequestedOrder(source) {
  const id = state.request;
  let row = source.rows.get(id);
  let details = null;
  if (!row) {
    try {
      details = await orderDetails(source.connection, id);
      row = details.row;
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    // The user may have selected another order meanwhile.
    if (source !== orders || state.request !== id) return;
  }
  state.request = null;
  if (!row) return showProblem({ message: `Connection ${source.connection} has no order ${id}.` }, "order");
  select(row, details);
  if (details) state.scrollToLater = id;
  else table.scrollTo(id);
}

// The orders of a task ------------------------------------------------------------------------------------------

function startTask(connectionIds) {
  document.body.classList.add("task");
  $("title").textContent = "ARD orders of this task";
  startPolling(async () => {
    const results = await Promise.allSettled(connectionIds.map((connection) => taskOrders(connection, task)));
    // Two Connections may have the same account.
    const rows = [...new Map(results.flatMap((result) => result.value ?? []).map((row) => [row.id, row])).values()];
    const failed = results.find((result) => result.status === "rejected");
    const own = rows.filter((row) => row.task === task.task_id && (task.map_index === null || row.map_index === task.map_index));
    Object.assign(state, { rows: own.length ? own : rows, complete: true, updated: Date.now() });
    $("title").textContent = rows.length && !own.length ? "No orders of this task. Orders of this DAG run:" : own.length === 1 ? "ARD order of this task" : "ARD orders of this task";
    // The list would repeat the panel.
    document.body.classList.toggle("single", own.length === 1);
    draw({ fit: !state.selected });
    failed && !rows.length ? showProblem(failed.reason) : clearProblem();
    if (!state.selected && state.rows.length) select(state.rows.toSorted((a, b) => b.created - a.created)[0]);
    return POLL_MS;
  });
}

// Rendering ----------------------------------------------------------------------------------------------------

function draw({ fit = false } = {}) {
  state.visible = filters.apply(state.rows);
  table.show(state.visible);
  $("sums").replaceChildren(...(state.rows.length ? totals(state.visible) : []));
  $("spend").hidden = !state.rows.length;
  spendChart.show(state.visible, state.budgets);
  drawEmpty();
  withMap((orderMap) => {
    orderMap.show(state.visible, { fit });
    // Drawing the land takes longer than anything else.
    if (state.complete || state.problems.list) addLand(orderMap);
  });
  const current = state.selected && state.rows.find((row) => row.id === state.selected.id);
  if (current && (current.status !== state.selected.status || current.finished !== state.selected.finished)) {
    state.selected = current;
    loadDetails(current);
  }
}

function drawEmpty() {
  const empty = $("empty");
  empty.hidden = state.visible.length > 0;
  if (!empty.hidden && state.updated === null) empty.replaceChildren(...Array.from({ length: 8 }, () => make("div", { className: "ghost" })));
  else if (!state.rows.length && !state.complete) empty.replaceChildren();
  else if (!state.rows.length) {
    const text = task
      ? ["No ARD order", "Neither this task nor another task of its run has placed an order that you may view."]
      : ["No orders yet", "Orders that ArdOrderOperator places through this Connection appear here."];
    empty.replaceChildren(make("h2", {}, text[0]), make("p", {}, text[1]));
  } else empty.replaceChildren(make("h2", {}, "No order matches"), make("p", {}, "Change the status, DAG, search text or dates."));
}

function showNoConnections() {
  state.updated = Date.now();
  $("connection-label").hidden = true;
  $("filters").hidden = true;
  $("empty").hidden = false;
  $("empty").replaceChildren(
    make("h2", {}, "No Connection of type Maxar ARD"),
    make("p", {}, "None exists, or you do not have permission to read it. ", make("a", { href: `${base}/connections` }, "Connections")),
  );
  updateLiveState();
}

function select(row, details = null) {
  state.selected = row;
  state.quicklooks?.stop();
  state.quicklooks = null;
  if (row) {
    Object.assign(state, { request: null, scrollToLater: null });
    clearProblem("order");
  }
  table.select(row?.id ?? null);
  withMap((orderMap) => orderMap.select(row));
  if (!task) updateAddress({ connection: state.connection, order: row?.id });
  if (!row) {
    $("details").hidden = true;
    document.body.classList.remove("has-details");
    return;
  }
  document.body.classList.add("has-details");
  loadDetails(row, details);
}

/** Close the panel, and move the focus back to the order's row. */
function close() {
  const { id } = state.selected;
  const focused = document.activeElement;
  const isLost = focused === document.body || $("details").contains(focused);
  select(null);
  if (isLost) table.focus(id);
}

async function loadDetails(row, loaded = null) {
  const connection = row.connection ?? state.connection;
  const show = (more) => fill($("details"), row, { connection, details: null, quicklooks: null, problem: null, isTab: Boolean(task), onClose: close, ...more });
  const current = () => state.selected?.id === row.id;
  if (state.details?.row.id !== row.id) show({});
  try {
    const details = loaded ?? (await orderDetails(connection, row.id));
    if (!current()) return;
    state.details = details;
    withMap((orderMap) => orderMap.showTiles(details));
    state.quicklooks ??= new Quicklooks(connection, details, (tile, image) => withMap((orderMap) => orderMap.showQuicklook(tile, image)));
    show({ details, quicklooks: state.quicklooks.element });
  } catch (error) {
    if (current()) show({ problem: [error.message, error.suggestion].filter(Boolean).join(" ") });
  }
}

/** Call `action(map)`. The map is created after the first rows of the table are shown. */
async function withMap(action) {
  if (state.updated === null) return;
  map ??= createMap($("map"), (row) => {
    select(row);
    table.scrollTo(row.id);
  });
  action(await map);
}

/** Show an error of the list, or of the order of a link, until it is cleared. */
function showProblem(error, what = "list") {
  state.problems[what] = error;
  if (state.updated === null) state.updated = Date.now();
  draw();
  updateProblem();
}

function clearProblem(what = "list") {
  delete state.problems[what];
  updateProblem();
}

function updateProblem() {
  const problem = state.problems.list ?? state.problems.order;
  $("problem").hidden = !problem;
  if (problem) {
    const link = problem.status === 401 ? ["Log in", `${base}/`] : problem.fields?.length ? ["Connections", `${base}/connections`] : null;
    const text = [problem.message, problem.suggestion].filter(Boolean).join(" ");
    if ($("problem").firstChild?.data !== text) $("problem").replaceChildren(text, ...(link ? [" ", make("a", { href: link[1] }, link[0])] : []));
  }
  updateLiveState();
}

function pause() {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  $("pause").textContent = state.paused ? "Resume" : "Pause";
  if (!state.paused) poller?.pollNow();
  updateLiveState();
}

function updateLiveState() {
  const live = $("live");
  live.dataset.state = state.problems.list ? "failed" : state.paused ? "paused" : "live";
  const since = state.updated === null ? null : Math.round((Date.now() - state.updated) / 1000);
  let text = "Loading …";
  if (state.problems.list) text = "Update failed";
  else if (since !== null && !state.complete && orders) text = `Loading, ${format.count(state.rows.length)} so far`;
  else if (since !== null) text = state.paused ? `Paused, as of ${since} s ago` : since < 3 ? "Up to date" : `Updated ${since} s ago`;
  if ($("updated").textContent !== text) $("updated").textContent = text;
}
