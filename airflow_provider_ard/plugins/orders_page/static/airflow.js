// The page's environment in Airflow: base path, parameters, address and links.

// Airflow may be served below a path; this page is at <base>/ard-orders/.
export const base = location.pathname.replace(/\/ard-orders\/.*$/, "");

function parentWindow() {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null;
  }
}

/** Return the parameters of the page, from its own URL or from that of the Airflow page around it. */
export function parseRequest() {
  const params = new URLSearchParams(location.search);
  if (!params.has("order") && !params.has("dag_id") && parentWindow()) {
    const outer = new URLSearchParams(parentWindow().location.search);
    for (const name of ["order", "connection"]) if (outer.has(name)) params.set(name, outer.get(name));
  }
  // Airflow leaves placeholders without a value unchanged.
  const value = (name) => (/^\{.*\}$/.test(params.get(name) ?? "") ? "" : (params.get(name) ?? ""));
  const names = ["connection", "order", "dag_id", "run_id", "task_id", "map_index"];
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

/** Write the selection to the address, so that it can be shared and reloaded. */
export function updateAddress(selection) {
  const query = new URLSearchParams(Object.entries(selection).filter(([, value]) => value));
  const search = query.size ? `?${query}` : "";
  history.replaceState(null, "", `${location.pathname}${search}`);
  const outer = parentWindow();
  if (outer?.location.pathname.includes("/plugin/ard-orders")) {
    outer.history.replaceState(outer.history.state, "", `${outer.location.pathname}${search}`);
  }
}

/** Open links to Airflow's pages in Airflow's window: this page's frame must not navigate it. */
export function followLinks() {
  const follow = (event) => {
    const link = event.target.closest?.("a[href]");
    const outer = parentWindow();
    if (!link || !outer || (event.type === "auxclick" && event.button !== 1)) return;
    event.preventDefault();
    const proxy = outer.document.createElement("a");
    proxy.href = link.href;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.type === "auxclick" || link.target === "_blank") {
      proxy.target = "_blank";
      proxy.rel = "noopener";
    }
    outer.document.body.append(proxy);
    proxy.click();
    proxy.remove();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", follow);
}

const part = encodeURIComponent;

export const runUrl = (row) => `${base}/dags/${part(row.dag)}/runs/${part(row.run)}`;

export function taskUrl(row) {
  const mapped = row.map_index >= 0 ? `/mapped/${row.map_index}` : "";
  return `${runUrl(row)}/tasks/${part(row.task)}${mapped}`;
}

export const orderUrl = (connection, order) =>
  `${base}/plugin/ard-orders?${new URLSearchParams({ connection, order })}`;
