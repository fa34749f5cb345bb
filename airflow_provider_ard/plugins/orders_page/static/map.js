// The map: land and borders that come with the page, the area of every order in the list, the tiles of the selected one.

import { make } from "./format.js";

const COLORS = ["land", "coast", "line", "label", "running", "succeeded", "failed", "unknown", "select", "halo"];

function colors() {
  const styles = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLORS.map((name) => [name, styles.getPropertyValue(`--map-${name}`).trim()]));
}

/** A layer that draws itself on one canvas the size of the map. */
const Drawing = L.Layer.extend({
  initialize(pane, draw) {
    this.pane = pane;
    this.drawOn = draw;
  },
  onAdd(map) {
    this.canvas = L.DomUtil.create("canvas", "drawing", map.getPane(this.pane));
    map.on("moveend resize viewreset", this.redraw, this);
    this.redraw();
  },
  onRemove(map) {
    this.canvas.remove();
    map.off("moveend resize viewreset", this.redraw, this);
  },
  redraw() {
    if (!this._map) return;
    const { x, y } = this._map.getSize();
    const scale = window.devicePixelRatio || 1;
    L.DomUtil.setPosition(this.canvas, this._map.containerPointToLayerPoint([0, 0]));
    Object.assign(this.canvas, { width: x * scale, height: y * scale });
    Object.assign(this.canvas.style, { width: `${x}px`, height: `${y}px` });
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    this.drawOn(pen, this._map, x, y);
  },
});

const STEPS = [90, 45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];

/** Meridians and parallels with their degrees, and the names of countries where there is room. */
function drawGrid(pen, map, width, height, ink, countries) {
  const bounds = map.getBounds();
  const degrees = bounds.getEast() - bounds.getWest();
  const step = STEPS.find((one) => (degrees / one) * 90 >= width * 0.75) ?? STEPS.at(-1);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const at = (lat, lng) => map.latLngToContainerPoint([lat, lng]);
  const lines = (from, to) => Array.from({ length: Math.floor(to / step) - Math.ceil(from / step) + 1 }, (_, n) => (Math.ceil(from / step) + n) * step);
  pen.lineWidth = 1;
  pen.strokeStyle = ink.line;
  pen.fillStyle = ink.label;
  pen.font = "10px system-ui, sans-serif";
  pen.beginPath();
  const labels = [];
  for (const lng of lines(Math.max(-180, bounds.getWest()), Math.min(180, bounds.getEast()))) {
    const x = Math.round(at(0, lng).x) + 0.5;
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    if (x > 40 && x < width - 70) labels.push([`${Math.abs(lng).toFixed(digits)}° ${lng < 0 ? "W" : "E"}`, x + 3, 12]);
  }
  for (const lat of lines(Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth()))) {
    const y = Math.round(at(lat, 0).y) + 0.5;
    pen.moveTo(0, y);
    pen.lineTo(width, y);
    const name = `${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? "S" : "N"}`;
    if (y > 30 && y < height - 20) labels.push([name, width - 4 - pen.measureText(name).width, y - 3]);
  }
  pen.stroke();
  for (const label of labels) pen.fillText(...label);
  if (map.getZoom() < 3) return;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "center";
  const taken = [];
  for (const { name, lat, lng, size } of countries) {
    const { x, y } = at(lat, lng);
    const wide = pen.measureText(name).width;
    if (x < 0 || y < 0 || x > width || y > height || size * 2 ** map.getZoom() < wide * 1.2) continue;
    if (taken.some(([left, top, w]) => Math.abs(left - x) < (w + wide) / 2 + 8 && Math.abs(top - y) < 14)) continue;
    taken.push([x, y, wide]);
    pen.lineWidth = 3;
    pen.strokeStyle = ink.halo;
    pen.strokeText(name, x, y);
    pen.fillText(name, x, y);
  }
}

/** Draw a ring that crosses the antimeridian on one side of it: its edges would run across the whole map. */
function unbroken(ring) {
  const crosses = ring.some(([lng, lat], at) => at && lat > -60 && Math.abs(lng - ring[at - 1][0]) > 180);
  return crosses ? ring.map(([lng, lat]) => [lng < 0 ? lng + 360 : lng, lat]) : ring;
}

