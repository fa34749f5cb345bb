// The page: it fetches the orders, keeps them up to date, and lets table, map and panel show them.

import { asked, base, followLinks, remember } from "./airflow.js";
import { Orders, connections, orderDetails, taskOrders } from "./data.js";
import { Filters, sums } from "./filters.js";
import * as format from "./format.js";
import { make } from "./format.js";
import { Looks } from "./looks.js";
import { fill } from "./panel.js";
import { Table } from "./table.js";

const EVERY_MS = 10_000;
const SOON_MS = 150;

const $ = (id) => document.getElementById(id);
const wanted = asked();
const task = wanted.dag_id ? { ...wanted, map_index: /^\d+$/.test(wanted.map_index) ? Number(wanted.map_index) : null } : null;

const state = { rows: [], shown: [], connection: "", selected: null, details: null, paused: false, updated: null, complete: false, problems: {} };
let orders = null;
let looks = null;

const table = new Table({ head: $("head"), scroll: $("scroll"), body: $("rows"), grid: $("grid"), onSelect: (row) => select(row) });
const filters = new Filters($("filters"), () => draw({ fit: true }));
let map = null;

followLinks();
start();

async function start() {
  $("pause").addEventListener("click", pause);
  document.addEventListener("visibilitychange", () => looks?.now());
  document.addEventListener("keydown", (event) => event.key === "Escape" && state.selected && !task && close());
  setInterval(tell, 1_000);
  try {
    const known = await connections();
    if (wanted.connection && !known.includes(wanted.connection)) known.unshift(wanted.connection);
    if (!known.length) return nothing();
    task ? startTask(known) : startPage(known);
  } catch (error) {
    complain(error);
  }
}

/** Look from now on in this way, and no longer in another one. A pause begins when all has been shown once. */
function lookBy(look) {
  looks?.end();
  looks = new Looks(look, () => state.paused && state.complete);
  looks.now();
}

// One connection's orders -----------------------------------------------------------------------------------------

function startPage(known) {
  const list = $("connection");
  list.replaceChildren(...known.map((id) => make("option", { value: id }, id)));
  list.value = wanted.connection || (known.includes("ard_default") ? "ard_default" : known[0]);
  list.addEventListener("change", () => open(list.value));
  open(list.value, wanted.order);
}

function open(connection, order = null) {
  select(null);
  Object.assign(state, { connection, rows: [], complete: false, updated: null, problems: {}, wanted: order });
  orders = new Orders(connection);
  remember({ connection, order });
  draw({ fit: true });
  const mine = orders;
  lookBy(() => refresh(mine));
}

async function refresh(mine) {
  try {
    const answer = await mine.refresh();
    if (mine !== orders) return null;
    const first = !state.complete;
    Object.assign(state, { complete: mine.complete, updated: Date.now() });
    if (answer.changed) {
      state.rows = [...mine.rows.values()];
      draw({ fit: first });
    } else if (first) draw({ fit: true });
    if (state.late && mine.rows.has(state.late)) {
      table.reveal(state.late);
      state.late = null;
    }
    answer.error ? complain(answer.error) : settle();
    if (state.wanted) await showWanted(mine);
    return answer.complete || answer.error ? EVERY_MS : SOON_MS;
  } catch (error) {
    if (mine !== orders) return null;
    complain(error);
    return error.status === 401 || error.status === 403 ? null : EVERY_MS;
  }
}

