// The panel with the details of the selected order.

import * as format from "./format.js";
import { make } from "./format.js";
import { orderUrl, runUrl, taskUrl } from "./airflow.js";
import { status } from "./table.js";

const CLASSES = ["fresh", "standard", "training"];

const entry = (name, ...values) => [make("dt", {}, name), make("dd", {}, ...values)];

function placedBy(row) {
  if (row.map_index === -2) return entry("Placed by", "a DAG that was deleted or that you do not have permission to read");
  if (!row.dag) return entry("Placed by", "outside of Airflow");
  const index = row.map_index >= 0 ? ` [${row.map_index}]` : "";
  return [
    ...entry("Task", make("a", { href: taskUrl(row) }, `${row.dag} · ${row.task}${index}`)),
    ...entry("DAG run", make("a", { href: runUrl(row) }, row.run)),
  ];
}

function prices({ usage }, row) {
  if (!usage) return [];
  const parts = CLASSES.map((name) => [name, usage.area[`${name}_imagery_sqkm`] ?? 0, usage.cost[`${name}_imagery_cost`] ?? null]).filter(([, area]) => area > 0);
  const cells = parts.map(([name, area, cost]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, format.area(area)), make("td", {}, format.cost(cost))));
  if (parts.length < 2) return [];
  const total = make("tr", { className: "total" }, make("th", { scope: "row" }, row.estimate ? "total, estimated" : "total"), make("td", {}, format.area(row.area)), make("td", {}, format.cost(row.cost)));
  const head = make("tr", {}, make("th", {}, make("span", { className: "unseen" }, "Imagery")), make("th", { scope: "col" }, "km²"), make("th", { scope: "col" }, "Cost"));
  return [make("table", { className: "prices" }, make("thead", {}, head), make("tbody", {}, ...cells, total))];
}

const settings = (details) => Object.entries(details.settings).filter(([name, value]) => !(name === "bundle_adjust" && value === false)).map(([name, value]) => `${name}: ${value}`);

const metadata = (details) => Object.entries(details.metadata).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);

function acquisitions(details) {
  const { row } = details;
  if (details.select_id) return entry("Select", details.select_id);
  if (!row.acquisitions) return [];
  const names = details.acquisitions.map(([name, cells]) => make("li", {}, make("code", {}, name), cells ? ` ${cells} ${cells === 1 ? "cell" : "cells"}` : ""));
  if (row.acquisitions > names.length) names.push(make("li", {}, `and ${row.acquisitions - names.length} more`));
  return entry(row.acquisitions === 1 ? "Acquisition" : `${format.count(row.acquisitions)} acquisitions`, make("ul", {}, ...names));
}

/** The content of the map as text: each cell and its tiles. */
function cells(details, isOpen) {
  const tile = ([acquisition, date]) => [date, acquisition].filter(Boolean).join(" ");
  const items = details.cells.map(([cell, , tiles]) => make("li", {}, make("code", {}, cell), ` ${tiles.map(tile).join(", ")}`));
  return make("details", { className: "cells", open: isOpen }, make("summary", {}, "Cells and dates"), make("ul", {}, ...items));
}

/** Fill the panel for a row; `details` is null while they load, `problem` is the reason if that failed; `quicklooks`: their section. */
export function fill(panel, row, { connection, details, quicklooks, problem, isTab, onClose }) {
  const duration = row.finished !== null && row.created !== null ? format.span(row.finished - row.created) : null;
  const close = make("button", { type: "button", className: "close", "aria-label": "Close", title: "Close (Esc)" }, "×");
  close.addEventListener("click", onClose);
  const tiles = details ? details.cells.reduce((sum, [, , stack]) => sum + stack.length, 0) : null;
  const facts = [
    ...(row.message ? entry("Message", row.message) : []),
    ...(row.cost === null ? [] : entry("Cost", make("b", {}, format.cost(row.cost)), row.estimate ? ", estimated" : "")),
    ...(row.area === null ? [] : entry("Area", `${format.area(row.area)} km²`)),
    ...entry("Placed", row.created === null ? "unknown" : `${format.time(row.created)}, ${format.age(row)} ago`),
    ...(duration ? entry("Took", duration) : []),
    ...placedBy(row),
    ...(row.destination ? entry("Destination", make("code", {}, row.destination)) : []),
    ...(details?.collection ? entry("Collection", make("code", {}, details.collection)) : []),
    ...(tiles ? entry("Tiles", `${format.count(tiles)} in ${format.count(details.cells.length)} ${details.cells.length === 1 ? "cell" : "cells"}`) : []),
    ...(details ? acquisitions(details) : []),
    ...(details && settings(details).length ? entry("Settings", settings(details).join(", ")) : []),
    ...(details && metadata(details).length ? entry("Metadata", metadata(details).join(", ")) : []),
  ];
  // Keep the open section and the focus when the same order is rendered again.
  const isSame = panel.dataset.order === row.id;
  const isOpen = isSame && Boolean(panel.querySelector(".cells")?.open);
  const focused = panel.contains(document.activeElement) ? (document.activeElement.closest("summary") ? "summary" : ".close") : null;
  panel.dataset.order = row.id;
  const title = make("h2", {}, status(row), make("span", { className: "mono" }, row.id));
  panel.replaceChildren(
    make("div", { className: "title" }, title, make("span", { className: "grow" }), isTab ? make("a", { href: orderUrl(connection, row.id) }, "All orders") : close),
    ...(details ? prices(details, row) : []),
    make("dl", {}, ...facts),
    ...(quicklooks ? [quicklooks] : []),
    ...(tiles ? [cells(details, isOpen)] : []),
    ...(problem ? [make("p", { className: "problem", role: "alert" }, problem)] : details ? [] : [make("p", { className: "quiet" }, "Loading tiles …")]),
    ...(details?.note ? [make("p", { className: "quiet" }, details.note)] : []),
  );
  panel.hidden = false;
  if (focused) panel.querySelector(focused)?.focus();
}