/** Where to write each country's name: in the middle of its largest part. `size`: its width in pixels at zoom 0. */
function namePlaces(features) {
  return features
    .flatMap(({ properties, geometry }) => {
      const rings = geometry.type === "Polygon" ? [geometry.coordinates[0]] : geometry.coordinates.map((polygon) => polygon[0]);
      const boxes = rings.map((ring) => {
        const [xs, ys] = [ring.map((point) => point[0]), ring.map((point) => point[1])];
        return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      });
      const [west, south, east, north] = boxes.reduce((one, other) =>
        (one[2] - one[0]) * (one[3] - one[1]) >= (other[2] - other[0]) * (other[3] - other[1]) ? one : other,
      );
      return [{ name: properties.name, lat: (south + north) / 2, lng: (west + east) / 2, size: ((east - west) / 360) * 256 }];
    })
    .sort((one, other) => other.size - one.size);
}

export class OrderMap {
  /** `onSelect(row)` is called with the order that was clicked. */
  constructor(element, world, onSelect) {
    this.rows = [];
    this.selected = null;
    this.ink = colors();
    this.countries = [];
    const map = L.map(element, {
      zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, inertia: false, zoomSnap: 0.5, minZoom: 0.5, maxZoom: 15,
      maxBounds: [[-85, -200], [85, 200]], worldCopyJump: false, attributionControl: true,
    });
    this.map = map;
    map.attributionControl.setPrefix(false).addAttribution("Land: Natural Earth");
    L.control.scale({ imperial: false }).addTo(map);
    for (const [name, index] of [["land", 210], ["graticule", 220], ["orders", 410], ["tiles", 420]]) map.createPane(name).style.zIndex = index;
    for (const name of ["graticule", "orders"]) map.getPane(name).style.pointerEvents = "none";
    map.setView([20, 0], 1);
    this.grid = new Drawing("graticule", (pen, _, x, y) => drawGrid(pen, map, x, y, this.ink, this.countries)).addTo(map);
    this.areas = new Drawing("orders", (pen) => this.drawAreas(pen)).addTo(map);
    this.tiles = L.layerGroup().addTo(map);
    this.renderer = L.canvas({ pane: "tiles" });
    map.on("click", (event) => {
      const row = this.rowAt(event.containerPoint);
      if (row) onSelect(row);
    });
    map.on("mousemove", (event) => {
      element.classList.toggle("pointing", Boolean(this.rowAt(event.containerPoint)));
    });
    window.addEventListener("themechange", () => this.recolour());
    new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(element);
    fetch(world).then((answer) => answer.json()).then((topology) => this.addLand(topology));
  }

  addLand(topology) {
    const { features } = topojson.feature(topology, topology.objects.countries);
    for (const { geometry } of features) {
      const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
      for (const rings of polygons) rings.splice(0, rings.length, ...rings.map(unbroken));
    }
    this.countries = namePlaces(features);
    this.land = L.geoJSON(features, {
      pane: "land", renderer: L.canvas({ pane: "land", padding: 0.2 }), interactive: false, style: () => this.landStyle(),
    }).addTo(this.map);
    this.grid.redraw();
  }

  landStyle() {
    return { color: this.ink.coast, weight: 0.7, fillColor: this.ink.land, fillOpacity: 1 };
  }

  recolour() {
    this.ink = colors();
    this.land?.setStyle(this.landStyle());
    this.grid.redraw();
    this.areas.redraw();
    if (this.shown) this.showTiles(this.shown, false);
  }

  /** Show the areas of these orders; `fit`: and move so that all of them are in sight. */
  show(rows, { fit = false } = {}) {
    this.rows = rows.filter((row) => row.bbox);
    this.areas.redraw();
    if (fit && this.rows.length && !this.selected) this.fit(this.rows.map((row) => row.bbox));
  }

