// The page: it fetches the orders, keeps them up to date, and lets table, map and panel show them.

import { asked, base, followLinks, remember } from "./airflow.js";
import { Orders, connections, orderDetails, runOrders } from "./data.js";
import { Filters, sums } from "./filters.js";
import * as format from "./format.js";
import { make } from "./format.js";
import { fill } from "./panel.js";
import { Table } from "./table.js";

const EVERY_MS = 10_000;
const SOON_MS = 150;

const $ = (id) => document.getElementById(id);
const wanted = asked();
const task = wanted.dag_id ? wanted : null;

const state = { rows: [], shown: [], connection: "", selected: null, details: null, paused: false, updated: null, complete: false };
let orders = null;
let timer = null;
let columns = null;

const table = new Table({ head: $("head"), scroll: $("scroll"), body: $("rows"), grid: $("grid"), onSelect: (row) => select(row) });
const filters = new Filters($("filters"), () => draw({ fit: true }));
let map = null;

followLinks();
start();

async function start() {
  $("pause").addEventListener("click", pause);
  document.addEventListener("visibilitychange", () => !document.hidden && schedule(0));
  document.addEventListener("keydown", (event) => event.key === "Escape" && state.selected && !task && select(null));
  setInterval(tell, 1_000);
  try {
    const known = await connections();
    if (wanted.connection && !known.includes(wanted.connection)) known.unshift(wanted.connection);
    if (!known.length) return nothing();
    await (task ? startTask(known) : startPage(known));
  } catch (error) {
    complain(error);
  }
}

// One connection's orders -----------------------------------------------------------------------------------------

async function startPage(known) {
  const list = $("connection");
  list.replaceChildren(...known.map((id) => make("option", { value: id }, id)));
  list.value = wanted.connection || (known.includes("ard_default") ? "ard_default" : known[0]);
  list.addEventListener("change", () => open(list.value));
  open(list.value, wanted.order);
}

function open(connection, order = null) {
  select(null);
  Object.assign(state, { connection, rows: [], complete: false, updated: null });
  orders = new Orders(connection);
  remember({ connection, order });
  if (order) state.wanted = order;
  draw({ fit: true });
  schedule(0);
}

function schedule(after) {
  clearTimeout(timer);
  timer = setTimeout(refresh, after);
}

async function refresh() {
  if (document.hidden) return;
  const mine = orders;
  try {
    const answer = await mine.refresh();
    if (mine !== orders) return;
    columns = answer.columns;
    const first = !state.complete;
    Object.assign(state, { complete: answer.complete, updated: Date.now(), total: answer.count });
    if (answer.changed) {
      state.rows = [...mine.rows.values()];
      draw({ fit: first });
    } else if (first) draw({ fit: true });
    answer.error ? complain(answer.error) : settle();
    if (state.wanted && (mine.rows.has(state.wanted) || answer.complete)) showWanted();
    if (!answer.complete && !answer.error) return schedule(SOON_MS);
  } catch (error) {
    if (mine !== orders) return;
    complain(error);
    if (error.status === 401 || error.status === 403) return;
  }
  if (!state.paused) schedule(EVERY_MS);
}

function showWanted() {
  const row = orders.rows.get(state.wanted);
  if (row) {
    select(row);
    table.reveal(row.id);
  } else {
    complain({ message: `Connection ${state.connection} knows no order ${state.wanted}.` });
  }
  state.wanted = null;
}

// The orders of one task ------------------------------------------------------------------------------------------

async function startTask(known) {
  document.body.classList.add("task");
  $("title").textContent = "ARD orders of this task";
  const look = async () => {
    if (document.hidden) return;
    const answers = await Promise.allSettled(known.map((connection) => runOrders(connection, task)));
    const rows = answers.flatMap((answer) => answer.value ?? []);
    const failed = answers.find((answer) => answer.status === "rejected");
    const index = /^\d+$/.test(task.map_index) ? Number(task.map_index) : null;
    const own = rows.filter((row) => row.task === task.task_id && (index === null || row.map_index === index));
    $("title").textContent = own.length || !rows.length ? "ARD orders of this task" : "This task has placed no order. Orders of this DAG run:";
    Object.assign(state, { rows: own.length ? own : rows, complete: true, updated: Date.now() });
    draw({ fit: !state.selected });
    failed && !rows.length ? complain(failed.reason) : settle();
    if (!state.selected && state.rows.length) select(state.rows.toSorted((one, other) => other.created - one.created)[0]);
  };
  await look();
  timer = setInterval(() => !state.paused && look(), EVERY_MS);
}

// What is seen ----------------------------------------------------------------------------------------------------

