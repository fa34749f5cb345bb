// The map: land and borders (bundled with the page), the bounding box of each listed order, the tiles of the selected order.

import { make } from "./format.js";

const COLORS = ["land", "coast", "line", "label", "running", "succeeded", "failed", "unknown", "select", "halo"];

function colors() {
  const styles = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLORS.map((name) => [name, styles.getPropertyValue(`--map-${name}`).trim()]));
}

/** A layer that calls `draw` on a canvas of the map's size. */
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
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    this.drawOn(context, this._map, x, y);
  },
});

const STEPS = [90, 45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];

/** Draw meridians and parallels with their degrees, and the names of countries where they fit. */
function drawGrid(context, map, width, height, palette, countries) {
  const bounds = map.getBounds();
  const degrees = bounds.getEast() - bounds.getWest();
  const step = STEPS.find((candidate) => (degrees / candidate) * 90 >= width * 0.75) ?? STEPS.at(-1);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const toPoint = (lat, lng) => map.latLngToContainerPoint([lat, lng]);
  const lines = (from, to) => Array.from({ length: Math.floor(to / step) - Math.ceil(from / step) + 1 }, (_, n) => (Math.ceil(from / step) + n) * step);
  context.lineWidth = 1;
  context.strokeStyle = palette.line;
  context.fillStyle = palette.label;
  context.font = "10px system-ui, sans-serif";
  context.beginPath();
  const labels = [];
  for (const lng of lines(Math.max(-180, bounds.getWest()), Math.min(180, bounds.getEast()))) {
    const x = Math.round(toPoint(0, lng).x) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, height);
    if (x > 40 && x < width - 70) labels.push([`${Math.abs(lng).toFixed(digits)}° ${lng < 0 ? "W" : "E"}`, x + 3, 12]);
  }
  for (const lat of lines(Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth()))) {
    const y = Math.round(toPoint(lat, 0).y) + 0.5;
    context.moveTo(0, y);
    context.lineTo(width, y);
    const name = `${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? "S" : "N"}`;
    if (y > 30 && y < height - 20) labels.push([name, width - 4 - context.measureText(name).width, y - 3]);
  }
  context.stroke();
  for (const label of labels) context.fillText(...label);
  if (map.getZoom() < 3) return;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  const placedLabels = [];
  for (const { name, lat, lng, size } of countries) {
    const { x, y } = toPoint(lat, lng);
    const labelWidth = context.measureText(name).width;
    if (x < 0 || y < 0 || x > width || y > height || size * 2 ** map.getZoom() < labelWidth * 1.2) continue;
    if (placedLabels.some(([left, top, w]) => Math.abs(left - x) < (w + labelWidth) / 2 + 8 && Math.abs(top - y) < 14)) continue;
    placedLabels.push([x, y, labelWidth]);
    context.lineWidth = 3;
    context.strokeStyle = palette.halo;
    context.strokeText(name, x, y);
    context.fillText(name, x, y);
  }
}

/** Move a ring that crosses the antimeridian to one side of it; otherwise its edges would cross the whole map. */
function unwrapRing(ring) {
  const crosses = ring.some(([lng, lat], index) => index && lat > -60 && Math.abs(lng - ring[index - 1][0]) > 180);
  return crosses ? ring.map(([lng, lat]) => [lng < 0 ? lng + 360 : lng, lat]) : ring;
}

/** Return the label position of each country: the center of its largest polygon. `size`: its width in pixels at zoom 0. */
function labelPositions(features) {
  return features
    .flatMap(({ properties, geometry }) => {
      const rings = geometry.type === "Polygon" ? [geometry.coordinates[0]] : geometry.coordinates.map((polygon) => polygon[0]);
      const boxes = rings.map((ring) => {
        const [xs, ys] = [ring.map((point) => point[0]), ring.map((point) => point[1])];
        return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      });
      const [west, south, east, north] = boxes.reduce((a, b) =>
        (a[2] - a[0]) * (a[3] - a[1]) >= (b[2] - b[0]) * (b[3] - b[1]) ? a : b,
      );
      return [{ name: properties.name, lat: (south + north) / 2, lng: (west + east) / 2, size: ((east - west) / 360) * 256 }];
    })
    .sort((a, b) => b.size - a.size);
}