  fit(boxes) {
    const bounds = L.latLngBounds([]);
    for (const [west, south, east, north] of boxes) bounds.extend([south, west]).extend([north, east < west ? east + 360 : east]);
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [28, 28], maxZoom: 11.5 });
  }

  rectangle({ bbox: [west, south, east, north] }) {
    const { x: left, y: top } = this.map.latLngToContainerPoint([north, west]);
    const { x: right, y: bottom } = this.map.latLngToContainerPoint([south, east < west ? east + 360 : east]);
    // So small that it would not be seen: a dot.
    const [wide, high] = [Math.max(7, right - left), Math.max(7, bottom - top)];
    return [(left + right - wide) / 2, (top + bottom - high) / 2, wide, high];
  }

  drawAreas(pen) {
    const { x: width, y: height } = this.map.getSize();
    pen.lineWidth = 1.2;
    // Many areas over one another must not hide each other, and none of them the tiles of the selected order.
    const faint = this.selected ? 0 : 0.35 / Math.sqrt(Math.max(1, this.rows.length / 8));
    const draw = (row, isSelected) => {
      const [left, top, wide, high] = this.rectangle(row);
      if (left > width || top > height || left + wide < 0 || top + high < 0) return;
      pen.beginPath();
      if (wide === 7 && high === 7) pen.arc(left + 3.5, top + 3.5, isSelected ? 5 : 3.2, 0, 7);
      else pen.rect(left, top, wide, high);
      pen.fillStyle = pen.strokeStyle = isSelected ? this.ink.select : this.ink[row.state];
      pen.globalAlpha = isSelected ? (this.shown ? 0 : 0.25) : wide > 12 ? faint : 0.4;
      pen.fill();
      pen.globalAlpha = isSelected ? 1 : this.selected ? 0.3 : 0.75;
      pen.stroke();
    };
    for (const row of this.rows) if (row.id !== this.selected) draw(row, false);
    const chosen = this.rows.find((row) => row.id === this.selected);
    if (chosen) draw(chosen, true);
    pen.globalAlpha = 1;
  }

  /** The smallest of the areas at a point. */
  rowAt({ x, y }) {
    let [best, least] = [null, Infinity];
    for (const row of this.rows) {
      const [left, top, wide, high] = this.rectangle(row);
      if (x >= left - 2 && y >= top - 2 && x <= left + wide + 2 && y <= top + high + 2 && wide * high < least) [best, least] = [row, wide * high];
    }
    return best;
  }

  select(row) {
    this.selected = row?.id ?? null;
    this.shown = null;
    this.tiles.clearLayers();
    this.areas.redraw();
    if (row?.bbox) this.fit([row.bbox]);
  }

  /** Draw the cells of an order, each with what was ordered in it, and its area of interest. */
  showTiles(details, fit = true) {
    this.shown = details;
    this.tiles.clearLayers();
    const ink = this.ink;
    const most = Math.max(1, ...details.cells.map(([, , tiles]) => tiles.length));
    for (const [cell, ring, tiles] of details.cells) {
      const corners = ring.map(([lng, lat]) => [lat, lng]);
      const shape = L.polygon(corners, {
        pane: "tiles", renderer: this.renderer, color: ink.select, weight: 1.2, fillColor: ink.select, fillOpacity: 0.12 + (0.3 * tiles.length) / most,
      });
      const lines = tiles.slice(0, 8).map(([acquisition, date]) => make("div", {}, [date, acquisition].filter(Boolean).join("  ")));
      if (tiles.length > 8) lines.push(make("div", {}, `and ${tiles.length - 8} more`));
      shape.bindTooltip(make("div", {}, make("b", {}, cell), ...lines), { sticky: true, className: "tip" });
      this.tiles.addLayer(shape);
    }
    if (details.aoi) {
      const style = { color: ink.select, weight: 2, dashArray: "5 4", fill: false };
      this.tiles.addLayer(L.geoJSON(details.aoi, { pane: "tiles", renderer: this.renderer, interactive: false, style }));
    }
    this.areas.redraw();
    if (!fit) return;
    // The panel with the order's details has just taken its place.
    this.map.invalidateSize({ pan: false });
    const bounds = L.latLngBounds([]);
    this.tiles.eachLayer((layer) => bounds.extend(layer.getBounds()));
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [28, 28], maxZoom: 13 });
  }
}