function draw({ fit = false } = {}) {
  state.shown = filters.apply(state.rows);
  table.show(state.shown);
  $("sums").replaceChildren(...(state.rows.length ? sums(state.shown) : []));
  drawEmpty();
  withMap((it) => it.show(state.shown, { fit }));
  const current = state.selected && state.rows.find((row) => row.id === state.selected.id);
  if (current && (current.status !== state.selected.status || current.finished !== state.selected.finished)) {
    state.selected = current;
    loadDetails(current);
  }
}

function drawEmpty() {
  const empty = $("empty");
  empty.hidden = state.shown.length > 0;
  if (!empty.hidden && state.updated === null) empty.replaceChildren(...Array.from({ length: 8 }, () => make("div", { className: "ghost" })));
  else if (!state.rows.length && !state.complete) empty.replaceChildren();
  else if (!state.rows.length) {
    const words = task
      ? ["No ARD order", "Neither this task nor another one of its run has placed an order that you may see."]
      : ["No orders yet", "What ArdOrderOperator orders through this Connection appears here."];
    empty.replaceChildren(make("h2", {}, words[0]), make("p", {}, words[1]));
  } else empty.replaceChildren(make("h2", {}, "No order matches"), make("p", {}, "Choose another status, DAG, text or time."));
}

function nothing() {
  state.updated = Date.now();
  $("connection-label").hidden = true;
  $("filters").hidden = true;
  $("empty").hidden = false;
  $("empty").replaceChildren(
    make("h2", {}, "No Connection of type Maxar ARD"),
    make("p", {}, "There is none, or none that you may read. ", make("a", { href: `${base}/connections` }, "Connections")),
  );
  tell();
}

function select(row) {
  state.selected = row;
  table.select(row?.id ?? null);
  withMap((it) => it.select(row));
  if (!task) remember({ connection: state.connection, order: row?.id });
  if (!row) {
    $("details").hidden = true;
    document.body.classList.remove("has-details");
    return;
  }
  document.body.classList.add("has-details");
  loadDetails(row);
}

async function loadDetails(row) {
  const connection = row.connection ?? state.connection;
  const show = (more) => fill($("details"), row, { connection, details: null, problem: null, alone: Boolean(task), onClose: () => select(null), ...more });
  const current = () => state.selected?.id === row.id;
  if (state.details?.row.id !== row.id) show({});
  try {
    const details = await orderDetails(connection, row.id, columns ?? Object.keys(row).filter((name) => name !== "connection"));
    if (!current()) return;
    state.details = details;
    show({ details });
    withMap((it) => it.showTiles(details));
  } catch (error) {
    if (current()) show({ problem: [error.message, error.advice].filter(Boolean).join(" ") });
  }
}

async function withMap(act) {
  // The list is there first; the map's library and the land come after it.
  if (!map) {
    map = (async () => {
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      await Promise.all(["vendor/leaflet.js", "vendor/topojson-client.min.js"].map(script));
      const { OrderMap } = await import("./map.js");
      return new OrderMap($("map"), beside("vendor/countries-50m.json"), (row) => {
        select(row);
        table.reveal(row.id);
      });
    })();
  }
  act(await map);
}

const beside = (path) => new URL(path, import.meta.url).href;

function script(path) {
  return new Promise((done, fail) => {
    document.head.append(make("script", { src: beside(path), onload: done, onerror: fail }));
  });
}

function complain(error) {
  const parts = [error.message, error.advice].filter(Boolean).join(" ");
  const place = error.status === 401 ? ["Log in", `${base}/`] : /Mend/.test(error.advice ?? "") ? ["Connections", `${base}/connections`] : null;
  $("problem").replaceChildren(parts, ...(place ? [" ", make("a", { href: place[1] }, place[0])] : []));
  $("problem").hidden = false;
  if (state.updated === null) state.updated = Date.now();
  state.failed = true;
  drawEmpty();
  tell();
}

function settle() {
  state.failed = false;
  $("problem").hidden = true;
  tell();
}

function pause() {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  $("pause").textContent = state.paused ? "Go on" : "Pause";
  if (!state.paused && !task) schedule(0);
  tell();
}

function tell() {
  const live = $("live");
  live.dataset.state = state.failed ? "failed" : state.paused ? "paused" : "live";
  const since = state.updated === null ? null : Math.round((Date.now() - state.updated) / 1000);
  let words = "Loading …";
  if (state.failed) words = "Not up to date";
  else if (since !== null && !state.complete && orders) words = `Loading, ${format.count(state.rows.length)} so far`;
  else if (since !== null) words = state.paused ? `Paused, as of ${since} s ago` : since < 3 ? "Up to date" : `Updated ${since} s ago`;
  if ($("updated").textContent !== words) $("updated").textContent = words;
}