/** Select the order of a link. The list may not show it yet, or no longer: then the order itself tells its row. */
async function showWanted(mine) {
  const id = state.wanted;
  let row = mine.rows.get(id);
  let details = null;
  if (!row) {
    try {
      details = await orderDetails(mine.connection, id);
      row = details.row;
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    // Meanwhile another one may have been chosen.
    if (mine !== orders || state.wanted !== id) return;
  }
  state.wanted = null;
  if (!row) return complain({ message: `Connection ${mine.connection} knows no order ${id}.` }, "order");
  select(row, details);
  if (details) state.late = id;
  else table.reveal(id);
}

// The orders of one task ------------------------------------------------------------------------------------------

function startTask(known) {
  document.body.classList.add("task");
  $("title").textContent = "ARD orders of this task";
  lookBy(async () => {
    const answers = await Promise.allSettled(known.map((connection) => taskOrders(connection, task)));
    const rows = answers.flatMap((answer) => answer.value ?? []);
    const failed = answers.find((answer) => answer.status === "rejected");
    const own = rows.filter((row) => row.task === task.task_id && (task.map_index === null || row.map_index === task.map_index));
    $("title").textContent = own.length || !rows.length ? "ARD orders of this task" : "This task has placed no order. Orders of this DAG run:";
    Object.assign(state, { rows: own.length ? own : rows, complete: true, updated: Date.now() });
    draw({ fit: !state.selected });
    failed && !rows.length ? complain(failed.reason) : settle();
    if (!state.selected && state.rows.length) select(state.rows.toSorted((one, other) => other.created - one.created)[0]);
    return EVERY_MS;
  });
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

function select(row, details = null) {
  state.selected = row;
  if (row) {
    Object.assign(state, { wanted: null, late: null });
    settle("order");
  }
  table.select(row?.id ?? null);
  withMap((it) => it.select(row));
  if (!task) remember({ connection: state.connection, order: row?.id });
  if (!row) {
    $("details").hidden = true;
    document.body.classList.remove("has-details");
    return;
  }
  document.body.classList.add("has-details");
  loadDetails(row, details);
}

/** Close the panel. Who was in it goes on at the order's row. */
function close() {
  const { id } = state.selected;
  const at = document.activeElement;
  const isLost = at === document.body || $("details").contains(at);
  select(null);
  if (isLost) table.focus(id);
}

async function loadDetails(row, known = null) {
  const connection = row.connection ?? state.connection;
  const show = (more) => fill($("details"), row, { connection, details: null, problem: null, alone: Boolean(task), onClose: close, ...more });
  const current = () => state.selected?.id === row.id;
  if (state.details?.row.id !== row.id) show({});
  try {
    const details = known ?? (await orderDetails(connection, row.id));
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

/** Say what has gone wrong with the list, or with the order of a link, until that is settled. */
function complain(error, what = "list") {
  state.problems[what] = error;
  if (state.updated === null) state.updated = Date.now();
  drawEmpty();
  tellProblem();
}

function settle(what = "list") {
  delete state.problems[what];
  tellProblem();
}

function tellProblem() {
  const problem = state.problems.list ?? state.problems.order;
  $("problem").hidden = !problem;
  if (problem) {
    const place = problem.status === 401 ? ["Log in", `${base}/`] : /Mend/.test(problem.advice ?? "") ? ["Connections", `${base}/connections`] : null;
    const words = [problem.message, problem.advice].filter(Boolean).join(" ");
    if ($("problem").firstChild?.data !== words) $("problem").replaceChildren(words, ...(place ? [" ", make("a", { href: place[1] }, place[0])] : []));
  }
  tell();
}

function pause() {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  $("pause").textContent = state.paused ? "Go on" : "Pause";
  if (!state.paused) looks?.now();
  tell();
}

function tell() {
  const live = $("live");
  live.dataset.state = state.problems.list ? "failed" : state.paused ? "paused" : "live";
  const since = state.updated === null ? null : Math.round((Date.now() - state.updated) / 1000);
  let words = "Loading …";
  if (state.problems.list) words = "Not up to date";
  else if (since !== null && !state.complete && orders) words = `Loading, ${format.count(state.rows.length)} so far`;
  else if (since !== null) words = state.paused ? `Paused, as of ${since} s ago` : since < 3 ? "Up to date" : `Updated ${since} s ago`;
  if ($("updated").textContent !== words) $("updated").textContent = words;
}
