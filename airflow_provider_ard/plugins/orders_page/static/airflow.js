// This page inside Airflow's: where it is, what it was asked for, and how to leave it.

// Airflow may be served below a path; this page is at <base>/ard-orders/.
export const base = location.pathname.replace(/\/ard-orders\/.*$/, "");

function host() {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null;
  }
}

/** What the page was asked to show: by its own address, or by that of Airflow's page around it. */
export function asked() {
  const own = new URLSearchParams(location.search);
  if (!own.has("order") && !own.has("dag_id") && host()) {
    const around = new URLSearchParams(host().location.search);
    for (const name of ["order", "connection"]) if (around.has(name)) own.set(name, around.get(name));
  }
  // A placeholder that Airflow has left as it is stands for nothing.
  const value = (name) => (/^\{.*\}$/.test(own.get(name) ?? "") ? "" : (own.get(name) ?? ""));
  const names = ["connection", "order", "dag_id", "run_id", "task_id", "map_index"];
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

/** Let the address say what is shown, so that it can be shared and reloaded. */
export function remember(shown) {
  const query = new URLSearchParams(Object.entries(shown).filter(([, value]) => value));
  const search = query.size ? `?${query}` : "";
  history.replaceState(null, "", `${location.pathname}${search}`);
  const around = host();
  if (around?.location.pathname.includes("/plugin/ard-orders")) {
    around.history.replaceState(around.history.state, "", `${around.location.pathname}${search}`);
  }
}

/** Follow links to Airflow's own pages in Airflow's window: the frame that this page is in may not lead it away. */
export function followLinks() {
  const follow = (event) => {
    const link = event.target.closest?.("a[href]");
    const around = host();
    if (!link || !around || (event.type === "auxclick" && event.button !== 1)) return;
    event.preventDefault();
    const stand = around.document.createElement("a");
    stand.href = link.href;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.type === "auxclick" || link.target === "_blank") {
      stand.target = "_blank";
      stand.rel = "noopener";
    }
    around.document.body.append(stand);
    stand.click();
    stand.remove();
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