export class OrderMap {
  /** `onSelect(row)` is called with the order that was clicked. */
  constructor(element, onSelect) {
    this.rows = [];
    this.selected = null;
    this.palette = colors();
    this.countries = [];
    this.hasLand = false;
    const map = L.map(element, {
      zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, inertia: false, zoomSnap: 0.5, minZoom: 0.5, maxZoom: 15,
      maxBounds: [[-85, -200], [85, 200]], worldCopyJump: false, attributionControl: true,
    });
    this.map = map;
    map.attributionControl.setPrefix(false).addAttribution("Land: Natural Earth");
    L.control.scale({ imperial: false }).addTo(map);
    for (const [name, index] of [["land", 210], ["graticule", 220], ["quicklooks", 400], ["orders", 410], ["tiles", 420]]) map.createPane(name).style.zIndex = index;
    for (const name of ["graticule", "quicklooks", "orders"]) map.getPane(name).style.pointerEvents = "none";
    map.setView([20, 0], 1);
    this.grid = new Drawing("graticule", (context, _, x, y) => drawGrid(context, map, x, y, this.palette, this.countries)).addTo(map);
    this.quicklooks = new Map();
    this.images = new Drawing("quicklooks", (context) => this.drawQuicklooks(context)).addTo(map);
    this.areas = new Drawing("orders", (context) => this.drawAreas(context)).addTo(map);
    this.tiles = L.layerGroup().addTo(map);
    this.renderer = L.canvas({ pane: "tiles" });
    map.on("click", (event) => {
      const row = this.rowAt(event.containerPoint);
      if (row) onSelect(row);
    });
    map.on("mousemove", (event) => {
      element.classList.toggle("pointing", Boolean(this.rowAt(event.containerPoint)));
    });
    window.addEventListener("themechange", () => this.updateColors());
    new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(element);
  }

  /** Draw the land of a TopoJSON file, with the borders and names of countries. */
  addLand(topology) {
    const { features } = topojson.feature(topology, topology.objects.countries);
    for (const { geometry } of features) {
      const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
      for (const rings of polygons) rings.splice(0, rings.length, ...rings.map(unwrapRing));
    }
    this.countries = labelPositions(features);
    this.land = L.geoJSON(features, {
      pane: "land", renderer: L.canvas({ pane: "land", padding: 0.2 }), interactive: false, style: () => this.landStyle(),
    }).addTo(this.map);
    this.grid.redraw();
  }

  landStyle() {
    return { color: this.palette.coast, weight: 0.7, fillColor: this.palette.land, fillOpacity: 1 };
  }

  updateColors() {
    this.palette = colors();
    this.land?.setStyle(this.landStyle());
    this.grid.redraw();
    this.areas.redraw();
    if (this.details) this.showTiles(this.details, false);
  }

