// Loads the map's library and data when the browser is idle: the table comes first.

import { make } from "./format.js";

/** Return a map in `element`. `onSelect(row)` is called with the order that was clicked. */
export async function createMap(element, onSelect) {
  await idle();
  await Promise.all([style("vendor/leaflet.css"), script("vendor/leaflet.js")]);
  const { OrderMap } = await import("./map.js");
  return new OrderMap(element, onSelect);
}

/** Draw land and borders, unless that was done before. */
export async function addLand(map) {
  if (map.hasLand) return;
  map.hasLand = true;
  await idle();
  const land = fetch(urlOf("vendor/countries-50m.json")).then((response) => response.json());
  await script("vendor/topojson-client.min.js");
  map.addLand(await land);
}

const idle = () => new Promise((done) => (window.requestIdleCallback ? requestIdleCallback(done, { timeout: 500 }) : setTimeout(done, 50)));

const urlOf = (path) => new URL(path, import.meta.url).href;

function script(path) {
  return new Promise((done, fail) => {
    document.head.append(make("script", { src: urlOf(path), onload: done, onerror: fail }));
  });
}

/** Load a style sheet that the page's own styles override. */
function style(path) {
  return new Promise((done, fail) => {
    document.head.prepend(make("link", { rel: "stylesheet", href: urlOf(path), onload: done, onerror: fail }));
  });
}