  /** Show the bounding boxes of these orders; `fit`: zoom to all of them. */
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
    // At least seven pixels, so that a small box is visible.
    const [boxWidth, boxHeight] = [Math.max(7, right - left), Math.max(7, bottom - top)];
    return [(left + right - boxWidth) / 2, (top + bottom - boxHeight) / 2, boxWidth, boxHeight];
  }

  drawAreas(context) {
    const { x: width, y: height } = this.map.getSize();
    context.lineWidth = 1.2;
    // Overlapping boxes stay distinguishable, and do not hide the tiles of the selected order.
    const fillAlpha = this.selected ? 0 : 0.35 / Math.sqrt(Math.max(1, this.rows.length / 8));
    const draw = (row, isSelected) => {
      const [left, top, boxWidth, boxHeight] = this.rectangle(row);
      if (left > width || top > height || left + boxWidth < 0 || top + boxHeight < 0) return;
      context.beginPath();
      if (boxWidth === 7 && boxHeight === 7) context.arc(left + 3.5, top + 3.5, isSelected ? 5 : 3.2, 0, 7);
      else context.rect(left, top, boxWidth, boxHeight);
      context.fillStyle = context.strokeStyle = isSelected ? this.palette.select : this.palette[row.state];
      context.globalAlpha = isSelected ? (this.details ? 0 : 0.25) : boxWidth > 12 ? fillAlpha : 0.4;
      context.fill();
      context.globalAlpha = isSelected ? 1 : this.selected ? 0.3 : 0.75;
      context.stroke();
    };
    for (const row of this.rows) if (row.id !== this.selected) draw(row, false);
    const selectedRow = this.rows.find((row) => row.id === this.selected);
    if (selectedRow) draw(selectedRow, true);
    context.globalAlpha = 1;
  }

  /** Return the row of the smallest box at a point. */
  rowAt({ x, y }) {
    let [best, smallestArea] = [null, Infinity];
    for (const row of this.rows) {
      const [left, top, boxWidth, boxHeight] = this.rectangle(row);
      if (x >= left - 2 && y >= top - 2 && x <= left + boxWidth + 2 && y <= top + boxHeight + 2 && boxWidth * boxHeight < smallestArea) [best, smallestArea] = [row, boxWidth * boxHeight];
    }
    return best;
  }

  /** Draw the quicklook of a tile in its cell, instead of the cell's fill. */
  showQuicklook({ cell, ring }, image) {
    this.quicklooks.set(cell, { ring, image });
    this.shapes.get(cell)?.setStyle({ fillOpacity: 0 });
    this.images.redraw();
  }

  drawQuicklooks(context) {
    for (const { ring, image } of this.quicklooks.values()) {
      // The ring begins in the south west and is anticlockwise.
      const [southWest, southEast, , northWest] = ring.map(([lng, lat]) => this.map.latLngToContainerPoint([lat, lng]));
      const { naturalWidth: width, naturalHeight: height } = image;
      context.save();
      context.transform(
        (southEast.x - southWest.x) / width, (southEast.y - southWest.y) / width,
        (southWest.x - northWest.x) / height, (southWest.y - northWest.y) / height, northWest.x, northWest.y,
      );
      context.drawImage(image, 0, 0);
      context.restore();
    }
  }

  select(row) {
    this.selected = row?.id ?? null;
    this.details = null;
    this.tiles.clearLayers();
    this.quicklooks.clear();
    this.images.redraw();
    this.areas.redraw();
    if (row?.bbox) this.fit([row.bbox]);
  }

  /** Draw the cells of an order, with a tooltip of the acquisitions in each, and its AOI. */
  showTiles(details, fit = true) {
    this.details = details;
    this.tiles.clearLayers();
    this.shapes = new Map();
    const palette = this.palette;
    const maxTiles = Math.max(1, ...details.cells.map(([, , tiles]) => tiles.length));
    for (const [cell, ring, tiles] of details.cells) {
      const corners = ring.map(([lng, lat]) => [lat, lng]);
      const shape = L.polygon(corners, {
        pane: "tiles", renderer: this.renderer, color: palette.select, weight: 1.2, fillColor: palette.select, fillOpacity: this.quicklooks.has(cell) ? 0 : 0.12 + (0.3 * tiles.length) / maxTiles,
      });
      this.shapes.set(cell, shape);
      const lines = tiles.slice(0, 8).map(([acquisition, date]) => make("div", {}, [date, acquisition].filter(Boolean).join("  ")));
      if (tiles.length > 8) lines.push(make("div", {}, `and ${tiles.length - 8} more`));
      shape.bindTooltip(make("div", {}, make("b", {}, cell), ...lines), { sticky: true, className: "tip" });
      this.tiles.addLayer(shape);
    }
    if (details.aoi) {
      const style = { color: palette.select, weight: 2, dashArray: "5 4", fill: false };
      this.tiles.addLayer(L.geoJSON(details.aoi, { pane: "tiles", renderer: this.renderer, interactive: false, style }));
    }
    this.areas.redraw();
    if (!fit) return;
    // Opening the details panel has changed the size of the map.
    this.map.invalidateSize({ pan: false });
    const bounds = L.latLngBounds([]);
    this.tiles.eachLayer((layer) => bounds.extend(layer.getBounds()));
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [28, 28], maxZoom: 13 });
  }
}
